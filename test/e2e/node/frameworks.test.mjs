// What users of the AI SDK and of LangChain for JavaScript do, and a page's own fetch, through freefall to the simulated provider.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage } from '@langchain/core/messages'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'
import { DEEPSEEK, GEMINI, World } from './world.mjs'

const timeout = 60_000
const hour = { kind: 'fault', status: 429, headers: { 'retry-after': '3600' }, always: true }
const cut = { kind: 'cut', how: 'close', after: 5, chunks: 10, text: 'x'.repeat(10), always: true }
const slow = { kind: 'slow', gap: '50ms', chunks: 200, text: 'y'.repeat(200) }
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const point = z.object({ x: z.number(), names: z.array(z.string()) })
const city = z.object({ city: z.string() })
const weather = async ({ city }) => `18 degrees in ${city}`

let world
before(async () => { world = await World.open() }, { timeout })
after(() => world?.close(), { timeout })
beforeEach(async () => { // DeepSeek stands first, and fails
  await world.reset()
  await world.script(DEEPSEEK, { kind: 'fault', status: 500, always: true })
})

// until returns when the provider has seen what is waited for.
async function until(seen) {
  for (const deadline = Date.now() + 10_000; !seen(await world.state()); await sleep(20)) {
    assert.ok(Date.now() < deadline, 'the provider has not seen it')
  }
}

const cancelled = (id) => until((state) => state.models[id]?.cancelled === 1)

// Each provider of the AI SDK speaks another API: chat completions, Responses, Messages.
const providers = {
  'openai-compatible': (more) => createOpenAICompatible({ name: 'freefall', includeUsage: true, supportsStructuredOutputs: true, ...more }),
  openai: createOpenAI,
  anthropic: createAnthropic,
}

for (const [name, provider] of Object.entries(providers)) describe(`AI SDK, ${name}`, () => {
  const model = () => provider({ baseURL: world.baseURL, apiKey: 'any' })('auto')
  const tools = { get_weather: tool({ description: 'the weather', inputSchema: city, execute: weather }) }

  test('a failure is not seen', { timeout }, async () => {
    const { text, response, usage } = await generateText({ model: model(), prompt: 'hello' })
    assert.match(text, /hello/)
    assert.equal(response.headers['x-freefall-trail'], `${DEEPSEEK}=upstream_fault; ${GEMINI}=ok`)
    assert.ok(usage.totalTokens > 0)
  })

  test('a stream in two steps, with a tool between them', { timeout }, async () => {
    const answer = streamText({ model: model(), prompt: 'get_weather of Seoul', tools, stopWhen: stepCountIs(3) })
    let text = ''
    for await (const piece of answer.textStream) text += piece
    assert.match(text, /18 degrees in/)
    assert.deepEqual([(await answer.steps).length, await answer.finishReason], [2, 'stop'])
  })

  test('an object by its schema', { timeout }, async () => {
    const { output } = await generateText({ model: model(), prompt: 'somewhere', output: Output.object({ schema: point }) })
    assert.ok(point.safeParse(output).success)
  })

  test('an image', { timeout }, async () => {
    const content = [{ type: 'text', text: 'What is this?' }, { type: 'image', image: png }]
    const { text } = await generateText({ model: model(), messages: [{ role: 'user', content }] })
    assert.match(text, new RegExp(`an image of ${png.length} bytes \\(image/png\\)`))
  })

  test('nobody left is told in words', { timeout }, async () => {
    await world.script(DEEPSEEK, hour)
    await world.script(GEMINI, hour)
    await assert.rejects(generateText({ model: model(), prompt: 'hello', maxRetries: 0 }), (err) => {
      assert.equal(err.statusCode, 429)
      assert.match(err.message, /^no model can answer now: next: /)
      return true
    })
  })

  test('a cut is an error and no finish', { timeout }, async () => {
    await world.script(GEMINI, cut)
    let text = '', error
    const answer = streamText({ model: model(), prompt: 'hello', onError: (e) => { error = e.error } })
    for await (const piece of answer.textStream) text += piece
    assert.equal(text, 'xxxx')
    assert.match(JSON.stringify(error), /the answer broke off/)
    assert.equal(await answer.finishReason, 'error')
  })

  test('who leaves is not paid for', { timeout }, async () => {
    await world.script(GEMINI, slow)
    const leave = new AbortController()
    let seen = 0
    for await (const _ of streamText({ model: model(), prompt: 'hello', abortSignal: leave.signal }).textStream) if (++seen === 2) leave.abort()
    await cancelled(GEMINI)
    assert.ok(seen < 100)
  })
})

describe('LangChain', () => {
  const model = (more) => new ChatOpenAI({ model: 'auto', apiKey: 'any', configuration: { baseURL: world.baseURL }, maxRetries: 0, ...more })
  const tools = [langchainTool(weather, { name: 'get_weather', description: 'the weather', schema: city })]

  test('a failure is not seen, whole and streamed', { timeout }, async () => {
    assert.match((await model().invoke('hello')).content, /hello/)
    let text = ''
    for await (const chunk of await model().stream('hello')) text += chunk.content
    assert.match(text, /hello/)
  })

  test('a tool is called and told of', { timeout }, async () => {
    const ask = new HumanMessage('get_weather of Seoul')
    const called = await model().bindTools(tools).invoke([ask])
    const told = await tools[0].invoke(called.tool_calls[0])
    assert.match((await model().bindTools(tools).invoke([ask, called, told])).content, /18 degrees in/)
  })

  test('structured output', { timeout }, async () => {
    for (const method of ['jsonSchema', 'functionCalling']) {
      assert.ok(point.safeParse(await model().withStructuredOutput(point, { method }).invoke('somewhere')).success, method)
    }
  })

  test('a cut is raised', { timeout }, async () => {
    await world.script(GEMINI, cut)
    await assert.rejects(async () => { for await (const _ of await model().stream('hello')); }, /the answer broke off/)
  })
})

describe('fetch', () => {
  const ask = (signal) => fetch(world.baseURL + '/chat/completions', {
    method: 'POST', signal, body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
  })

  test('a reader that leaves', { timeout }, async () => {
    await world.script(GEMINI, slow)
    const reader = (await ask()).body.getReader()
    await reader.read()
    await reader.cancel()
    await cancelled(GEMINI)
  })

  test('a signal while nothing has come yet', { timeout }, async () => {
    await world.script(DEEPSEEK, { kind: 'hang', how: 'silence' })
    const leave = new AbortController()
    const answer = ask(leave.signal)
    await until((state) => state.active === 1)
    leave.abort()
    await assert.rejects(answer, { name: 'AbortError' })
    await cancelled(DEEPSEEK)
    assert.equal((await world.state()).models[GEMINI], undefined)
  })
})
