import type { Milliseconds } from '../../src/base/units.js'
import { transports } from '../server/transports.js'
import { Dice } from './dice.js'
import { Client, PROBE } from './flood.js'
import { Curve } from './memory.js'
import { mutate } from './mutate.js'
import { MutatingUpstream } from './mutating-upstream.js'
import type { Options } from './options.js'
import type { Say } from './run-inside.js'
import { readSeeds, type Seeds } from './seeds.js'
import { Served, type Kind } from './served.js'

const CLIENTS = ['127.0.0.1', '127.0.0.2', '127.128.0.1', '127.0.0.3'] as const
/** Clients at each of these addresses: so many that no ID comes again within the time of answers. */
const CLIENTS_EACH = 4
/** Messages between two probes: no more than the kernel keeps for a socket. */
const BURST = 128
/** Of a hundred queries, those for names that nobody asked for before: an upstream is asked. */
const FRESH = 30
const POINTS = 25
/** The first so many messages may take memory: caches, tables and sockets fill. */
export const WARM = 100_000
const ALLOWED = 16 * 2 ** 20
const BUDGET: Milliseconds = 1
const MOST_FAULTS = 10

/** Mutants over UDP to a gateway as it is run, mutants in answers too. @returns what is wrong */
export async function runUdp(options: Options, say: Say): Promise<string[]> {
  const wrong: string[] = []
  for (const { kind } of transports()) {
    const faults = await flood(kind, options, say)
    wrong.push(...faults.map(fault => `${kind}: ${fault}`))
  }
  return wrong
}

async function flood(kind: Kind, options: Options, say: Say): Promise<string[]> {
  const dice = new Dice(options.seed)
  const seeds = readSeeds()
  const upstreams = [
    await MutatingUpstream.open(seeds.responses, dice),
    await MutatingUpstream.open(seeds.responses, dice)
  ]
  const served = await Served.start(
    kind,
    upstreams.map(({ endpoint }) => endpoint)
  )
  const clients: Client[] = []
  for (const address of CLIENTS.flatMap(one => Array<string>(CLIENTS_EACH).fill(one))) {
    clients.push(await Client.open(address, served.port))
  }
  const parts = { served, clients, seeds, dice, upstreams }
  const wrong = await new Flood(kind, parts, options, say).run()
  for (const end of [...clients, ...upstreams]) end.close()
  return [...wrong, ...(await served.stop())]
}

interface Parts {
  readonly served: Served
  readonly clients: readonly Client[]
  readonly upstreams: readonly MutatingUpstream[]
  readonly seeds: Seeds
  readonly dice: Dice
}

class Flood {
  private readonly curve = new Curve()
  private readonly probes: Milliseconds[] = []
  private done = 0

  constructor(
    private readonly kind: Kind,
    private readonly parts: Parts,
    private readonly options: Options,
    private readonly say: Say
  ) {}

  async run(): Promise<string[]> {
    const { served, clients } = this.parts
    const { messages } = this.options
    const wrong: string[] = []
    const started = performance.now()
    let next = 0
    while (this.done < messages && wrong.length === 0) {
      const client = clients[Math.floor(this.done / BURST) % clients.length]!
      this.burst(client)
      // The first probe comes to its turn when the burst is through; the second is measured.
      if ((await client.ask(PROBE)) === undefined) wrong.push(this.silence())
      else this.probes.push((await client.ask(PROBE)) ?? Infinity)
      if (client.faults.length > MOST_FAULTS) break
      if (this.done >= next && served.isAlive) {
        this.curve.add(this.done, served.memory)
        next += messages / POINTS
      }
    }
    this.tell(performance.now() - started)
    return [...wrong, ...clients.flatMap(({ faults }) => faults), ...this.overBudget()]
  }

  private burst(client: Client): void {
    const { seeds, dice } = this.parts
    for (let left = BURST; left > 0; left--) {
      // Every tenth is a response, which must never be answered.
      const { octets } = dice.pick(dice.chance(90) ? seeds.queries : seeds.responses)
      const message = dice.chance(FRESH) ? freshen(octets, dice) : octets
      client.send(mutate(message, dice.pick(seeds.queries).octets, dice).octets)
    }
    this.done += BURST
  }

  private silence(): string {
    const state = this.parts.served.isAlive ? 'hangs' : 'is gone'
    return `after ${this.done} messages the gateway ${state}:\n${this.parts.served.output.slice(-2000)}`
  }

  private overBudget(): string[] {
    const { curve, probes } = this
    const growth = curve.growthAfter(WARM)
    const middle = quantile(probes, 0.5)
    return [
      ...(growth > ALLOWED ? [`memory grew by ${(growth / 2 ** 20).toFixed(1)} MB`] : []),
      ...(middle > BUDGET ? [`probes took ${middle.toFixed(2)} ms in the middle, not 1`] : [])
    ]
  }

  private tell(took: Milliseconds): void {
    const { probes, done, curve } = this
    const { served, clients, upstreams } = this.parts
    const replies = clients.reduce((sum, client) => sum + client.replies, 0)
    const answers = upstreams.reduce((sum, { sent }) => sum + sent, 0)
    const lost = served.isAlive ? served.drops : 0
    const rate = Math.round(done / (took / 1000))
    const [p50, p99] = [0.5, 0.99].map(q => quantile(probes, q).toFixed(3))
    const quick = probes.filter(took => took <= BUDGET).length
    const within = ((100 * quick) / probes.length).toFixed(1)
    this.say(
      `udp, ${this.kind}: ${done} messages, ${rate} a second; ${replies} replies; ${answers} mutated answers; ` +
        `${lost} lost in the kernel\n` +
        `${probes.length} probes between bursts: p50 ${p50} ms, p99 ${p99} ms, ${within}% within ${BUDGET} ms\n\n` +
        curve.show('messages')
    )
  }
}

/** Other letters in the first label of QNAME, which stays as long as it was. */
function freshen(message: Uint8Array, dice: Dice): Uint8Array {
  const copy = message.slice()
  const end = Math.min(copy.length, 13 + copy[12]!)
  for (let at = 13; at < end; at++) copy[at] = 0x61 + dice.below(26)
  return copy
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Infinity
}
