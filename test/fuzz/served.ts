import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds, Octets } from '../../src/base/units.js'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { descriptors, residentMemory } from './memory.js'
import { NETWORKS } from './rules.js'

export type Kind = 'batch' | 'portable'

/** States in /proc/net/tcp of connections with a descriptor: ESTABLISHED and CLOSE_WAIT. */
const HELD = ['01', '08']
const START: Milliseconds = 20_000
const STOP: Milliseconds = 15_000

const settings = (kind: Kind, upstreams: readonly Endpoint[]): string => `
listen: ['127.0.0.1:0']
transport: ${kind}
workers: 1
upstreams:
  servers: [${upstreams.map(({ address, port }) => `'${address}:${port}'`).join(', ')}]
  use-resolv-conf: false
cache: { size: 4MB }
tcp: { idle: 1s }
log: { queries: { file: queries.jsonl, rotate: { size: 8MB } } }
`

/** A gateway as it is run, in a process of its own, with one worker: so what it got is in order. */
export class Served {
  port = 0
  /** What it told of itself. */
  output = ''

  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess
  ) {
    child.stderr!.on('data', (data: Buffer) => (this.output += data.toString()))
  }

  /** @throws Error if it does not come to serve */
  static async start(kind: Kind, upstreams: readonly Endpoint[]): Promise<Served> {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-fuzz-'))
    const file = join(folder, 'interdict.yaml')
    mkdirSync(join(folder, 'rules'))
    writeFileSync(file, settings(kind, upstreams))
    writeFileSync(join(folder, 'rules/networks.yaml'), NETWORKS)
    const args = ['dist/src/cli/main.js', 'serve', '-c', file]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const served = new Served(folder, child)
    for (let waited = 0; waited < START && child.exitCode === null; waited += 20) {
      served.port = Number(/dig @127\.0\.0\.1 -p (\d+)/.exec(served.output)?.[1] ?? 0)
      if (served.port !== 0) return served
      await sleep(20)
    }
    await served.stop()
    throw new Error(`the gateway did not start:\n${served.output}`)
  }

  get memory(): Octets {
    return residentMemory(this.child.pid!)
  }

  get descriptors(): number {
    return descriptors(this.child.pid!)
  }

  /** TCP connections that clients have with it, those not counted that only wait for their end. */
  get connections(): number {
    const rows = readFileSync('/proc/net/tcp', 'latin1').trim().split('\n').slice(1)
    const fields = rows.map(row => row.trim().split(/\s+/))
    return fields.filter(([, local, , state]) => local === this.local && HELD.includes(state!))
      .length
  }

  private get local(): string {
    return `0100007F:${this.port.toString(16).toUpperCase().padStart(4, '0')}`
  }

  /** Datagrams that found no room in the kernel's memory for its socket, and were lost. */
  get drops(): number {
    const rows = readFileSync('/proc/net/udp', 'latin1').split('\n')
    const row = rows.find(line => line.includes(` ${this.local} `))
    return Number(row?.trim().split(/\s+/).at(-1) ?? 0)
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Ends it as a service manager does. @returns what was wrong with it, if anything was */
  async stop(): Promise<string[]> {
    const wrong: string[] = []
    if (!this.isAlive) wrong.push(`the gateway ended by itself:\n${this.output.slice(-2000)}`)
    else {
      const ended = once(this.child, 'exit')
      this.child.kill('SIGTERM')
      const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP)
      await ended
      clearTimeout(timer)
      if (this.child.exitCode !== 0) wrong.push(`exit code ${String(this.child.exitCode)}`)
    }
    const died = this.output.split('\n').filter(line => line.includes('died'))
    rmSync(this.folder, { recursive: true, force: true })
    return [...wrong, ...died]
  }
}
