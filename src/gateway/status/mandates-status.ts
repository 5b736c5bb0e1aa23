import type { SerializedError } from '../../base/errors/serialized-error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { MAX_REPORTED } from '../reload/reload-reporter.js'
import type { MandateMonitor } from '../reload/mandate-monitor.js'

/** The mandates of authorities, and whether the rules in force satisfy them. */
export interface MandatesStatus {
  readonly mandates: readonly MandateStatus[]
  /** Current shortfalls of the rules in force. */
  readonly shortfalls: number
  /** Future shortfalls, when a mandate begins or a ban ends. */
  readonly later: number
  /** The first of the current shortfalls, then of the future ones. */
  readonly first: readonly SerializedError[]
  /** Files that are missing or invalid; the last good versions of these mandates are in force. */
  readonly problems: readonly SerializedError[]
}

/** A mandate in force. */
export interface MandateStatus {
  readonly id: string
  readonly authority: string
  readonly reference: string
  readonly file: string
  /** Hash of the signed text. */
  readonly sha256: string
  readonly issued: string
  /** Start of the first of its bans; null: no start. */
  readonly from: string | null
  /** End of the last of its bans; null: no end. */
  readonly until: string | null
  readonly satisfied: boolean
}

export function mandatesStatus({
  current,
  open
}: Pick<MandateMonitor, 'current' | 'open'>): MandatesStatus {
  const { mandates, shortfalls, problems } = current
  const unmet = new Set(open.map(({ mandate }) => mandate))
  const later = shortfalls.filter(one => !open.includes(one))
  const first = [...open, ...later].slice(0, MAX_REPORTED)
  return {
    mandates: mandates.map(({ id, authority, reference, file, sha256, issued, from, until }) => ({
      ...{ id, authority, reference, file, sha256 },
      issued: new Date(issued * MS_PER_SECOND).toISOString(),
      from: showTime(from),
      until: showTime(until),
      satisfied: !unmet.has(id)
    })),
    shortfalls: open.length,
    later: later.length,
    first: first.map(({ code, message }) => ({ code, message })),
    problems: problems.slice(0, MAX_REPORTED)
  }
}

const showTime = (at: Seconds): string | null =>
  Number.isFinite(at) ? new Date(at * MS_PER_SECOND).toISOString() : null
