import { failure } from '../../../base/errors/error.js'
import { MS_PER_SECOND } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import type { TransferList } from '../../../policy/rules/lists/transfer-list.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { zoneExpiry } from '../../../sources/axfr/refresh-timers.js'
import { zoneCopies } from '../../args/configured-copies.js'
import { loadStored, openHistory, type StoredRules } from '../../args/find-version.js'
import { pastOf, pastTime, TODAYS_FILES, zoneOfTime } from '../../args/past.js'
import { checkTime, parseWholeNumber, resolveTime } from '../../args/parse.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { toCsv } from '../../output/rules/bans-csv.js'
import { listBans, type BansList } from '../../../analysis/views/bans-list.js'
import { toText, type View } from '../../output/rules/bans-text.js'
import { pastOrders, presentOrders } from '../analysis/mandates-in-force.js'
import { terminalWidth } from '../../output/columns.js'
import { formatCount } from '../../output/format.js'

/** Most known ids that an error message lists. */
const MOST_LISTED = 20

export interface BansOptions extends CommonOptions {
  readonly at?: string
  readonly within: string
  readonly network?: string
  readonly app?: string
  readonly json?: boolean
  readonly csv?: boolean
  readonly exitCode?: boolean
  /** Show today's files, whatever was in force. */
  readonly files?: boolean
}

/** `interdict bans`: bans and exceptions, what is due, and coverage of the networks. */
export async function bans(options: BansOptions, io: Io): Promise<number> {
  const { at, json, csv, exitCode, network, app, files } = options
  const within = parseWholeNumber('--within', options.within, { max: 99_999 })
  if (json === true && csv === true) usageError('give --json or --csv, not both')
  const request = { at, within, network, app, files: files === true }
  const { list, timeZone } = await performBans(request, options, io)
  print(io, render(list, options, { timeZone, width: terminalWidth(io.stdout) }))
  return exitCode === true && list.notices.length > 0 ? EXIT.failure : EXIT.success
}

interface ListedBans {
  readonly list: BansList
  readonly timeZone: string
}

/** @throws InterdictError HISTORY_UNKNOWN, HISTORY_INCOMPLETE */
export async function performBans(
  request: ParsedRequest<'bans'>,
  options: CommonOptions,
  io: Io
): Promise<ListedBans> {
  const { at, within, network, app } = request
  checkTime(at)
  const config = await loadSettings(options)
  const stored = await rulesOfThen(request, config, io)
  const { loaded } = stored ?? (await loadConfiguredRules(config, io))
  if (!loaded.ok) rejectInput(loaded.errors)
  const { rules } = loaded
  if (stored === undefined) {
    await warnOfExpiredZones(config, loaded.transfers, io)
    if (pastTime(at, rules.timeZone) !== undefined) io.stderr.write(`${TODAYS_FILES}\n`)
  }
  checkId('network', network, networkIds(rules))
  checkId('app', app, appIds(rules))
  const { timeZone } = rules
  const query = { at: resolveTime(at, timeZone), within, network, app }
  const mandates =
    stored === undefined
      ? await presentOrders(rules, config, io)
      : await pastOrders(rules, config, query.at * MS_PER_SECOND, {}, io)
  return { list: listBans(rules, query, mandates), timeZone }
}

/**
 * The rules in force at `--at`, if it has passed and a gateway has recorded that here; undefined: today's files.
 *
 * @throws InterdictError HISTORY_UNKNOWN, HISTORY_INCOMPLETE
 */
async function rulesOfThen(
  { at, files }: ParsedRequest<'bans'>,
  config: Config,
  io: Io
): Promise<StoredRules | undefined> {
  if (at === undefined || files) return undefined
  const history = await openHistory(config)
  const wall = pastTime(at, await zoneOfTime(at, config, io))
  if (wall === undefined || history.stretches.length === 0) return undefined
  const { inForce, reasons, notes } = pastOf(history, wall)
  if (inForce === undefined) throw failure('HISTORY_UNKNOWN', at, reasons.join('; '))
  const { sha256, at: since } = inForce.event
  const version = `The rules are version ${sha256}, in force since ${since}.`
  for (const note of [version, ...reasons, ...notes]) io.stderr.write(`${escapeControls(note)}\n`)
  return loadStored(inForce, config)
}

function render(list: BansList, { json, csv }: BansOptions, view: View): string {
  if (json === true) return `${JSON.stringify(list, undefined, 2)}\n`
  if (csv === true) return toCsv(list, view.timeZone)
  return toText(list, view)
}

function checkId(kind: string, id: string | undefined, known: readonly string[]): void {
  if (id === undefined || known.includes(id)) return
  const which =
    known.length > MOST_LISTED ? `one of ${formatCount(known.length, kind)}` : known.join(', ')
  usageError(`--${kind}: the rules have no ${kind} ${id}; expected ${which}`)
}

const networkIds = ({ networks }: RuleSet): string[] => networks.map(({ id }) => id)

const appIds = ({ sources }: RuleSet): string[] => [
  ...new Set(sources.flatMap(({ kind, id }) => (kind === 'app' ? [id] : [])))
]

/** Warns on standard error of zones that have expired, whose rules remain in force. */
async function warnOfExpiredZones(
  config: Config,
  lists: readonly TransferList[],
  io: Io
): Promise<void> {
  const now = Date.now()
  for (const { id, zone } of lists) {
    const expires = zoneExpiry(await zoneCopies(config).record(id, zone))
    if (expires === undefined || expires > now) continue
    const { code, message } = failure('TRANSFER_EXPIRED', zone, new Date(expires).toISOString())
    io.stderr.write(`warning: ${escapeControls(message)} (${code})\n`)
  }
}
