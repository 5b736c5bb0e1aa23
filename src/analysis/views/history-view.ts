import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { RulesEvent } from '../../policy/history/history-event.js'
import type { Stretch } from '../../policy/history/rules-history.js'

/** A stretch of the history; its JSON form is public. Times are RFC 3339. */
export interface HistoryEntry {
  readonly from: string
  /** Null: it is the last. */
  readonly until: string | null
  /** Null: it is the last. */
  readonly seconds: Seconds | null
  /** `stop`: the gateway was stopped; `gap`: not known. */
  readonly event: Stretch['event']['event']
  /** Of the rules; null: nothing was in force, or it is not known what. */
  readonly sha256: string | null
  /** Of the bundle; null: the rules are a folder. */
  readonly serial: number | null
  readonly reason: string | null
  /** A user or token of the HTTP API, or `fleet`. */
  readonly by: string | null
  /** Files that differ from the version before, at most ten. */
  readonly changed: readonly string[]
  /** What changed, in one line. */
  readonly summary: string
  /** Block rules that were paused, until when. */
  readonly pauses: readonly {
    readonly rule: string
    readonly until: string
    /** Null: not recorded. */
    readonly by: string | null
    readonly reason: string | null
  }[]
  /** Version of the program. */
  readonly program: string | null
}

export function historyEntry({ from, until, event }: Stretch): HistoryEntry {
  const isLast = until === Infinity
  const times = {
    from: new Date(from).toISOString(),
    until: isLast ? null : new Date(until).toISOString(),
    seconds: isLast ? null : Math.floor((until - from) / MS_PER_SECOND)
  }
  if (!('sha256' in event)) {
    const summary = event.why ?? ''
    const nothing = { sha256: null, serial: null, reason: null, by: null, program: null }
    return { ...times, event: event.event, ...nothing, changed: [], summary, pauses: [] }
  }
  const { sha256, bundle, reason, by, changed, program, pauses } = event
  return {
    ...times,
    ...{ event: event.event, sha256, serial: bundle?.serial ?? null, reason, by, changed },
    ...{ summary: summaryOf(event), program },
    pauses: pauses.map(({ rule, until, by = null, reason = null }) => ({
      ...{ rule, by, reason },
      until: new Date(until * MS_PER_SECOND).toISOString()
    }))
  }
}

/** What changed, in words. */
function summaryOf({ event, summary, pauses, changed }: RulesEvent): string {
  if (event === 'pause')
    return pauses.length === 0
      ? 'no pauses'
      : `paused: ${pauses.map(({ rule, reason = '' }) => (reason === '' ? rule : `${rule} (${reason})`)).join(', ')}`
  if (summary !== '') return summary
  if (event === 'start') return 'started'
  if (event === 'settings') return 'settings that decide changed'
  return changed.length === 0 ? 'no rules changed' : 'texts changed, no decision'
}
