import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { readPrefix } from '../../src/base/values/address.js'
import type { Clock } from '../../src/base/time/clock.js'
import { NameScope } from '../../src/resolver/cache/name-scope.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { Shelf } from '../../src/resolver/cache/shelf.js'
import { ServerCookies } from '../../src/wire/dns/edns/server-cookie.js'
import type { TtlLimits } from '../../src/wire/dns/records/answer.js'
import { readName, showName } from '../../src/wire/dns/name/name.js'
import { showRcode } from '../../src/wire/dns/registry/rcode.js'
import { showRrtype } from '../../src/wire/dns/registry/rrtype.js'
import type { Identification } from '../../src/wire/pki/identity.js'
import { compile } from '../../src/policy/compile/compile.js'
import { IdentityIndex } from '../../src/policy/evaluate/identity-index.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import type { StructuredErrorSettings } from '../../src/policy/evaluate/structured-errors.js'
import { networkOfClass } from '../../src/policy/tables/client-table.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { designationRecords } from '../../src/gateway/discovery/service-binding.js'
import {
  designationNames,
  specialUseNames,
  type SpecialUseName
} from '../../src/policy/tables/special-use-names.js'
import {
  MATCH,
  NO_RCODE,
  PROTOCOL,
  QueryEvent,
  VERDICT
} from '../../src/lookups/event/query-event.js'
import type { ClientIdentity } from '../../src/resolver/context/client-identity.js'
import { CacheFlusher } from '../../src/resolver/cache/cache-flusher.js'
import { ClientResponseTimer } from '../../src/resolver/stages/client-response-timer.js'
import { Fallback } from '../../src/resolver/answers/fallback.js'
import { LookupCounters } from '../../src/resolver/context/lookup-counters.js'
import { ProbeRecognizer } from '../../src/resolver/context/probe-recognizer.js'
import { Prefetcher } from '../../src/resolver/answers/prefetcher.js'
import { QueryLogger } from '../../src/resolver/stages/query-logger.js'
import { RebindingGuard } from '../../src/resolver/stages/rebinding-guard.js'
import { Resolver } from '../../src/resolver/stages/resolve.js'
import { ServerIdentity } from '../../src/resolver/context/server-identity.js'
import { UpstreamResponseHandler } from '../../src/resolver/answers/upstream-response-handler.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import type { Forwarder } from '../../src/resolver/upstream/forwarder.js'
import { FakeTime } from '../upstream/fake-time.js'
import { rulesOf, type RulesText, type Scenario, type Step } from './scenario.js'

/** Of server cookies in all scenarios: that of RFC 9018, appendix A.1. */
const COOKIE_SECRET = 'e5e973e5a6b2a43f48e7dc849e37bfcf'

/** Of the probes of the gateway itself, and an own address of it. */
export const PROBE_KEY = new Uint8Array(32).fill(5)
export const PROBE_SOURCE = Uint32Array.of(0, 0, 0xffff, 0xc0000235)

/** A query log record as scenario files write it. */
export interface Recorded {
  readonly verdict: string
  readonly match: string
  readonly qname: string
  readonly qtype: string
  /** '' if no reply was sent. */
  readonly rcode: string
  readonly protocol: string
  readonly network: string | undefined
  /** Of the address, if it is another one; else empty. */
  readonly addressNetwork: string
  readonly rule: string | undefined
  readonly source: string | undefined
  readonly ede: number
}

/** Defaults of the settings. */
const STALE_MAX = 86_400
const STALE_AFTER = 1800
const STALE_RECHECK = 30

/** A calendar that a scenario may set, and monotonic time that only passes. */
class FakeClock implements Clock {
  private readonly time = new FakeTime()
  readonly timers = this.time.timers
  constructor(public epoch: number) {}
  now = (): number => this.time.clock.now()
  wall = (): number => this.epoch
  pass(ms: number): void {
    this.epoch += ms
    this.time.advance(ms)
  }
}

/** The real resolver with a scenario's rules, on a clock under the scenario's control. */
export class World {
  readonly clock: FakeClock
  readonly events: QueryEvent[] = []
  readonly counters: LookupCounters
  readonly probes: ProbeRecognizer
  private current: Resolver | undefined
  private cacheFlusher: CacheFlusher | undefined
  private shelf: Shelf | undefined
  private policy: Policy | undefined
  private generation = 0
  private identities: { readonly policy: Policy; readonly finder: IdentityIndex } | undefined

  /** @param withShelf without it, every answer is logged */
  constructor(
    private readonly scenario: Scenario,
    private readonly forwarder: Forwarder,
    private readonly withShelf: boolean
  ) {
    this.clock = new FakeClock(Date.parse(scenario.start))
    this.counters = new LookupCounters(this.clock)
    const recognition = { key: PROBE_KEY, sources: [PROBE_SOURCE], worker: 7 }
    this.probes = new ProbeRecognizer(recognition, this.clock)
  }

  get resolver(): Resolver {
    return this.current!
  }

  /** Runs all of a step that comes before its query. */
  async prepare(step: Step): Promise<void> {
    if (this.current === undefined) await this.adopt(rulesOf(this.scenario))
    if (step.wait !== undefined) this.clock.pass(step.wait * 1000)
    if (step.at !== undefined) this.clock.epoch = Date.parse(step.at)
    if (step.rules ?? step.ban) await this.adopt(rulesOf(step))
    if (step.flush !== undefined) this.flush(step.flush)
    this.events.length = 0
  }

  /** The first record since the last `prepare`. */
  get recorded(): Recorded | undefined {
    const [event] = this.events
    return event && this.record(event)
  }

  private flush({ name, subtree }: NonNullable<Step['flush']>): void {
    const steps = this.cacheFlusher!.flush(new NameScope(readName(name), subtree))
    while (!steps.next().done);
    this.shelf?.clear()
  }

  private async adopt(rules: RulesText): Promise<void> {
    const generation = ++this.generation
    this.policy = new Policy(await compiled(rules, generation, specialUseOf(this.scenario)))
    if (this.current === undefined) this.current = this.build(this.policy)
    else this.current.adopt(this.policy)
  }

  private build(policy: Policy): Resolver {
    const { clock, forwarder, scenario, counters, probes } = this
    const limits = limitsOf(scenario)
    const memory = allocateCache(1_000_000, 1)
    const cache = new PackedAnswerCache(memory, clock, STALE_MAX)
    const failures = new PackedAnswerCache(allocateCache(100_000, 1, memory.generation), clock)
    const fallback = new Fallback(cache, failures, {
      staleMax: STALE_MAX,
      staleRecheck: STALE_RECHECK
    })
    const responseTimer = new ClientResponseTimer(fallback, STALE_AFTER, clock, clock.timers)
    const push = (event: QueryEvent): void => {
      const copy = Object.assign(new QueryEvent(), event)
      copy.qname = event.qname.slice(0, event.qnameLength)
      this.events.push(copy)
    }
    const shelf = this.withShelf ? new Shelf(100_000, clock.now()) : undefined
    this.shelf = shelf
    const logger = new QueryLogger('all', { push, commit: () => undefined }, counters)
    const identity = new ServerIdentity(scenario.identity)
    const guard = this.guard()
    const cookies = new ServerCookies(clock, [Buffer.from(COOKIE_SECRET, 'hex')])
    const responses = new UpstreamResponseHandler(cache, fallback, limits)
    const prefetcher = scenario.prefetch
      ? new Prefetcher(cache, responses, forwarder, clock)
      : undefined
    this.cacheFlusher = new CacheFlusher(cache, failures)
    const parts = {
      cache,
      shelf,
      forwarder,
      responses,
      fallback,
      responseTimer,
      prefetcher,
      logger,
      counters,
      identity,
      cookies,
      rebindingGuard: guard,
      structuredErrors: structuredErrorsOf(scenario),
      probes,
      clock
    }
    return new Resolver(parts, policy)
  }

  private guard(): RebindingGuard | undefined {
    const settings = this.scenario['rebinding-guard']
    if (settings === undefined) return undefined
    const names = settings.allow.map(name => readName(name))
    return new RebindingGuard(settings.addresses.map(readPrefix), names)
  }

  /** A client that is recognized, under the rules in force; undefined: by its address alone. */
  identityOf(device: string | undefined, client: Uint32Array): ClientIdentity | undefined {
    if (device === undefined) return undefined
    const find = (): Identification => {
      if (this.identities?.policy !== this.policy)
        this.identities = { policy: this.policy!, finder: new IdentityIndex(this.policy!) }
      return this.identities!.finder.named(device, client)!
    }
    return {
      get clientClass() {
        return find().clientClass
      },
      get addressClass() {
        return find().addressClass
      },
      device: Buffer.from(device)
    }
  }

  private networkOf(clientClass: number): string | undefined {
    return networkOfClass(this.policy!.snapshot.clients, clientClass)
  }

  private record(event: QueryEvent): Recorded {
    const claim = event.claim === -1 ? undefined : this.policy!.claims.at(event.claim)
    const word = (table: Record<string, number>, value: number): string =>
      Object.keys(table).find(key => table[key] === value)!
    return {
      verdict: word(VERDICT, event.verdict),
      match: word(MATCH, event.match),
      qname: showName(event.qname),
      qtype: showRrtype(event.qtype),
      rcode: event.rcode === NO_RCODE ? '' : showRcode(event.rcode),
      protocol: word(PROTOCOL, event.protocol),
      network: this.networkOf(event.clientClass),
      addressNetwork: this.networkOf(event.addressClass) ?? '',
      rule: claim?.ruleId,
      source: claim?.source.id,
      ede: event.ede
    }
  }
}

/** Compiled rules by their text, generation and special-use names: each scenario runs several times. */
const snapshots = new Map<string, Snapshot>()

async function compiled(
  rules: RulesText,
  generation: number,
  specialUse: readonly SpecialUseName[]
): Promise<Snapshot> {
  const key = JSON.stringify([rules, generation, specialUse])
  const before = snapshots.get(key)
  if (before !== undefined) return before
  const snapshot = compile(await load(rules), { generation, random: () => 7, specialUse })
  snapshots.set(key, snapshot)
  return snapshot
}

/** None if neither key is there. */
function specialUseOf({ discovery, ...scenario }: Scenario): readonly SpecialUseName[] {
  const special = scenario['special-use']
  if (special === undefined && discovery === undefined) return []
  const except = special?.except.map(name => readName(name)) ?? []
  const names = specialUseNames(except)
  if (discovery === undefined) return names
  const records = designationRecords(discovery)
  return [...names, ...designationNames(readName(discovery.name), records, except)]
}

async function load(rules: RulesText): Promise<RuleSet> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-scenario-'))
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  write('networks.yaml', stringify(rules.networks))
  for (const [id, app] of Object.entries(rules.apps ?? {})) {
    write(`apps/${id}.yaml`, stringify({ app: id, title: id, ...app }))
  }
  for (const [path, content] of Object.entries(rules.files ?? {})) write(path, content)
  const read = await loadRules(folder)
  rmSync(folder, { recursive: true })
  if (!read.ok) throw new Error(read.errors.map(error => error.message).join('\n'))
  return read.rules
}

function structuredErrorsOf(scenario: Partial<Scenario>): StructuredErrorSettings | undefined {
  const settings = scenario['structured-errors']
  return (
    settings && {
      enabled: settings.enabled,
      optionCode: settings['option-code'],
      unencrypted: settings.unencrypted,
      filteringDatabase: settings['filtering-database']
    }
  )
}

function limitsOf({ limits }: Scenario): TtlLimits {
  return {
    minTtl: limits['min-ttl'] ?? 0,
    maxTtl: limits['max-ttl'] ?? 86_400,
    negativeMaxTtl: limits['negative-max-ttl'] ?? 3600,
    failureTtl: limits['failure-ttl'] ?? 5
  }
}
