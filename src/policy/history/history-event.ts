import type { BundleFacts } from '../rules/model/types.js'
import type { Seconds } from '../../base/units.js'
import type { ZoneState } from '../../wire/zonefile/zone-state.js'

/** A transferred zone of a version. */
export interface StoredZone extends ZoneState {
  /** SHA-256 of its text, if that is stored. */
  readonly content?: string
}

/** A block rule that was paused. */
export interface StoredPause {
  readonly rule: string
  /** Unix time. */
  readonly until: Seconds
  /** Who has paused it, and why; undefined: by a version that did not ask. */
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

/** Everything that decided from a moment on. */
export interface RulesEvent {
  /** When it came in force: RFC 3339, in milliseconds. */
  readonly at: string
  readonly event: 'start' | 'reload' | 'pause' | 'settings'
  /** SHA-256 of the rules, as in the query log. */
  readonly sha256: string
  /** SHA-256 of the rule files alone, which names the list of files. */
  readonly files: string
  readonly generation: number
  readonly zones: readonly StoredZone[]
  readonly bundle: BundleFacts | null
  readonly pauses: readonly StoredPause[]
  /** SHA-256 of the settings that decide. */
  readonly settings: string
  /** Version of the program. */
  readonly program: string
  /** See `DECISION_REVISION`. */
  readonly revision: number
  /** Version of the time zone database. */
  readonly tz: string
  /** Why the rules were read: a `ReloadReason`. */
  readonly reason: string
  /** A user or token of the HTTP API, `fleet`, or null. */
  readonly by: string | null
  /** Files that differ from the previous version, at most `MAX_CHANGED`. */
  readonly changed: readonly string[]
  /** What changed, in one line. */
  readonly summary: string
}

/** From then on nothing was in force (`stop`), or it is not known what was (`gap`). */
export interface EndEvent {
  readonly at: string
  readonly event: 'stop' | 'gap'
  /** Of a gap: why it is not known. */
  readonly why?: string
}

export type HistoryEvent = RulesEvent | EndEvent

/** The most files that an event names. */
export const MAX_CHANGED = 10

/** Files of a version, by name: SHA-256 of each. */
export type Tree = ReadonlyMap<string, string>

export const isRulesEvent = (event: HistoryEvent): event is RulesEvent => 'sha256' in event

/** @returns undefined: not an event */
export function parseEvent(value: unknown): HistoryEvent | undefined {
  const { at, event, sha256, files, settings } = value as Partial<RulesEvent>
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at))) return undefined
  const kind = event as HistoryEvent['event'] | undefined
  if (kind === 'stop' || kind === 'gap') return value as EndEvent
  const isComplete = [kind, sha256, files, settings].every(one => typeof one === 'string')
  return isComplete ? (value as RulesEvent) : undefined
}
