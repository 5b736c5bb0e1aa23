import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packet from 'dns-packet'
import { parse, stringify } from 'yaml'
import { readAddress } from '../../src/base/address.js'
import type { Clock } from '../../src/base/clock.js'
import { PackedAnswerCache } from '../../src/cache/packed.js'
import { Shelf } from '../../src/cache/shelf.js'
import { readRrtype, showRrtype } from '../../src/dns/rrtype.js'
import { MATCH, PROTOCOL, QueryEvent, VERDICT } from '../../src/log/event.js'
import { compile } from '../../src/policy/compile.js'
import { Policy } from '../../src/policy/policy.js'
import { Arrivals } from '../../src/resolver/arrivals.js'
import { LATER } from '../../src/resolver/responder.js'
import { Resolver } from '../../src/resolver/resolve.js'
import { Witness } from '../../src/resolver/witness.js'
import { loadRules } from '../../src/rules/load.js'
import type { Forwarder } from '../../src/upstream/forwarder.js'
import { readName, showName } from '../../src/wire/name.js'
import { readRecord } from './records.js'

/** What a scenario file holds: rules, canned upstream answers, and steps with what is expected. */
export interface Scenario {
  readonly it: string
  readonly rules: { readonly networks: object; readonly apps?: Record<string, object> }
  readonly upstream?: readonly Canned[]
  readonly start?: string
  readonly steps: readonly Step[]
}
interface Canned {
  readonly name: string
  readonly type: string
  readonly rcode?: string
  readonly answers?: readonly string[]
  readonly authorities?: readonly string[]
  /** No upstream answers. */
  readonly dead?: boolean
}
interface Step {
  readonly wait?: number
  readonly at?: string
  readonly rules?: Scenario['rules']
  readonly query?: {
    readonly from: string
    readonly name: string
    readonly type?: string
    readonly edns?: boolean
    readonly protocol?: 'udp' | 'tcp'
    readonly rd?: boolean
  }
  readonly expect?: {
    readonly rcode?: string
    readonly answers?: readonly string[]
    readonly authorities?: readonly string[]
    readonly ede?: number
    readonly silence?: boolean
    readonly truncated?: boolean
    /** Whether an upstream was asked for this step. */
    readonly asked?: boolean
  }
  readonly log?: Readonly<Record<string, unknown>> | null
}

/** What came of one step: what the client got, and what the log would have. */
export interface Seen {
  readonly reply: Uint8Array | undefined
  readonly asked: boolean
  readonly log: { readonly [field: string]: unknown; readonly rule: unknown } | undefined
}

export function readScenario(file: string): Scenario {
  return parse(readFileSync(file, 'utf8')) as Scenario
}

class FakeClock implements Clock {
  constructor(public epoch: number) {}
  monotonic = 1000
  now = (): number => this.monotonic
  wall = (): number => this.epoch
  pass(ms: number): void {
    this.epoch += ms
    this.monotonic += ms
  }
}

/**
 * The real resolver between in-memory ends. `door` says how queries come in: `fast` is how
 * listeners do it; `full` takes each query through `answerLater`, whatever it is;
 * `ready` asks three times, as `fast` does, so that what can be is given from the shelf.
 */
export class Stage {
  private readonly clock: FakeClock
  private readonly events: QueryEvent[] = []
  private resolver: Resolver | undefined
  private policy: Policy | undefined
  private asked = false
  private generation = 0

  constructor(
    private readonly scenario: Scenario,
    private readonly door: 'fast' | 'full' | 'ready'
  ) {
    this.clock = new FakeClock(Date.parse(scenario.start ?? '2026-01-01T00:00:00Z'))
  }

  async step(step: Step): Promise<Seen | undefined> {
    if (this.resolver === undefined) await this.adopt(this.scenario.rules)
    if (step.wait !== undefined) this.clock.pass(step.wait * 1000)
    if (step.at !== undefined) this.clock.epoch = Date.parse(step.at)
    if (step.rules !== undefined) await this.adopt(step.rules)
    if (step.query === undefined) return undefined
    this.asked = false
    this.events.length = 0
    let reply = await this.ask(step.query)
    if (this.door === 'ready') {
      await this.ask(step.query)
      reply = await this.ask(step.query)
    }
    return { reply, asked: this.asked, log: this.events[0] && this.record(this.events[0]) }
  }

  private async adopt(rules: Scenario['rules']): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'interdict-scenario-'))
    mkdirSync(join(folder, 'apps'))
    writeFileSync(join(folder, 'networks.yaml'), stringify(rules.networks))
    for (const [id, app] of Object.entries(rules.apps ?? {})) {
      writeFileSync(join(folder, 'apps', `${id}.yaml`), stringify({ app: id, title: id, ...app }))
    }
    const loaded = await loadRules(folder)
    if (!loaded.ok) throw new Error(loaded.errors.map(error => error.message).join('\n'))
    const policy = new Policy(
      compile(loaded.rules, { generation: ++this.generation, random: () => 7 })
    )
    rmSync(folder, { recursive: true })
    this.policy = policy
    if (this.resolver === undefined) this.resolver = this.build(policy)
    else this.resolver.adopt(policy)
  }

  private build(policy: Policy): Resolver {
    const { clock } = this
    const cache = new PackedAnswerCache(1_000_000, clock)
    const limits = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }
    const push = (event: QueryEvent): void => {
      const copy = Object.assign(new QueryEvent(), event)
      copy.qname = event.qname.slice(0, event.qnameLength)
      this.events.push(copy)
    }
    const shelf = this.door === 'ready' ? new Shelf(100_000, clock.now()) : undefined
    const witness = new Witness('all', { push, commit: () => undefined })
    const arrivals = new Arrivals(cache, limits)
    const forwarder = this.forwarder()
    return new Resolver({ policy, cache, shelf, forwarder, arrivals, witness, clock })
  }

  private forwarder(): Forwarder {
    return {
      upstreams: ['canned'],
      inFlight: 0,
      close: () => undefined,
      forward: (inquiry, done) => {
        this.asked = true
        const canned = this.canned(showName(inquiry.qname), showRrtype(inquiry.qtype))
        setImmediate(() => {
          if (canned.dead) done({ kind: 'failure', ede: 22, upstream: 0, took: 1 })
          else done({ kind: 'response', message: encode(inquiry, canned), upstream: 0, took: 1 })
        })
      }
    }
  }

  private canned(name: string, type: string): Canned {
    const same = (one: Canned): boolean => one.name === name.toLowerCase() && one.type === type
    return this.scenario.upstream?.find(same) ?? { name, type, rcode: 'SERVFAIL' }
  }

  private async ask(query: NonNullable<Step['query']>): Promise<Uint8Array | undefined> {
    const message = encodeQuery(query)
    const protocol = PROTOCOL[query.protocol ?? 'udp']
    const client = words(query.from)
    const resolver = this.resolver!
    resolver.beginBatch()
    if (this.door !== 'full') {
      const octets = new Uint8Array(protocol === PROTOCOL.tcp ? 65_535 : 2048)
      octets.set(message)
      const length = resolver.answer(octets, 0, message.length, octets.length, client, 0, protocol)
      if (length !== LATER) return length === 0 ? undefined : octets.slice(0, length)
    }
    return new Promise(resolve => {
      resolver.answerLater(message, client, protocol, (octets, start, end) => {
        resolve(octets?.slice(start, end))
      })
    })
  }

  private record(event: QueryEvent): Seen['log'] {
    const claim = event.claim === -1 ? undefined : this.policy!.snapshot.claims[event.claim]
    const word = (table: Record<string, number>, value: number): string =>
      Object.keys(table).find(key => table[key] === value)!
    return {
      verdict: word(VERDICT, event.verdict),
      match: word(MATCH, event.match),
      qname: showName(event.qname),
      rule: claim?.ruleId,
      source: claim?.source.id,
      ede: event.ede
    }
  }
}

function words(address: string): Uint32Array {
  const octets = readAddress(address)
  const view = new DataView(octets.buffer, octets.byteOffset)
  return Uint32Array.from([0, 4, 8, 12], at => view.getUint32(at))
}

function encodeQuery({
  name,
  type = 'A',
  edns = true,
  rd = true
}: NonNullable<Step['query']>): Uint8Array {
  const qname = Buffer.from(readName(name))
  // The case of the query is the asker's own: written over the lower-cased name.
  let at = 1
  for (const label of name.split('.').filter(label => label !== '')) {
    qname.write(label, at, 'latin1')
    at += label.length + 1
  }
  const code = readRrtype(type)!
  const head = Buffer.from([0xab, 0xcd, rd ? 1 : 0, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0])
  const tail = Buffer.from([code >> 8, code & 255, 0, 1])
  const opt = Buffer.from([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])
  return Uint8Array.from(Buffer.concat([head, qname, tail, ...(edns ? [opt] : [])]))
}

function encode(inquiry: { qname: Uint8Array; qtype: number }, canned: Canned): Uint8Array {
  const body = packet.encode({
    type: 'response',
    id: 1,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: [],
    answers: (canned.answers ?? []).map(readRecord),
    authorities: (canned.authorities ?? []).map(readRecord)
  })
  const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
  body[3]! |= rcodes.indexOf(canned.rcode ?? 'NOERROR')
  body[5] = 1
  const question = Buffer.concat([
    inquiry.qname,
    Buffer.from([inquiry.qtype >> 8, inquiry.qtype & 255, 0, 1])
  ])
  // dns-packet writes no compression pointers, so a question can be put in between.
  return Uint8Array.from(Buffer.concat([body.subarray(0, 12), question, body.subarray(12)]))
}
