import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Config } from '../../gateway/config/config.js'
import { DECISION_REVISION } from '../../policy/evaluate/revision.js'
import type { RulesHistory, InForce } from '../../policy/history/rules-history.js'
import { readInstant } from '../../base/time/instant.js'
import type { Io } from '../io.js'
import { whyUnknown } from './find-version.js'
import { loadConfiguredRules } from './configured-rules.js'

/** Said of a time that has passed, when today's files are judged at it. */
export const TODAYS_FILES =
  "These are the rules in today's files, judged at this time; what was in force then may differ."

/** What is known of what was in force at a time in the past. */
export interface Past {
  /** Undefined: not known, for the `reasons`; or no gateway has recorded anything here. */
  readonly inForce: InForce | undefined
  /** Whether there is a history at all. */
  readonly isRecorded: boolean
  /** Why nothing can be claimed; empty: something can. */
  readonly reasons: readonly string[]
  /** What a reader should know besides. */
  readonly notes: readonly string[]
}

/** The instant of a checked `--at`, if it has passed. Without an offset, in the time zone. */
export function pastTime(at: string | undefined, timeZone: string): Milliseconds | undefined {
  const seconds = at === undefined ? undefined : readInstant(at, timeZone)
  const wall = seconds === undefined ? Infinity : seconds * MS_PER_SECOND
  return wall < Date.now() ? wall : undefined
}

/** The time zone of today's rules, in which `--at` is read; UTC if it has an offset, or the rules have errors. */
export async function zoneOfTime(at: string, config: Config, io: Io): Promise<string> {
  if (readInstant(at, 'UTC') === readInstant(at, 'Pacific/Kiritimati')) return 'UTC'
  const { loaded } = await loadConfiguredRules(config, io)
  return loaded.ok ? loaded.rules.timeZone : 'UTC'
}

export function pastOf(history: RulesHistory, at: Milliseconds): Past {
  const isRecorded = history.stretches.length > 0
  const found = history.at(at)
  if (found?.version === undefined) {
    const reasons = isRecorded ? [whyUnknown(history, found)] : []
    return { inForce: undefined, isRecorded, reasons, notes: [] }
  }
  return { inForce: found, isRecorded, reasons: differences(found), notes: notesOf(found, history) }
}

/** What the present program decides otherwise than that of then. */
function differences({ event }: InForce): string[] {
  const { program, revision } = event
  if (revision === DECISION_REVISION) return []
  return [
    `version ${program} of the program decided then, which decides some queries differently from this one`
  ]
}

function notesOf(found: InForce, history: RulesHistory): string[] {
  const { event, until } = found
  const next = history.stretches[history.stretches.indexOf(found) + 1]
  const { tz = '' } = process.versions
  return [
    ...(next?.event.event === 'start'
      ? [`The gateway was started again at ${next.event.at}; when it had ended is not recorded.`]
      : []),
    ...(until - found.from < MS_PER_SECOND && until !== Infinity
      ? ['It was in force for less than a second.']
      : []),
    ...(event.tz === tz
      ? []
      : [`Time zones are by version ${tz} of the tz database, then ${event.tz}.`])
  ]
}
