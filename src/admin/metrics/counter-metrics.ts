import { MS_PER_DAY, MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { MATCH, PROTOCOL } from '../../lookups/event/query-event.js'
import {
  CLAIM_MATCHES,
  COUNTER,
  COUNTERS,
  DURATION_BOUNDS,
  PROTOCOLS,
  RCODE_SLOTS
} from '../../resolver/context/lookup-counters.js'
import {
  blockedOf,
  totalsLayout,
  totalsOf,
  type CountedRules,
  type Totals
} from '../../gateway/workers/rule-counters.js'
import type { CounterSample } from './minute-trend.js'
import { CounterLines } from './counter-lines.js'
import { sampleStart, samplesText, type MetricFamily, type MetricSample } from './metrics-text.js'

const PREFIX = 'interdict_'

/** How long days left are shown without being computed again: about a hundredth of a day. */
const DAYS_LEFT_AGE: Seconds = 600

/** Families of the counters by rule and network. */
const HELP = {
  dns_requests: 'Messages that were not dropped by a limit, by network of the client.',
  network_blocked: 'Blocked lookups, by network of the client.',
  blocked: 'Blocked lookups, by rule.',
  monitored: 'Lookups that a rule in monitor mode would have blocked.'
} as const
type CounterFamily = keyof typeof HELP

/** In the order of their numbers, from 0. */
const TRANSPORTS = Object.keys(PROTOCOL)

/** In place of a network: clients outside every network, and messages without a question. */
const NO_NETWORK = '-'

/** RCODEs with a label of their own. RFC 1035 §4.1.1. */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'] as const

/** Names of the matches that rules are counted by, in the order of their numbers, from 1. */
const MATCHES = Object.entries(MATCH)
  .filter(([, number]) => number >= 1 && number <= CLAIM_MATCHES)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => name)

/**
 * The metrics that workers count in shared memory, which the HTTP thread reads by itself.
 */
export class CounterMetrics {
  private readonly memory: Float64Array
  private readonly workers: number
  private rules: CountedRules | undefined
  private lines: Readonly<Record<CounterFamily, CounterLines>> | undefined
  /** Reused: new ones for each scrape would make V8 collect the heap every few seconds. */
  private totals: Totals = new Float64Array()
  private daysLeftText = Buffer.alloc(0)
  /** When `daysLeftText` was written. */
  private writtenAt: Seconds = -Infinity

  /** @param memory of all workers, with the control thread as the last */
  constructor(memory: SharedArrayBuffer) {
    this.memory = new Float64Array(memory)
    this.workers = this.memory.length / COUNTERS - 1
  }

  setRules(rules: CountedRules): void {
    this.rules = rules
    this.lines = counterLines(rules)
    this.totals = new Float64Array(totalsLayout(rules).size)
    this.writtenAt = -Infinity
  }

  /** The sums that the dashboard shows over time. */
  sample(): CounterSample {
    const failed =
      this.sum(COUNTER.responses + RCODE.SERVFAIL) + this.sum(COUNTER.shelved + RCODE.SERVFAIL)
    let responses = 0
    for (let i = 0; i < 2 * RCODE_SLOTS; i++) responses += this.sum(COUNTER.responses + i)
    return {
      responses,
      blocked: this.rules === undefined ? 0 : blockedOf(this.rules),
      stale: this.sum(COUNTER.stale),
      failed,
      hits: this.hits(),
      misses: this.sum(COUNTER.misses),
      durations: Array.from({ length: DURATION_BOUNDS.length + 1 }, (_, i) =>
        this.sum(COUNTER.durations + i)
      )
    }
  }

  families(now: Seconds = Date.now() / MS_PER_SECOND): MetricFamily[] {
    const { rules, lines } = this
    const families = [this.responses(), this.durations(), this.lookups(), this.lag()]
    if (rules !== undefined && lines !== undefined)
      families.push(...this.ofRules(rules, lines), this.daysLeft(rules, now))
    return families.map(family => ({ ...family, name: PREFIX + family.name }))
  }

  private responses(): MetricFamily {
    const counts = Array.from({ length: RCODE_SLOTS }, (_, rcode) => {
      return this.sum(COUNTER.responses + rcode) + this.sum(COUNTER.shelved + rcode)
    })
    const named = RCODES.map(rcode => ({ value: counts[RCODE[rcode]]!, labels: { rcode } }))
    const others = counts.slice(RCODES.length).reduce((sum, count) => sum + count, 0)
    const samples = [...named, { value: others, labels: { rcode: 'other' } }]
    return { name: 'dns_responses', type: 'counter', help: 'Responses, by RCODE.', samples }
  }

  private durations(): MetricFamily {
    let count = 0
    const buckets = [...DURATION_BOUNDS, Infinity].map((bound, i): MetricSample => {
      count += this.sum(COUNTER.durations + i)
      return { suffix: '_bucket', value: count, labels: { le: showBound(bound / MS_PER_SECOND) } }
    })
    const sum = this.sum(COUNTER.durationSum) / MS_PER_SECOND
    return {
      name: 'dns_request_duration_seconds',
      type: 'histogram',
      help: 'Time from a query to its response.',
      samples: [...buckets, { suffix: '_sum', value: sum }, { suffix: '_count', value: count }]
    }
  }

  private lookups(): MetricFamily {
    const results = {
      hit: this.hits(),
      miss: this.sum(COUNTER.misses),
      stale: this.sum(COUNTER.stale)
    }
    return {
      name: 'cache_lookups',
      type: 'counter',
      help: 'Lookups in the cache, by result.',
      samples: Object.entries(results).map(([result, value]) => ({ value, labels: { result } }))
    }
  }

  private lag(): MetricFamily {
    const samples = Array.from({ length: this.workers + 1 }, (_, i) => {
      const value = this.memory[i * COUNTERS + COUNTER.lag]! / MS_PER_SECOND
      return { value, labels: { thread: i === this.workers ? 'control' : `worker-${i}` } }
    })
    const help = 'Largest delay of a timer in the last 15 to 30 seconds.'
    return { name: 'event_loop_lag_seconds', type: 'gauge', help, samples }
  }

  private ofRules(
    rules: CountedRules,
    lines: Readonly<Record<CounterFamily, CounterLines>>
  ): MetricFamily[] {
    const totals = totalsOf(rules, this.totals)
    const unknown = PROTOCOLS * rules.networks.length
    for (let i = 0; i < PROTOCOLS; i++) totals[unknown + i]! += this.sum(COUNTER.malformed + i)
    const rebinding = this.sum(COUNTER.rebinding)
    return Object.entries(lines).map(([name, of]): MetricFamily => {
      const written = of.write(totals)
      if (name === 'blocked' && rebinding > 0) {
        const labels = { rule: 'rebinding-guard', action: 'nodata', match: 'rebinding' }
        const start = sampleStart(`${PREFIX}blocked_total`, labels)
        written.push(Buffer.from(`${start}${rebinding}\n`))
      }
      return { name, type: 'counter', help: HELP[name as CounterFamily], written }
    })
  }

  /** Written again from time to time only, since there may be many. */
  private daysLeft({ ending }: CountedRules, now: Seconds): MetricFamily {
    const name = 'rule_days_left'
    if (now - this.writtenAt >= DAYS_LEFT_AGE || now < this.writtenAt) {
      const samples = ending.flatMap(({ rule, kind, until }): MetricSample[] => {
        const days = ((until - now) * MS_PER_SECOND) / MS_PER_DAY
        return days <= 0 ? [] : [{ value: Math.round(days * 100) / 100, labels: { rule, kind } }]
      })
      this.daysLeftText = Buffer.from(samplesText(PREFIX + name, 'gauge', samples))
      this.writtenAt = now
    }
    const help = 'Days until a ban or an exception ends; only those with an end.'
    const written = this.daysLeftText.length === 0 ? [] : [this.daysLeftText]
    return { name, type: 'gauge', help, written }
  }

  /** In the cache or on a shelf. */
  private hits(): number {
    let hits = this.sum(COUNTER.hits)
    for (let i = 0; i < RCODE_SLOTS; i++) hits += this.sum(COUNTER.shelved + i)
    return hits
  }

  /** Over all workers. */
  private sum(counter: number): number {
    let sum = 0
    for (let i = 0; i < this.workers; i++) sum += this.memory[i * COUNTERS + counter]!
    return sum
  }
}

/** The lines of each family, by position in the totals of the rules. */
function counterLines(rules: CountedRules): Readonly<Record<CounterFamily, CounterLines>> {
  const { series } = rules
  const networks = [...rules.networks, NO_NETWORK]
  const { blockedAt, seriesAt } = totalsLayout(rules)
  const start = (name: CounterFamily, labels: MetricSample['labels']): string =>
    sampleStart(`${PREFIX}${name}_total`, labels)
  // Only what has ever matched: there may be many rules.
  const ofRules = (name: CounterFamily, isMonitored: boolean): CounterLines => {
    const positions = MATCHES.flatMap((_, match) =>
      series.flatMap((one, i) =>
        one.isMonitored === isMonitored ? [seriesAt + match * series.length + i] : []
      )
    )
    const startOf = (position: number): string => {
      const [at, match] = [
        position - seriesAt,
        MATCHES[Math.floor((position - seriesAt) / series.length)]!
      ]
      const { rule, action = '' } = series[at % series.length]!
      return start(name, { rule, action, match })
    }
    return new CounterLines(Uint32Array.from(positions), startOf, false)
  }
  return {
    dns_requests: new CounterLines(
      [...Array(PROTOCOLS * networks.length).keys()],
      position => {
        const [transport, network] = [
          TRANSPORTS[position % PROTOCOLS]!,
          networks[Math.floor(position / PROTOCOLS)]!
        ]
        return start('dns_requests', { transport, network })
      },
      true
    ),
    network_blocked: new CounterLines(
      rules.networks.map((_, i) => blockedAt + i),
      position => start('network_blocked', { network: networks[position - blockedAt]! }),
      true
    ),
    blocked: ofRules('blocked', false),
    monitored: ofRules('monitored', true)
  }
}

/** As OpenMetrics has them: with a point. */
function showBound(bound: Seconds): string {
  if (bound === Infinity) return '+Inf'
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}
