// The Responses API, which the AI SDK's own provider for OpenAI speaks unless told otherwise, against models that know chat completions alone.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createOpenAI } from '@ai-sdk/openai'
import { HumanMessage } from '@langchain/core/messages'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { DEEPSEEK, GEMINI, World } from './world.mjs'

const timeout = 60_000
const cut = { kind: 'cut', how: 'close', after: 5, chunks: 10, text: 'x'.repeat(10), always: true }
const thoughtful = { kind: 'ok', text: 'Yes.', reasoning: 'Let me see.', always: true }
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

describe('openai', () => {
  const tools = [
    { type: 'function', name: 'get_weather', strict: true, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } },
    { type: 'custom', name: 'apply_patch' },
  ]

  test('a failure is not seen', { timeout }, async () => {
    const { data, response } = await world.client().responses.create({ model: 'auto', input: 'hello' }).withResponse()
    assert.match(data.output_text, /hello/)
    assert.equal(response.headers.get('x-freefall-trail'), `${DEEPSEEK}=upstream_fault; ${GEMINI}=ok`)
  })

  test('a loop of tools, streamed', { timeout }, async () => {
    const client = world.client(), input = [{ role: 'user', content: 'call all tools' }]
    const { output } = await client.responses.stream({ model: 'auto', input, tools }).finalResponse()
    assert.deepEqual(output.map((call) => call.type), ['function_call', 'custom_tool_call'])
    const results = output.map(({ type, call_id }) => ({ type: `${type}_output`, call_id, output: '18 degrees' }))
    const called = output.map(({ parsed_arguments, ...call }) => call)
    assert.match((await client.responses.create({ model: 'auto', input: [...input, ...called, ...results], tools })).output_text, /18 degrees/)
  })

  test('structured output', { timeout }, async () => {
    const { output_parsed } = await world.client().responses.parse({ model: 'auto', input: 'somewhere', text: { format: zodTextFormat(point, 'point') } })
    assert.ok(point.safeParse(output_parsed).success)
  })

  test('a cut raises in both ways of streaming', { timeout }, async () => {
    await world.script(GEMINI, cut)
    const ask = { model: 'auto', input: 'hello' }
    const broken = (err) => err instanceof OpenAI.APIError && /the answer broke off/.test(err.message)
    await assert.rejects(async () => { for await (const _ of await world.client().responses.create({ ...ask, stream: true })); }, broken)
    await assert.rejects(world.client().responses.stream(ask).finalResponse(), broken)
  })
})

describe('AI SDK', () => {
  const model = () => createOpenAI({ baseURL: world.baseURL, apiKey: 'any' })('auto')
  const providerOptions = { openai: { store: false } } // else it refers to what it was told before, which nobody has kept

  test('thoughts and text', { timeout }, async () => {
    await world.script(GEMINI, thoughtful)
    const { text, reasoningText, finishReason } = await generateText({ model: model(), prompt: 'hello' })
    assert.deepEqual([text, reasoningText, finishReason], ['Yes.', 'Let me see.', 'stop'])
    const parts = []
    for await (const part of streamText({ model: model(), prompt: 'hello' }).fullStream) if (part.text) parts.push(part.type)
    assert.deepEqual([...new Set(parts)], ['reasoning-delta', 'text-delta'])
  })

  test('the next turn brings what was said, or is told how to', { timeout }, async () => {
    const said = await generateText({ model: model(), prompt: 'hello', providerOptions })
    const messages = [{ role: 'user', content: 'hello' }, ...said.response.messages, { role: 'user', content: 'and now?' }]
    assert.match((await generateText({ model: model(), messages, providerOptions })).text, /and now\?/)
    await assert.rejects(generateText({ model: model(), messages, maxRetries: 0 }), /store: false/)
  })
})

describe('LangChain', () => {
  const model = () => new ChatOpenAI({ model: 'auto', apiKey: 'any', configuration: { baseURL: world.baseURL }, maxRetries: 0, useResponsesApi: true })

  test('a tool is called and told of, after thoughts', { timeout }, async () => {
    const tools = [langchainTool(weather, { name: 'get_weather', description: 'the weather', schema: city })]
    await world.script(GEMINI, thoughtful)
    const asked = new HumanMessage('hello'), thought = await model().invoke([asked])
    await world.script(GEMINI)
    const next = new HumanMessage('get_weather of Seoul')
    const called = await model().bindTools(tools).invoke([asked, thought, next])
    const told = await tools[0].invoke(called.tool_calls[0])
    assert.match((await model().bindTools(tools).invoke([asked, thought, next, called, told])).text, /18 degrees in/)
  })

  test('a cut is raised', { timeout }, async () => {
    await world.script(GEMINI, cut)
    await assert.rejects(async () => { for await (const _ of await model().stream('hello')); }, /the answer broke off/)
  })
})
