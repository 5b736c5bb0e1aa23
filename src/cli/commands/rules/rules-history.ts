import { failure } from '../../../base/errors/error.js'
import type { ParsedRequest, ResultOf } from '../../../gateway/processes/requests.js'
import { historyEntry } from '../../../analysis/views/history-view.js'
import { findVersionsAt, openHistoryAt, type HistoryPlace } from '../../args/fleet-history.js'
import { loadStored } from '../../args/find-version.js'
import { parseWholeNumber } from '../../args/parse.js'
import { parsePeriod, type PeriodOptions } from '../../args/period-options.js'
import { loadSettings } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { terminalWidth } from '../../output/columns.js'
import { historyText, versionText } from '../../output/rules/history-text.js'
import { writeVersion } from '../../output/rules/version-files.js'
import type { Compared } from '../../output/rules/diff-text.js'
import { compare, parseExamples, renderDifference } from './diff.js'

export interface HistoryOptions extends HistoryPlace, PeriodOptions {
  readonly limit: string
  readonly json?: boolean
}

/** `interdict rules history`: what was in force when, the latest first. */
export async function history(options: HistoryOptions, io: Io): Promise<number> {
  const limit = parseWholeNumber('--limit', options.limit, { min: 1, max: 999_999_999 })
  const { since, until } = options
  const found = await performHistory({ limit, since, until }, options)
  if (options.json === true) printJson(io, found)
  else print(io, historyText(found.entries, found.total, terminalWidth(io.stdout)))
  return EXIT.success
}

/** @throws InterdictError HISTORY_READ */
export async function performHistory(
  { limit, ...period }: ParsedRequest<'rules history'>,
  options: HistoryPlace
): Promise<ResultOf<'rules history'>> {
  const { since = -Infinity, until = Infinity } = parsePeriod(period, 'UTC')
  const found = await openHistoryAt(options)
  const all = [...found.within(since, until)].reverse().map(historyEntry)
  return { total: all.length, entries: all.slice(0, limit) }
}

export interface ShowOptions extends HistoryPlace {
  readonly into?: string
  readonly json?: boolean
}

/** `interdict rules show`: the files of a version, the text of one of them, or all written to a folder. */
export async function showVersion(
  version: string,
  file: string | undefined,
  options: ShowOptions,
  io: Io
): Promise<number> {
  if (file !== undefined) {
    const found = await performFile({ version, path: file }, options)
    if (options.json === true) printJson(io, found)
    else io.stdout.write(found.text)
    return EXIT.success
  }
  const { shown, found } = await performShow({ version }, options)
  if (options.into !== undefined) await writeVersion(found.version, options.into)
  if (options.json === true) printJson(io, shown)
  else print(io, versionText(shown))
  return EXIT.success
}

/** @throws InterdictError HISTORY_READ, HISTORY_INCOMPLETE, and as `findVersion` */
export async function performFile(
  { version, path }: ParsedRequest<'rules file'>,
  options: HistoryPlace
): Promise<ResultOf<'rules file'>> {
  const [one] = await findVersionsAt(options, [version])
  const { found } = one!
  const octets = await found.version.file(path)
  if (octets === undefined) throw failure('HISTORY_INCOMPLETE', found.event.sha256, path)
  return { path, text: octets.toString() }
}

/** @throws InterdictError HISTORY_READ, and as `findVersion` */
export async function performShow({ version }: ParsedRequest<'rules show'>, options: HistoryPlace) {
  const [one] = await findVersionsAt(options, [version])
  const { history, found } = one!
  const { sha256, zones } = found.event
  const missing = await found.version.missing()
  const stretches = history.find(sha256).map(historyEntry)
  const files = [...(found.version.tree ?? [])].map(([path, digest]) => {
    return { path: path.replaceAll('\0', 'copy:'), sha256: digest, stored: !missing.includes(path) }
  })
  return { shown: { sha256, stretches, files, zones }, found }
}

export interface DiffOptions extends HistoryPlace {
  readonly examples: string
  readonly json?: boolean
}

/** `interdict rules diff`: how answers changed from one version to another. */
export async function diffVersions(
  old: string,
  now: string,
  options: DiffOptions,
  io: Io
): Promise<number> {
  const request = { old, new: now, examples: parseExamples(options) }
  print(io, renderDifference(await performVersionDiff(request, options, io), options, io))
  return EXIT.success
}

/** @throws InterdictError HISTORY_READ, HISTORY_INCOMPLETE, and as `findVersion` */
export async function performVersionDiff(
  { old, new: now, examples }: ParsedRequest<'rules diff'>,
  options: HistoryPlace,
  io: Io
): Promise<Compared> {
  const config = await loadSettings(options)
  const versions = await findVersionsAt(options, [old, now])
  const [before, after] = [versions[0]!.found, versions[1]!.found]
  const [one, other] = [await loadStored(before, config), await loadStored(after, config)]
  for (const list of new Set([...one.unknownLists, ...other.unknownLists]))
    io.stderr.write(`warning: list ${list} is not stored; it is compared as if it were empty\n`)
  const rules = { before: one.loaded.rules, after: other.loaded.rules }
  const names = { old: nameOf(before.event.sha256), now: nameOf(after.event.sha256) }
  return compare(rules, { ...names, examples })
}

const nameOf = (sha256: string): string => `version ${sha256.slice(0, 12)}`
