import { MS_PER_DAY, MS_PER_SECOND, type Seconds } from '../../../base/units.js'
import { RCODE } from '../../../dns/registry/rcode.js'
import { MATCH, PROTOCOL } from '../../../querylog/record/query-event.js'
import {
  CLAIM_MATCHES,
  COUNTER,
  COUNTERS,
  DURATION_BOUNDS,
  PROTOCOLS,
  RCODE_SLOTS
} from '../../../resolver/lookup-counters.js'
import {
  blockedOf,
  totalsLayout,
  totalsOf,
  type CountedRules,
  type RuleSeries,
  type Totals
} from '../../workers/rule-counters.js'
import type { CounterSample } from './trend/trend.js'
import { sampleStart, samplesText, type MetricFamily, type MetricSample } from './metrics-text.js'

const PREFIX = 'interdict_'

/** How long days left are shown without being computed again: about a hundredth of a day. */
const DAYS_LEFT_AGE: Seconds = 600

/** In place of a network: clients outside every network, and messages without a question. */
const NO_NETWORK = '-'

/** RCODEs with a label of their own. RFC 1035 §4.1.1. */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'] as const

/** Names of the matches that rules are counted by, in the order of their numbers, from 1. */
const MATCHES = Object.entries(MATCH)
  .filter(([, number]) => number >= 1 && number <= CLAIM_MATCHES)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => name)

/** How many series are written together. */
const CHUNK = 64
const BLOCKED = `${PREFIX}blocked_total`
const MONITORED = `${PREFIX}monitored_total`

/** What is written of some series, and the sum of their counters. */
interface Lines {
  readonly sum: number
  readonly blocked: string
  readonly monitored: string
}

const NO_LINES: Lines = { sum: 0, blocked: '', monitored: '' }

/**
 * The metrics that workers count in shared memory, which the HTTP thread reads by itself.
 */
export class CounterMetrics {
  private readonly memory: Float64Array
  private readonly workers: number
  private rules: CountedRules | undefined
  /** By match and series, once it was needed: see `startOf`. */
  private starts: readonly string[][] = []
  /** By match and first series: what was written last. */
  private readonly lines = new Map<number, Lines>()
  private daysLeftText = ''
  /** When `daysLeftText` was written. */
  private writtenAt: Seconds = -Infinity

  /** @param memory of all workers, with the control thread as the last */
  constructor(memory: SharedArrayBuffer) {
    this.memory = new Float64Array(memory)
    this.workers = this.memory.length / COUNTERS - 1
  }

  setRules(rules: CountedRules): void {
    this.rules = rules
    this.starts = MATCHES.map(() => [])
    this.lines.clear()
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
    const { rules } = this
    const families = [this.responses(), this.durations(), this.lookups(), this.lag()]
    if (rules !== undefined) {
      const totals = totalsOf(rules)
      families.push(
        this.requests(rules, totals),
        this.blockedByNetwork(rules, totals),
        ...this.byRule(rules, totals),
        this.daysLeft(rules, now)
      )
    }
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

  private requests(rules: CountedRules, totals: Totals): MetricFamily {
    const samples = networksOf(rules).flatMap((network, i) =>
      Object.entries(PROTOCOL).map(([transport, protocol]) => {
        const malformed = network === NO_NETWORK ? this.sum(COUNTER.malformed + protocol) : 0
        return {
          value: totals[PROTOCOLS * i + protocol]! + malformed,
          labels: { transport, network }
        }
      })
    )
    const help = 'Messages that were not dropped by a limit, by network of the client.'
    return { name: 'dns_requests', type: 'counter', help, samples }
  }

  private blockedByNetwork(rules: CountedRules, totals: Totals): MetricFamily {
    const { blockedAt } = totalsLayout(rules)
    const samples = rules.networks.map((network, i) => {
      return { value: totals[blockedAt + i]!, labels: { network } }
    })
    const help = 'Blocked lookups, by network of the client.'
    return { name: 'network_blocked', type: 'counter', help, samples }
  }

  /** Only what has ever matched: there may be many rules. */
  private byRule(rules: CountedRules, totals: Totals): MetricFamily[] {
    let blocked = ''
    let monitored = ''
    for (const match of MATCHES.keys()) {
      for (let from = 0; from < rules.series.length; from += CHUNK) {
        const lines = this.linesOf(rules, totals, match, from)
        blocked += lines.blocked
        monitored += lines.monitored
      }
    }
    const rebinding = this.sum(COUNTER.rebinding)
    if (rebinding > 0) {
      const labels = { rule: 'rebinding-guard', action: 'nodata', match: 'rebinding' }
      blocked += `${sampleStart(BLOCKED, labels)}${rebinding}\n`
    }
    return [
      { name: 'blocked', type: 'counter', help: 'Blocked lookups, by rule.', written: blocked },
      {
        name: 'monitored',
        type: 'counter',
        help: 'Lookups that a rule in monitor mode would have blocked.',
        written: monitored
      }
    ]
  }

  /** The lines of `CHUNK` series; those of the last scrape if nothing was counted since. */
  private linesOf(rules: CountedRules, totals: Totals, match: number, from: number): Lines {
    const { series } = rules
    const start = totalsLayout(rules).seriesAt + match * series.length
    const end = Math.min(from + CHUNK, series.length)
    let sum = 0
    for (let i = from; i < end; i++) sum += totals[start + i]!
    if (sum === 0) return NO_LINES
    const key = match * series.length + from
    const before = this.lines.get(key)
    // Counters never decrease, so an equal sum is a sum of equal counters.
    if (before?.sum === sum) return before
    const blocked: string[] = []
    const monitored: string[] = []
    for (let i = from; i < end; i++) {
      const value = totals[start + i]!
      if (value === 0) continue
      const line = `${this.startOf(series[i]!, match, i)}${value}\n`
      if (series[i]!.isMonitored) monitored.push(line)
      else blocked.push(line)
    }
    // `join` makes a text in one piece; see `inOnePiece`.
    const lines = { sum, blocked: blocked.join(''), monitored: monitored.join('') }
    this.lines.set(key, lines)
    return lines
  }

  /** Name and labels of a sample, which are made once. */
  private startOf(
    { rule, action = '', isMonitored }: RuleSeries,
    match: number,
    i: number
  ): string {
    const starts = this.starts[match]!
    return (starts[i] ??= inOnePiece(
      sampleStart(isMonitored ? MONITORED : BLOCKED, { rule, action, match: MATCHES[match]! })
    ))
  }

  /** Written again from time to time only, since there may be many. */
  private daysLeft({ ending }: CountedRules, now: Seconds): MetricFamily {
    const name = 'rule_days_left'
    if (now - this.writtenAt >= DAYS_LEFT_AGE || now < this.writtenAt) {
      const samples = ending.flatMap(({ rule, kind, until }): MetricSample[] => {
        const days = ((until - now) * MS_PER_SECOND) / MS_PER_DAY
        return days <= 0 ? [] : [{ value: Math.round(days * 100) / 100, labels: { rule, kind } }]
      })
      this.daysLeftText = inOnePiece(samplesText(PREFIX + name, 'gauge', samples))
      this.writtenAt = now
    }
    const help = 'Days until a ban or an exception ends; only those with an end.'
    return { name, type: 'gauge', help, written: this.daysLeftText }
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

function networksOf({ networks }: CountedRules): readonly string[] {
  return [...networks, NO_NETWORK]
}

/** As OpenMetrics has them: with a point. */
function showBound(bound: Seconds): string {
  if (bound === Infinity) return '+Inf'
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

/**
 * A text made of many strings, which V8 would copy one by one whenever it is sent, as one that it copies at
 * once.
 */
function inOnePiece(text: string): string {
  return Buffer.from(text).toString()
}
