// What users of the openai package for Node do, through freefall to the simulated provider.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import OpenAI from 'openai'
import { DEEPSEEK, GEMINI, World } from './world.mjs'

const timeout = 60_000
const messages = [{ role: 'user', content: 'hello' }]
const tools = [{
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
}]

let world, client
before(async () => {
  world = await World.open()
  client = world.client()
}, { timeout })
after(() => world?.close(), { timeout })
beforeEach(async () => {
  await world.script(DEEPSEEK)
  await world.script(GEMINI, { kind: 'fault', status: 500, always: true })
})

test('a plain answer comes from the next model', { timeout }, async () => {
  const { data, response } = await client.chat.completions.create({ model: GEMINI, messages }).withResponse()
  assert.match(data.choices[0].message.content, /hello/)
  assert.equal(response.headers.get('x-freefall-trail'), `${GEMINI}=upstream_fault; ${DEEPSEEK}=ok`)
})

test('a stream too', { timeout }, async () => {
  const stream = await client.chat.completions.create({ model: GEMINI, messages, stream: true, stream_options: { include_usage: true } })
  let text = '', usage = 0
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    if (chunk.usage) usage++
  }
  assert.match(text, /hello/)
  assert.equal(usage, 1)
})

test('tool calls, whole and streamed', { timeout }, async () => {
  const ask = { model: GEMINI, messages: [{ role: 'user', content: 'call the tool' }], tools }
  const whole = await client.chat.completions.create(ask)
  assert.equal(whole.choices[0].message.tool_calls[0].function.name, 'get_weather')
  const final = await client.chat.completions.stream(ask).finalChatCompletion()
  assert.equal(final.choices[0].finish_reason, 'tool_calls')
  assert.ok('city' in JSON.parse(final.choices[0].message.tool_calls[0].function.arguments))
})

test('models, by list and by an id with a slash and a colon', { timeout }, async () => {
  const ids = []
  for await (const model of client.models.list()) ids.push(model.id)
  assert.ok(ids.includes(GEMINI) && ids.includes(DEEPSEEK))
  assert.equal((await client.models.retrieve(GEMINI)).id, GEMINI)
})

test('an invalid request is a BadRequestError that names the field', { timeout }, async () => {
  await assert.rejects(client.chat.completions.create({ model: GEMINI }), (err) => {
    assert.ok(err instanceof OpenAI.BadRequestError)
    assert.equal(err.param, 'messages')
    return true
  })
})

test('an exhausted chain is a RateLimitError that is not tried again', { timeout }, async () => {
  let sent = 0
  const counting = world.client({ maxRetries: 2, fetch: (...args) => { sent++; return fetch(...args) } })
  const hour = { kind: 'fault', status: 429, headers: { 'retry-after': '3600' }, always: true }
  await world.script(DEEPSEEK, hour)
  await world.script(GEMINI, hour)
  await assert.rejects(counting.chat.completions.create({ model: 'auto', messages }), (err) => {
    assert.ok(err instanceof OpenAI.RateLimitError)
    assert.equal(err.code, 'all_models_exhausted')
    assert.equal(err.headers.get('x-should-retry'), 'false')
    return true
  })
  assert.equal(sent, 1)
})
