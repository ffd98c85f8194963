// A stream of 60 chunks breaks in every way, at points before and after its first content.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
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

// allowed is what the client may get when so many events came before the break. A reset throws away what had arrived and
// was not yet read.
function allowed(how, point) {
  const saved = [whole, 'done']
  const partial = Array.from({ length: Math.max(point - 1, 0) }, (_, n) => ['x'.repeat(n + 1), 'raised'])
  if (how === 'reset') return [saved, ...partial]
  return partial.length > 0 ? partial.slice(-1) : [saved]
}

for (const how of ['close', 'reset', 'stall', 'garble', 'error', 'error_choice', 'end']) {
  test(`a cut by ${how}`, { timeout }, async () => {
    await world.script(DEEPSEEK, { kind: 'ok', text: whole, always: true })
    for (const point of points) {
      await world.script(GEMINI, { kind: 'cut', how, after: point, chunks: 60, text: 'x'.repeat(60) })
      const got = await read(world.client())
      assert.ok(allowed(how, point).some((one) => isDeepStrictEqual(one, got)), `cut after ${point} events: ${got}`)
    }
  })
}
