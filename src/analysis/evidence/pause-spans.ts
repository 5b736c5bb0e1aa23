import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Stretch } from '../../policy/history/rules-history.js'
import type { Log } from '../report/log.js'
import { conditionOf } from '../report/questions/selection.js'
import type { Gateway } from './rule-versions.js'

/** A time in which a block was paused at a gateway. */
export interface PauseSpan {
  readonly gateway: Gateway
  readonly rule: string
  /** Null: nobody recorded it. */
  readonly by: string | null
  readonly reason: string | null
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/** Logged lookups of a network in which a rule was paused, with the same verdict. */
export interface PausedCount {
  readonly gateway: Gateway
  readonly rule: string
  readonly network: string
  readonly verdict: string
  /** The second in which they were logged. */
  readonly at: Milliseconds
  readonly lookups: number
}

/** Lookups so near to each other are taken to be of one pause: it may be as long by default. */
const SAME_PAUSE: Milliseconds = 3_600_000

interface Period {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/** The pauses in a period, as the history of a gateway has them, in order of time. They last while the gateway is stopped. */
export function recordedPauses(
  gateway: Gateway,
  stretches: readonly Stretch[],
  { since, until }: Period
): PauseSpan[] {
  const spans: PauseSpan[] = []
  const open = new Map<string, number>()
  for (const { from, until: next, event } of stretches) {
    if (!('sha256' in event)) continue
    const paused = new Set(event.pauses.map(({ rule }) => rule))
    for (const [rule, i] of open) {
      if (paused.has(rule)) continue
      spans[i] = { ...spans[i]!, until: Math.min(spans[i]!.until, from) }
      open.delete(rule)
    }
    for (const { rule, until: end, by = null, reason = null } of event.pauses) {
      const at = open.get(rule)
      const last = at === undefined ? undefined : spans[at]!
      const to = end * MS_PER_SECOND
      if (last?.by === by && last.reason === reason) {
        spans[at!] = { ...last, until: to }
        continue
      }
      if (last !== undefined) spans[at!] = { ...last, until: Math.min(last.until, from) }
      if (to <= from || next <= from) continue
      open.set(rule, spans.length)
      spans.push({ gateway, rule, by, reason, from, until: to })
    }
  }
  return spans
    .map(one => ({ ...one, from: Math.max(one.from, since), until: Math.min(one.until, until) }))
    .filter(one => one.from < one.until)
}

/** Lookups that the log has of times in which something was paused, whatever became of them. */
export async function pausedCounts(log: Log, period: Period): Promise<PausedCount[]> {
  const { sql, parameters } = conditionOf({ ...period, all: true })
  const column = log.gateways.some(one => one !== undefined) ? 'gateway' : 'NULL::VARCHAR'
  const rows = await log.rows<{
    gateway: string | null
    rule: string
    network: string
    verdict: string
    second: Date
    lookups: number
  }>(
    `SELECT gateway, rule, network, verdict, date_trunc('second', time) AS second, count(*)::INTEGER AS lookups
    FROM (SELECT time, ${column} AS gateway, unnest(string_split(paused, ', ')) AS rule,
      coalesce(network, '') AS network, verdict FROM ${log.lookups(period)}
      WHERE paused IS NOT NULL AND ${sql})
    GROUP BY ALL ORDER BY second, gateway, rule, network, verdict`,
    parameters
  )
  return rows.map(({ second, gateway, ...row }) => {
    return { ...row, gateway: gateway ?? undefined, at: second.getTime() }
  })
}

/** Pauses that lookups show and the history does not have. */
export function unrecordedPauses(
  counts: readonly PausedCount[],
  recorded: readonly PauseSpan[]
): PauseSpan[] {
  const found: PauseSpan[] = []
  const last = new Map<string, number>()
  for (const { gateway, rule, at } of counts) {
    if (recorded.some(one => isOf(one, { gateway, rule, at }))) continue
    const key = `${gateway ?? ''}\n${rule}`
    const i = last.get(key)
    const until = at + MS_PER_SECOND
    if (i !== undefined && at - found[i]!.until < SAME_PAUSE) found[i] = { ...found[i]!, until }
    else {
      last.set(key, found.length)
      found.push({ gateway, rule, by: null, reason: null, from: at, until })
    }
  }
  return found
}

/** True for lookups made in a pause. A pause begins within a second. */
export function isOf(
  pause: PauseSpan,
  { gateway, rule, at }: Pick<PausedCount, 'gateway' | 'rule' | 'at'>
): boolean {
  if (pause.gateway !== gateway || pause.rule !== rule) return false
  return startOfSecond(pause.from) <= at && at < pause.until
}

const startOfSecond = (at: Milliseconds): Milliseconds => at - (at % MS_PER_SECOND)
