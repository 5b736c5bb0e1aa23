import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ask } from '../kit/ask.js'
import { putLoad, type Load, type Tally } from '../kit/load.js'
import { Server } from '../kit/server.js'
import { signedName, SignedZones, trapName } from '../kit/signed-zones.js'
import type { Workshop } from '../kit/workshop.js'
import type { Peer } from '../peers/peer.js'
import type { Seconds } from '../../src/base/units.js'
import { findFault, measure, type Row } from './throughput.js'

/** Names of signed zones that each server gets in a round: each is asked once, so each is a validated miss. */
const MISSES = 5_000
/** Validated before each measurement: a server has stood still for the turns of the others. */
const AGAIN = 500
const WARM_UP = 10_000
const HITS = 1_000
/** Many more than a zone may fail verifications in a minute. */
const TRAPS = 200
/** 64 queries in flight, which a busy machine may need seconds for. */
const UNHURRIED = { sockets: 4, timeout: 4 }
/** Queries a second of the other clients while a KeyTrap zone is queried. */
const RATE = 2_000

/** Titles by name. */
export const VALIDATED: Readonly<Record<'validated-miss' | 'validated-hit', string>> = {
  'validated-miss':
    'every answer new, signed by ECDSA P-256 and validated; one zone, its keys cached',
  'validated-hit': 'cached answers of a network that enforces validation'
}

/** Latency of other clients' hits, quiet and while clients query for names of a KeyTrap zone. */
export interface TrapRow {
  readonly peer: string
  readonly quiet: Tally[]
  readonly trapped: Tally[]
  /** Answers for names of the zone meanwhile. */
  answers: number
  problem: string | undefined
}

export interface Validated {
  readonly misses: Row[]
  readonly hits: Row[]
  readonly traps: TrapRow[]
}

type Plan = { readonly rounds: number; readonly seconds: Seconds }

/** Servers that validate, as forwarders to the same signed zones, in turns. */
export async function measureValidated(
  peers: readonly Peer[],
  workshop: Workshop,
  plan: Plan
): Promise<Validated> {
  const folder = join(workshop.folder, 'signed')
  const names = HITS + WARM_UP + plan.rounds * (AGAIN + MISSES)
  const zones = await SignedZones.open(folder, { names, traps: plan.rounds * TRAPS })
  const files = new QuerySlices(folder)
  const results: Validated = { misses: [], hits: [], traps: [] }
  const servers: Server[] = []
  try {
    for (const peer of peers) {
      const server = await Server.start(peer, workshop, {
        blocklist: undefined,
        log: false,
        signed: zones
      })
      server.process.pause()
      servers.push(server)
      const row = { peer: peer.name, problem: undefined }
      const throughput = { ...row, dnsperf: undefined, logged: undefined }
      results.misses.push({ ...throughput, samples: [] })
      results.hits.push({ ...throughput, samples: [] })
      results.traps.push({ ...row, quiet: [], trapped: [], answers: 0 })
    }
    await new Rounds(servers, results, workshop, files, plan).run()
    return results
  } finally {
    for (const server of servers) await server.stop()
    await zones.close()
  }
}

/** Query files with names that come in no other. */
class QuerySlices {
  private used = 0
  private files = 0

  constructor(private readonly folder: string) {}

  next(count: number): Promise<string> {
    const from = this.used
    this.used += count
    return this.write(count, i => signedName(from + i))
  }

  write(count: number, name: (index: number) => string): Promise<string> {
    const path = join(this.folder, `queries-${++this.files}`)
    const lines = Array.from({ length: count }, (_, i) => `${name(i)} A\n`).join('')
    return writeFile(path, lines).then(() => path)
  }
}

class Rounds {
  constructor(
    private readonly servers: readonly Server[],
    private readonly results: Validated,
    private readonly workshop: Workshop,
    private readonly files: QuerySlices,
    private readonly plan: Plan
  ) {}

  async run(): Promise<void> {
    const { files, plan } = this
    const hits = await files.next(HITS)
    const first = await files.next(WARM_UP)
    await this.turn('misses', async server => {
      await this.put(server, { queries: hits, count: HITS, seconds: 10 })
      await this.put(server, { queries: first, count: WARM_UP, seconds: 60 })
      await this.put(server, { queries: hits, seconds: 1 })
    })
    for (let round = 0; round < plan.rounds; round++) {
      const [again, misses] = [await files.next(AGAIN), await files.next(MISSES)]
      await this.turn('misses', async (server, i) => {
        await this.put(server, { queries: again, count: AGAIN, seconds: 30 })
        await this.sample('misses', i, { queries: misses, count: MISSES, seconds: 60 })
      })
      await this.turn('hits', async (server, i) => {
        await this.put(server, { queries: hits, seconds: 0.5 })
        await this.sample('hits', i, { queries: hits, seconds: plan.seconds })
      })
    }
    for (let round = 0; round < plan.rounds; round++) {
      const traps = await files.write(TRAPS, i => trapName(round * TRAPS + i))
      await this.turn('traps', (server, i) => this.trap(server, i, hits, traps))
    }
  }

  private async sample(kind: 'misses' | 'hits', i: number, load: Load): Promise<void> {
    const [server, row] = [this.servers[i]!, this.results[kind][i]!]
    row.problem = await findUnvalidated(server)
    if (row.problem !== undefined) return
    const sample = await measure(server, this.workshop, { ...UNHURRIED, ...load })
    row.problem = findFault(server, sample)
    row.samples.push(sample)
  }

  /** The same open loop twice, the second time while other clients query the zone. */
  private async trap(server: Server, i: number, hits: string, traps: string): Promise<void> {
    const row = this.results.traps[i]!
    const { seconds } = this.plan
    const others = { queries: hits, rate: RATE, seconds }
    await this.put(server, { queries: hits, seconds: 0.5 })
    row.quiet.push(await this.put(server, others))
    const few = { queries: traps, count: TRAPS, sockets: 1, seconds }
    const [trapped, answers] = await Promise.all([this.put(server, others), this.put(server, few)])
    row.trapped.push(trapped)
    row.answers += answers.answered
    const wrong = answers.rcodes.reduce((sum, count, rcode) => sum + (rcode === 2 ? 0 : count), 0)
    if (wrong > 0) row.problem = `${wrong} answers of the KeyTrap zone are not SERVFAIL`
  }

  private put({ port }: Server, load: Load): Promise<Tally> {
    return putLoad(this.workshop.programs, port, { ...UNHURRIED, ...load })
  }

  /** One server after the other; those whose turn it is not stand still. */
  private async turn(
    kind: keyof Validated,
    work: (server: Server, i: number) => Promise<void>
  ): Promise<void> {
    for (const [i, server] of this.servers.entries()) {
      const row = this.results[kind][i]!
      if (row.problem !== undefined) continue
      server.process.resume()
      await work(server, i).catch((error: unknown) => {
        row.problem = error instanceof Error ? error.message : String(error)
      })
      server.process.pause()
    }
  }
}

/** Undefined: the server says that it has validated an answer. */
async function findUnvalidated({ port }: Server): Promise<string | undefined> {
  const reply = await ask(port, signedName(0))
  return reply?.isAuthentic === true ? undefined : 'an answer is not marked as validated (AD)'
}
