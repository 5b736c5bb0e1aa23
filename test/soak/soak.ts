/**
 * A gateway under mixed load, for long: its rules replaced every 2 s, its upstream killed and started
 * again every 20 s, one of its workers killed every minute, and each answer checked. Run by
 * `npm run soak`.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../src/base/units.js'
import { Dice } from '../fuzz/dice.js'
import { residentMemory } from '../fuzz/memory.js'
import { BadUpstream, framed, type Behaviour } from '../upstream/bad-upstream.js'
import { Checker } from './checker.js'
import { History } from './history.js'
import { Load } from './load.js'
import type { FromGateway, GatewayOrder } from './messages.js'
import { readOptions, USAGE, type Options } from './options.js'
import { Summary } from './summary.js'
import { networksOf, respond } from './world.js'

const MINUTE: Milliseconds = 60_000
const RULES: Milliseconds = 2_000
const UPSTREAM: Milliseconds = 20_000
/** How long the upstream is gone each time. */
const GONE: Milliseconds = 3_000
const START: Milliseconds = 30_000

class Soak {
  private readonly folder = mkdtempSync(join(tmpdir(), 'interdict-soak-'))
  private readonly history = new History()
  private readonly checker = new Checker(this.history)
  private readonly load: Load
  private readonly summary: Summary
  private readonly child: ChildProcess
  private upstream: BadUpstream | undefined
  private generation = 0
  private inForce = 0
  private port = 0
  private ending = false
  private readonly started = performance.now()

  constructor(private readonly options: Options) {
    this.load = new Load(this.checker, new Dice(options.seed), options.rate)
    this.summary = new Summary(options, this.checker, this.load)
    const file = new URL('gateway-process.js', import.meta.url)
    this.child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child.on('message', (message: FromGateway) => this.hear(message))
    this.child.on('exit', code => {
      if (!this.ending) this.summary.fail(`the gateway's process ended with ${String(code)}`)
    })
  }

  /** @returns whether nothing was wrong */
  async run(): Promise<boolean> {
    try {
      await this.open()
      const end = performance.now() + this.options.minutes * MINUTE
      await Promise.all([
        this.replaceRules(end),
        this.killUpstream(end),
        this.killWorkers(end),
        this.watch(end)
      ])
      await this.load.stop()
      await this.close()
      return this.summary.tell()
    } finally {
      this.child.kill('SIGKILL')
      await this.upstream?.close()
      rmSync(this.folder, { recursive: true, force: true })
    }
  }

  private async open(): Promise<void> {
    this.upstream = await BadUpstream.open(this.behaviour)
    mkdirSync(join(this.folder, 'rules'))
    this.writeRules()
    const file = join(this.folder, 'interdict.yaml')
    this.order({ kind: 'start', file, settings: this.settings() })
    await this.until('the gateway serves', () => this.port !== 0)
    await this.load.start(this.port)
  }

  private async close(): Promise<void> {
    this.ending = true
    const ended = once(this.child, 'exit')
    this.order({ kind: 'stop' })
    await ended
    const { exitCode } = this.child
    if (exitCode !== 0) this.summary.fail(`exit code ${String(exitCode)}`)
  }

  private settings(): string {
    const { transport, workers } = this.options
    const { address, port } = this.upstream!.endpoint
    return `
listen: ['127.0.0.1:0']
transport: ${transport}
workers: ${workers}
upstreams: { servers: ['${address}:${port}'], use-resolv-conf: false }
cache: { size: 4MB, failure-ttl: 1s, stale-recheck: 1s }
log: { queries: { file: queries.jsonl, rotate: { size: 8MB } } }
`
  }

  private readonly behaviour: Behaviour = query => {
    const response = respond(query.message)
    query.send(query.overTcp ? framed(response) : response)
    this.upstream!.seen.length = 0
  }

  private hear(message: FromGateway): void {
    const now = performance.now()
    switch (message.kind) {
      case 'serving':
        this.port = message.port
        break
      case 'rules':
        this.inForce = message.generation
        this.history.inForce(message.generation, now)
        break
      case 'killed':
        this.history.workerDied(now)
        break
      case 'replaced':
        this.summary.replaced++
        break
      case 'log':
        this.summary.note(message.text)
    }
  }

  private async replaceRules(end: Milliseconds): Promise<void> {
    while (performance.now() < end && this.child.exitCode === null) {
      const next = performance.now() + RULES
      this.writeRules()
      const written = performance.now()
      await this.until(`generation ${this.generation}`, () => this.inForce === this.generation)
      this.summary.reloaded(performance.now() - written)
      await sleep(Math.max(0, next - performance.now()))
    }
  }

  /** As editors do it: written beside it, and put in its place. */
  private writeRules(): void {
    const path = join(this.folder, 'rules/networks.yaml')
    writeFileSync(`${path}.new`, networksOf(++this.generation))
    this.history.written(performance.now())
    renameSync(`${path}.new`, path)
  }

  private async killUpstream(end: Milliseconds): Promise<void> {
    for (;;) {
      await sleep(UPSTREAM - GONE)
      if (performance.now() + GONE > end) return
      this.history.upstreamGoes(performance.now())
      await this.upstream!.kill()
      await sleep(GONE)
      await this.upstream!.revive()
      this.history.upstreamComes(performance.now())
      this.summary.outages++
    }
  }

  private async killWorkers(end: Milliseconds): Promise<void> {
    for (;;) {
      await sleep(MINUTE)
      // The last one has to be replaced before the end.
      if (performance.now() + MINUTE / 4 > end) return
      this.history.workerDies(performance.now())
      this.summary.killed++
      this.order({ kind: 'kill' })
    }
  }

  private async watch(end: Milliseconds): Promise<void> {
    for (let minute = 1; performance.now() < end; minute++) {
      await sleep(Math.min(MINUTE, end - performance.now()))
      if (this.child.exitCode !== null) return
      const line = this.summary.minute(minute, residentMemory(this.child.pid!))
      process.stdout.write(`${line}\n`)
    }
  }

  private order(order: GatewayOrder): void {
    this.child.send(order)
  }

  private async until(what: string, met: () => boolean): Promise<void> {
    for (let waited = 0; waited < START; waited += 5) {
      if (met()) return
      await sleep(5)
    }
    throw new Error(
      `not within ${START / 1000} s of ${Math.round(performance.now() - this.started)} ms: ${what}`
    )
  }
}

try {
  const options = readOptions(process.argv.slice(2))
  process.exitCode = (await new Soak(options).run()) ? 0 : 1
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${text}\n\n${USAGE}`)
  process.exitCode = 2
}
