import type { Milliseconds } from '../../base/units.js'
import type { CurrentFailure } from './failures.js'
import type { Coverage, ProbeGap } from './probe-plan.js'
import type { CurrentListenerProblem } from './listener-checks.js'
import type { ProberState } from './prober.js'

/** What the probe thread reports. */
export interface ProbeThreadState extends ProberState {
  /** What is not probed, and why. */
  readonly skipped: readonly ProbeGap[]
}

/** The JSON form is public, see docs/reference/admin-socket.md. Times are RFC 3339. */
export interface ProbeStatus {
  readonly everySeconds: number
  /** Since when it runs. */
  readonly since: string
  readonly rounds: number
  /** Questions since the start of the thread. */
  readonly asked: number
  /** Failures that began since then. */
  readonly failed: number
  /** The last complete round; null: there was none yet. */
  readonly last: { readonly at: string; readonly asked: number } | null
  /** When a round last ended without a failure; null: none did yet. */
  readonly lastGood: string | null
  /** How many failures there are now, and the first ones. */
  readonly failing: number
  readonly failures: readonly (Omit<CurrentFailure, 'since' | 'worker'> & {
    readonly worker: number | null
    readonly since: string
  })[]
  /** Bans in force, and how many of them are asked; null: not known yet. */
  readonly bans: Coverage['bans'] | null
  /** What is not probed, and why. */
  readonly skipped: readonly ProbeGap[]
  /** TLS listeners whose certificate was verified in the last round; null: there was none yet. */
  readonly tlsListeners: number | null
  /** What is wrong with their certificates. */
  readonly certificates: readonly (Omit<CurrentListenerProblem, 'since'> & {
    readonly since: string
  })[]
}

/** Failures that a status names. */
const MOST_SHOWN = 20

export function probeStatus(
  every: Milliseconds,
  since: Milliseconds,
  state: ProbeThreadState
): ProbeStatus {
  const { rounds, asked, failed, last, lastGood, failures, coverage, skipped, listeners } = state
  return {
    ...{ everySeconds: every / 1000, since: show(since), rounds, asked, failed, skipped },
    bans: coverage?.bans ?? null,
    last: last === undefined ? null : { at: show(last.at), asked: last.asked },
    lastGood: lastGood === undefined ? null : show(lastGood),
    failing: failures.length,
    failures: failures.slice(0, MOST_SHOWN).map(one => {
      return { ...one, worker: one.worker ?? null, since: show(one.since) }
    }),
    tlsListeners: listeners?.listeners ?? null,
    certificates: (listeners?.problems ?? []).map(one => ({ ...one, since: show(one.since) }))
  }
}

const show = (at: Milliseconds): string => new Date(at).toISOString()
