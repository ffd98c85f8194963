// The parts of a test's world: programs on free ports of 127.0.0.1, ended by their own process.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'

export const GEMINI = 'google/gemini-2.0-flash-exp:free'
export const DEEPSEEK = 'deepseek/deepseek-chat-v3-0324:free'

const bin = process.env.FREEFALL_BIN ?? fileURLToPath(new URL('../../../bin', import.meta.url))

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}

// start runs a program and returns when url answers; what it prints is shown when it does not.
async function start(name, args, cwd, url) {
  const path = join(bin, name)
  if (!existsSync(path)) throw new Error(`${path} is missing; build it with make e2e`)
  const child = spawn(path, args, { cwd, env: { PATH: process.env.PATH, HOME: cwd } })
  let output = ''
  child.stdout.on('data', (data) => { output += data })
  child.stderr.on('data', (data) => { output += data })
  for (const deadline = Date.now() + 30_000; Date.now() < deadline && child.exitCode === null; await sleep(20)) {
    const answer = await fetch(url).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.ok) return child
  }
  child.kill()
  throw new Error(`${name} does not answer at ${url}:\n${output}`)
}

function stop(child) {
  return new Promise((done) => {
    child.once('exit', done)
    child.kill('SIGTERM')
  })
}

// World is the simulated provider with freefall before it: the good model first, then the one that a test breaks.
export class World {
  static async open() {
    const world = new World()
    world.dir = mkdtempSync(join(tmpdir(), 'freefall-'))
    const [upstream, listen] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
    world.upstream = `http://${upstream}`
    world.baseURL = `http://${listen}/v1`
    world.provider = await start('provider', [upstream], world.dir, `${world.upstream}/control`)
    world.configure()
    world.proxy = await start('freefall', ['serve', '--config', 'models.yaml', '--listen', listen], world.dir, `http://${listen}/healthz`)
    return world
  }

  configure() {
    mkdirSync(this.dir, { recursive: true })
    writeFileSync(join(this.dir, 'models.yaml'), JSON.stringify({
      data_dir: '',
      timeouts: { connect: '1s', first_token: '1s', answer: '5s', idle: '500ms', total: '10s' },
      routing: { order: 'priority', max_wait: '0s' },
      breaker: { failures: 100 },
      providers: {
        openrouter: { base_url: `${this.upstream}/api/v1`, dialect: 'openrouter', keys: ['sk-or-e2e'], limits: 'none', discover: 'off' },
      },
      models: [
        { id: DEEPSEEK, provider: 'openrouter', supports_tools: true, supports_json_schema: true },
        { id: GEMINI, provider: 'openrouter', supports_tools: true, supports_json_schema: true, supports_vision: true },
      ],
    }))
  }

  client(options = {}) {
    return new OpenAI({ baseURL: this.baseURL, apiKey: 'unused', maxRetries: 0, timeout: 60_000, ...options })
  }

  async script(model, ...steps) {
    const answer = await fetch(`${this.upstream}/control`, { method: 'POST', body: JSON.stringify({ script: { [model]: steps } }) })
    if (!answer.ok) throw new Error(await answer.text())
    await answer.arrayBuffer()
  }

  // state is what the simulated provider has seen.
  async state() {
    return (await fetch(`${this.upstream}/control`)).json()
  }

  // reset forgets what the provider has seen and was told, and what freefall remembers of its models.
  async reset() {
    const paths = [DEEPSEEK, GEMINI].map((id) => new URL(`/api/chat/models/${encodeURIComponent(id)}/reset`, this.baseURL))
    for (const answer of [await fetch(`${this.upstream}/control`, { method: 'DELETE' }), ...await Promise.all(paths.map((path) => fetch(path, { method: 'POST' })))]) {
      if (!answer.ok) throw new Error(await answer.text())
      await answer.arrayBuffer()
    }
  }

  async close() {
    await stop(this.proxy)
    await stop(this.provider)
    rmSync(this.dir, { recursive: true })
  }
}
