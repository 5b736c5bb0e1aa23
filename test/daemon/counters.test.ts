import t from 'tap'
import { CounterMetrics } from '../../src/admin/metrics/counter-metrics.js'
import { metricsText } from '../../src/admin/metrics/metrics-text.js'
import {
  RuleCounters,
  totalsLayout,
  totalsOf,
  type CountedRules
} from '../../src/gateway/workers/rule-counters.js'
import { showName } from '../../src/wire/dns/name/name.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { ClaimPacker } from '../../src/policy/tables/claim-table.js'
import type { Claim } from '../../src/policy/tables/claim.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { packSources, type SourceSummary } from '../../src/policy/tables/source-table.js'
import { MATCH, PROTOCOL, type Match, type Protocol } from '../../src/lookups/event/query-event.js'
import {
  allocateCounters,
  COUNTER,
  COUNTERS,
  LookupCounters
} from '../../src/resolver/context/lookup-counters.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import type { ForwardedQuestion, UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import { header, name, octets, opt, record, TO_QNAME, u16 } from '../dns/octets.js'
import { Indoors } from '../fuzz/indoors.js'
import { policyOf } from '../fuzz/rules.js'

const ban = (id: string, more: string): string =>
  `{ id: ${id}, authority: A, reference: R, ${more} }`
const NETWORKS = `networks:
  phones:
    prefixes: [10.0.0.0/16]
    bans:
      - ${ban('gone', 'names: [gone.example], until: 2026-01-03')}
      - ${ban('say-"no"', 'names: [refused.example], action: refused')}
      - ${ban('quiet', 'names: [quiet.example], action: drop')}
      - ${ban('alias', 'names: [alias.example], action: cname, target: www.example')}
      - ${ban('watched', 'names: [watched.example], mode: monitor')}
      - ${ban('by-address', 'addresses: [192.0.2.128/25]')}
  desk: { prefixes: [10.1.0.0/16] }
`
const PHONE = Uint32Array.of(0, 0, 0xffff, 0x0a000001)
const DESK = Uint32Array.of(0, 0, 0xffff, 0x0a010001)
const UNKNOWN = Uint32Array.of(0, 0, 0xffff, 0xc0000201)

function query(qname: string, edns: readonly number[] = []): Uint8Array {
  const head = header(1, 0x0100, 1, 0, 0, edns.length > 0 ? 1 : 0)
  return octets(head, name(qname), u16(1), u16(1), edns)
}

/** An address, which is banned for names that begin with b; fails for fail.example. */
function upstream({ question }: ForwardedQuestion): UpstreamOutcome {
  const qname = showName(question.slice(0, -4))
  if (qname.startsWith('fail')) return { kind: 'failure', ede: 22, upstream: 0, took: 1 }
  const address = [192, 0, 2, qname.startsWith('b') ? 200 : 1]
  const message = octets(
    header(7, 0x81a0, 1, 1, 0, 0),
    [...question],
    record(TO_QNAME, 1, 300, address)
  )
  return { kind: 'response', message, upstream: 0, took: 1 }
}

/** A worker with its resolver in memory, and the control and the HTTP thread's view of its counters. */
class Counted {
  readonly indoors: Indoors
  readonly metrics: CounterMetrics
  readonly rules = new RuleCounters(1, rules => this.metrics.setRules(rules))

  constructor(policy: Policy) {
    this.indoors = new Indoors(policy, upstream)
    // Of the worker, and of the control thread.
    const memory = allocateCounters(2 * COUNTERS)
    this.metrics = new CounterMetrics(memory)
    this.shared = new Float64Array(memory)
    this.adopt(policy)
  }

  private readonly shared: Float64Array

  adopt(policy: Policy): void {
    this.indoors.resolver.adopt(policy, this.rules.adopt(policy.snapshot))
  }

  ask(
    message: Uint8Array,
    client: Uint32Array,
    protocol: Protocol = PROTOCOL.udp,
    delay = 0
  ): void {
    const { resolver, clock } = this.indoors
    const buffer = new Uint8Array(2048)
    buffer.set(message)
    resolver.beginBatch()
    const length = resolver.answer(buffer, 0, message.length, 2048, client, 0, protocol)
    if (length === PENDING) {
      void this.indoors.askLater(message, client, protocol, () => clock.pass(delay))
    } else {
      clock.pass(delay)
      resolver.endBatch()
    }
  }

  /** Values by metric and labels, without those that are 0. */
  get values(): Record<string, number> {
    this.shared.set(new Float64Array(this.indoors.counterMemory))
    const text = String(
      Buffer.concat(metricsText(this.metrics.families(Date.UTC(2026, 0, 1) / 1000), 'prometheus'))
    )
    const lines = [...text.matchAll(/^interdict_(\S+) (\S+)$/gm)]
    const values = lines.map(([, labels, value]) => [labels!, Number(value)] as const)
    return Object.fromEntries(values.filter(([, value]) => value !== 0))
  }

  /** As `values`, of one metric: by labels. */
  of(metric: string): Record<string, number> {
    const found = Object.entries(this.values).flatMap(([key, value]) =>
      key.startsWith(metric) ? [[key.slice(metric.length), value] as const] : []
    )
    return Object.fromEntries(found)
  }
}

t.test('queries, responses, cache lookups and durations are counted', async t => {
  const counted = new Counted(await policyOf(NETWORKS))
  for (let i = 0; i < 4; i++)
    counted.ask(query('www.example'), DESK, PROTOCOL.udp, i === 0 ? 30 : 0)
  counted.ask(query('www.example'), PHONE, PROTOCOL.tcp)
  counted.ask(query('www.example'), PHONE, PROTOCOL.dot)
  counted.ask(query('fail.example'), PHONE, PROTOCOL.udp, 300)
  counted.ask(query('fail.example'), PHONE, PROTOCOL.udp, 2)
  counted.ask(query('www.example'), UNKNOWN)
  counted.ask(octets(header(1, 0x0100, 1, 0, 0, 0), [70]), UNKNOWN, PROTOCOL.tcp)
  counted.ask(query('www.example', opt(1232, [], { version: 1 })), UNKNOWN)
  t.strictSame(counted.of('dns_requests_total'), {
    '{transport="udp",network="phones"}': 2,
    '{transport="tcp",network="phones"}': 1,
    '{transport="dot",network="phones"}': 1,
    '{transport="udp",network="desk"}': 4,
    '{transport="udp",network="-"}': 2,
    '{transport="tcp",network="-"}': 1
  })
  t.strictSame(counted.of('dns_responses_total'), {
    '{rcode="NOERROR"}': 6,
    '{rcode="FORMERR"}': 1,
    '{rcode="SERVFAIL"}': 2,
    '{rcode="REFUSED"}': 1,
    '{rcode="other"}': 1
  })
  t.strictSame(counted.of('cache_lookups_total'), { '{result="hit"}': 6, '{result="miss"}': 2 })
  const durations = counted.of('dns_request_duration_seconds')
  t.match(durations, {
    '_bucket{le="0.00025"}': 8,
    '_bucket{le="0.001"}': 8,
    '_bucket{le="0.0025"}': 9,
    '_bucket{le="0.025"}': 9,
    '_bucket{le="0.05"}': 10,
    '_bucket{le="0.5"}': 11,
    '_bucket{le="+Inf"}': 11,
    _count: 11
  })
  t.ok(Math.abs(durations._sum! - 0.332) < 1e-9)
})

t.test('blocked lookups are counted by rule and network, with what matched', async t => {
  const counted = new Counted(await policyOf(NETWORKS))
  for (let i = 0; i < 4; i++) counted.ask(query('www.gone.example'), PHONE)
  counted.ask(query('refused.example'), PHONE)
  counted.ask(query('quiet.example'), PHONE)
  counted.ask(query('alias.example'), PHONE)
  counted.ask(query('banned.example'), PHONE)
  counted.ask(query('watched.example'), PHONE)
  counted.ask(query('gone.example'), DESK)
  t.strictSame(counted.of('blocked_total'), {
    '{rule="gone",action="nxdomain",match="qname"}': 4,
    '{rule="say-\\"no\\"",action="refused",match="qname"}': 1,
    '{rule="quiet",action="drop",match="qname"}': 1,
    '{rule="alias",action="cname",match="qname"}': 1,
    '{rule="by-address",action="nxdomain",match="address"}': 1
  })
  t.strictSame(counted.of('monitored_total'), {
    '{rule="watched",action="nxdomain",match="qname"}': 1
  })
  t.strictSame(counted.of('network_blocked_total'), { '{network="phones"}': 8 })
  t.strictSame(counted.of('rule_days_left'), { '{rule="gone",kind="ban"}': 2 })
})

t.test('counters go on when the rules change, and never decrease', async t => {
  const counted = new Counted(await policyOf(NETWORKS))
  const gone = '{rule="gone",action="nxdomain",match="qname"}'
  const blocked = (): number | undefined => counted.of('blocked_total')[gone]
  counted.ask(query('gone.example'), PHONE)
  counted.ask(query('refused.example'), PHONE)

  // As in production: the control thread has the new rules, the worker does not yet.
  const added = NETWORKS.replace('networks:\n', 'networks:\n  a: { prefixes: [10.2.0.0/16] }\n')
  const changed = await policyOf(added.replace('action: refused', 'action: nodata'), 2)
  const memory = counted.rules.adopt(changed.snapshot)
  counted.ask(query('gone.example'), PHONE)
  t.equal(blocked(), 2)
  counted.indoors.resolver.adopt(changed, memory)
  counted.ask(query('gone.example'), PHONE)
  t.equal(blocked(), 2, 'until all workers have adopted the rules')
  counted.rules.settle(2)
  t.equal(blocked(), 3)
  t.equal(counted.of('network_blocked_total')['{network="phones"}'], 4)
  t.strictSame(Object.keys(counted.of('blocked_total')), [gone], 'another action is another series')

  // Two more changes before the worker adopts the last.
  const less = await policyOf(NETWORKS, 3)
  counted.rules.adopt(less.snapshot)
  const last = await policyOf('networks: { phones: { prefixes: [10.0.0.0/16] } }', 4)
  const lastMemory = counted.rules.adopt(last.snapshot)
  counted.rules.settle(2)
  counted.ask(query('gone.example'), PHONE)
  t.equal(blocked(), 4)
  counted.indoors.resolver.adopt(last, lastMemory)
  counted.rules.settle(4)
  counted.ask(query('gone.example'), PHONE)
  t.strictSame(counted.of('blocked_total'), {}, 'rules that are gone have no series')
  t.equal(counted.of('dns_requests_total')['{transport="udp",network="phones"}'], 6)
})

t.test('a restarted worker continues, and workers are added up', async t => {
  const { snapshot } = await policyOf(NETWORKS)
  const memory = allocateCounters(3 * COUNTERS)
  const metrics = new CounterMetrics(memory)
  const rules = new RuleCounters(2, found => metrics.setRules(found))
  const shared = rules.adopt(snapshot)
  const clock = { now: () => 0, wall: () => 0 }
  for (const number of [0, 1, 1]) {
    const worker = new LookupCounters(clock, memory, number)
    worker.adopt(snapshot, shared)
    worker.requests[2]!++
    worker.fixed[COUNTER.stale]!++
    worker.countBlocked(1, 0, MATCH.qname)
  }
  new Float64Array(memory)[2 * COUNTERS + COUNTER.lag] = 40
  const text = String(Buffer.concat(metricsText(metrics.families(), 'openmetrics')))
  t.match(text, 'interdict_cache_lookups_total{result="stale"} 3\n')
  t.match(text, /interdict_blocked_total\{[^}]+\} 3\n/)
  t.match(text, /interdict_network_blocked_total\{network="\w+"\} 3\n/)
  t.match(text, 'interdict_event_loop_lag_seconds{thread="control"} 0.04\n')
  t.match(text, 'interdict_event_loop_lag_seconds{thread="worker-1"} 0\n')
  t.match(text, '# TYPE interdict_dns_request_duration_seconds histogram\n')
})

t.test('counts are carried over to the same action of a rule', t => {
  const rules = new RuleCounters(1, found => (current = found))
  let current: CountedRules | undefined
  const snapshot = (generation: number, actions: readonly string[]) => {
    const source = { index: 0, title: 'app' } as SourceSummary
    const packer = new ClaimPacker()
    for (const action of actions) {
      const claim = {
        ruleId: 'r',
        reply: { action },
        monitor: false,
        kind: 'ban',
        facts: {},
        source
      }
      packer.add(claim as unknown as Claim)
    }
    const clients = { networks: ['n'], networkOf: [-1, 0] }
    const sources = { list: packSources([source]) }
    const claims = packer.finish()
    return { generation, clients, sources, claims } as unknown as Snapshot
  }
  const count = (shared: SharedArrayBuffer, claim: number, match: Match): void => {
    const worker = new LookupCounters({ now: () => 0, wall: () => 0 })
    worker.adopt(snapshot(0, ['nxdomain', 'nodata', 'drop']), shared)
    worker.countBlocked(1, claim, match)
  }
  const shared = rules.adopt(snapshot(1, ['nxdomain', 'nodata', 'drop']))
  for (const [claim, match] of [
    [0, MATCH.qname],
    [1, MATCH.qname],
    [1, MATCH.cname],
    [2, MATCH.qname]
  ] as const)
    count(shared, claim, match)
  rules.adopt(snapshot(2, ['nodata', 'refused', 'nxdomain', 'nodata']))
  rules.settle(2)
  t.strictSame(
    current!.series.map(({ action }) => action),
    ['nodata', 'refused', 'nxdomain']
  )
  const totals = totalsOf(current!)
  const { seriesAt, blockedAt } = totalsLayout(current!)
  t.strictSame([...totals.slice(seriesAt, seriesAt + 6)], [1, 0, 1, 1, 0, 0])
  t.equal(totals[blockedAt], 4)
  t.end()
})
