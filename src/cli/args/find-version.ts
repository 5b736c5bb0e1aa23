import { failure } from '../../base/errors/error.js'
import { MS_PER_SECOND } from '../../base/units.js'
import type { Config } from '../../gateway/config/config.js'
import { rulesLocation } from '../../gateway/compiler/rules-location.js'
import { loadRules, type RulesResult } from '../../policy/rules/load.js'
import type { NameSource } from '../../policy/rules/model/types.js'
import { readInstant } from '../../base/time/instant.js'
import { fixedClock } from '../../analysis/views/one-query.js'
import { historyFolder } from '../../policy/history/history-folder.js'
import { RulesHistory, type InForce } from '../../policy/history/rules-history.js'
import { KnownLists, StoredFiles } from '../../policy/history/stored-files.js'
import { rejectInput } from '../exit.js'

/** Fewer digits than these are hardly meant as a version. */
const VERSION = /^[0-9a-f]{4,64}$/i

/** Reads the history of the gateway with these settings. @throws InterdictError HISTORY_READ */
export const openHistory = ({ state }: Config): Promise<RulesHistory> =>
  RulesHistory.open(historyFolder(state.folder))

/**
 * The version that an argument means: the first digits of its SHA-256, or `@` and a time, which is UTC unless it
 * has an offset. If it was in force several times, the last one.
 *
 * @throws InterdictError HISTORY_NONE, HISTORY_AMBIGUOUS, HISTORY_UNKNOWN
 */
export function findVersion(history: RulesHistory, text: string): InForce {
  if (text.startsWith('@')) return versionAt(history, text.slice(1))
  const found = VERSION.test(text) ? history.find(text) : []
  const versions = new Set(found.map(({ event }) => event.sha256))
  if (versions.size > 1) throw failure('HISTORY_AMBIGUOUS', text, versions.size)
  const last = found.at(-1)
  if (last === undefined) throw failure('HISTORY_NONE', text)
  return last
}

function versionAt(history: RulesHistory, text: string): InForce {
  const instant = readInstant(text, 'UTC')
  if (instant === undefined) throw failure('HISTORY_UNKNOWN', text, 'it is not a time')
  const found = history.at(instant * MS_PER_SECOND)
  if (found?.version !== undefined) return found
  throw failure('HISTORY_UNKNOWN', text, whyUnknown(history, found))
}

/** Why no version is known for a time. */
export function whyUnknown(history: RulesHistory, found: ReturnType<RulesHistory['at']>): string {
  const [first] = history.stretches
  if (first === undefined) return 'there is no history of rules here'
  if (found === undefined) return `the history begins at ${first.event.at}`
  if (found.event.event === 'stop') return `the gateway was stopped at ${found.event.at}`
  const { why = 'no details' } = found.event as { readonly why?: string }
  return `the history has a gap from ${found.event.at}: ${why}`
}

/** Rules of the history. */
export interface StoredRules {
  readonly loaded: Extract<RulesResult, { readonly ok: true }>
  /** Lists whose content of then is not known. */
  readonly unknownLists: readonly string[]
  /** The empty source of each, as rules have it. */
  readonly placeholders: ReadonlyMap<string, NameSource>
}

/**
 * Loads a version as it was, at the time at which it came in force. Lists that are not stored are taken from
 * today's copies, if they are the same; otherwise they are empty.
 *
 * @throws InterdictError HISTORY_INCOMPLETE; the errors of the rules end the command
 */
export async function loadStored({ version, from }: InForce, config: Config): Promise<StoredRules> {
  const { folder, copiesFolder: copies, outside } = rulesLocation(config)
  const lists = new KnownLists()
  const files = new StoredFiles(version, { folder, copies, outside })
  const missing = await files.missingRules()
  if (missing.length > 0)
    throw failure('HISTORY_INCOMPLETE', version.event.sha256, missing.join(', '))
  const loaded = await loadRules(files, fixedClock(from), undefined, lists)
  if (!loaded.ok) rejectInput(loaded.errors)
  const unknownLists = [...lists.placeholders.keys()]
  return { loaded, unknownLists, placeholders: lists.placeholders }
}
