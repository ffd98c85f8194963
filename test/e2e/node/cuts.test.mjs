// A stream of 60 chunks breaks in every way, at points before and after its first content.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { APIError } from 'openai'
import { DEEPSEEK, GEMINI, World } from './world.mjs'

const timeout = 60_000
const whole = 'the whole answer of the good model'
const points = [0, 1, 2, 3, 30, 60, 61] // data events before the break; the first carries the role alone

let world
before(async () => { world = await World.open() }, { timeout })
after(() => world?.close(), { timeout })

async function read(client) {
  let text = ''
  try {
    const stream = await client.chat.completions.create({ model: GEMINI, messages: [{ role: 'user', content: 'go on' }], stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  } catch (err) {
    assert.ok(err instanceof APIError, String(err))
    return [text, 'raised']
  }
  return [text, 'done']
}

for (const how of ['close', 'reset', 'stall', 'garble', 'error', 'error_choice', 'end']) {
  test(`a cut by ${how}`, { timeout }, async () => {
    await world.script(DEEPSEEK, { kind: 'ok', text: whole, always: true })
    for (const point of points) {
      await world.script(GEMINI, { kind: 'cut', how, after: point, chunks: 60, text: 'x'.repeat(60) })
      const content = point - 1
      const expected = content > 0 ? ['x'.repeat(content), 'raised'] : [whole, 'done']
      assert.deepEqual(await read(world.client()), expected, `cut after ${point} events`)
    }
  })
}
