import { join, relative } from 'node:path'
import { addressWords, readAddress } from '../../../base/values/address.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { locallyAnsweredNames } from '../../../gateway/compiler/locally-answered.js'
import { openOwnForwarder } from '../../../gateway/upstreams/own-forwarder.js'
import { OwnValidator } from '../../../gateway/upstreams/own-validator.js'
import { createRebindingGuard } from '../../../gateway/workers/create-rebinding-guard.js'
import { readName } from '../../../wire/dns/name/name.js'
import { readRrtype } from '../../../wire/dns/registry/rrtype.js'
import { compile } from '../../../policy/compile/compile.js'
import { readInstant } from '../../../base/time/instant.js'
import { extractHostName, rejectUrlCharacters } from '../../args/extract-host-name.js'
import { checkTime, parseArgument } from '../../args/parse.js'
import { loadSettings } from '../../args/settings.js'
import { openHistoryAt, type HistoryPlace } from '../../args/fleet-history.js'
import { pastTime, TODAYS_FILES, zoneOfTime } from '../../args/past.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { givenTimeZone, type TimeZoneOptions } from '../../args/time-zone.js'
import { explainPast } from './explain-past.js'
import { presentOrders } from '../analysis/mandates-in-force.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { pastText, toText } from '../../output/rules/explanation-text.js'
import type { PastExplanation } from '../../output/rules/past-explanation.js'
import { explainQuery } from '../../../analysis/views/explain-query.js'
import type { ExplainedQuery, Explanation } from '../../../analysis/views/explanation.js'
import { fixedClock } from '../../../analysis/views/one-query.js'

export interface ExplainOptions extends TimeZoneOptions, HistoryPlace {
  readonly from?: string
  /** Name of a client of the rules. */
  readonly client?: string
  readonly type: string
  readonly at?: string
  readonly upstream: boolean
  /** Judge today's files, whatever was in force. */
  readonly files?: boolean
  readonly json?: boolean
}

/**
 * `interdict explain`: the decision for one query of one client, made by the code that serves: the
 * same snapshot, resolver and upstreams.
 */
export async function explain(name: string, options: ExplainOptions, io: Io): Promise<number> {
  const { type, from, client, at, timeZone, upstream, files = false } = options
  const request = { name, type, from, client, at, timeZone, upstream, files }
  const found = await performExplain(request, options, io)
  if (options.json === true) printJson(io, jsonOf(found))
  else print(io, render(found))
  const isUnknown = 'past' in found.explanation && found.explanation.past.unknown.length > 0
  return isUnknown ? EXIT.failure : EXIT.success
}

interface Explained {
  /** With `past`: by what was in force then; otherwise by today's files. */
  readonly explanation: Explanation | PastExplanation
  readonly timeZone: string
  /** The time has passed, and no gateway has recorded here what was in force. */
  readonly isUnrecorded: boolean
  /** Of the rules. */
  readonly folder: string
}

/** The JSON form, which is public. */
export function jsonOf({ explanation, timeZone, isUnrecorded }: Explained) {
  if (!isUnrecorded) return { ...explanation, timeZone }
  const notes = [TODAYS_FILES]
  const log = { lookups: [], remarks: [] }
  const past = { since: null, until: null, unknown: [], notes, log }
  return { ...explanation, past, timeZone }
}

function render({ explanation, timeZone, isUnrecorded, folder }: Explained): string {
  const view = { folder: displayFolder(folder), timeZone }
  if ('past' in explanation) return pastText(explanation, view)
  return toText(explanation, view) + (isUnrecorded ? `${TODAYS_FILES}\n` : '')
}

/** @throws InterdictError CLIENT_NONE, HISTORY_READ */
export async function performExplain(
  request: ParsedRequest<'explain'>,
  options: HistoryPlace,
  io: Io
): Promise<Explained> {
  const question = parseQuestion(request, io)
  const zone = givenTimeZone(request)
  const config = await loadSettings(options)
  const past = await explainedPast(question, request, config, options, io)
  if (past !== undefined) return past
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const timeZone = zone ?? loaded.rules.timeZone
  const isUnrecorded = pastTime(request.at, timeZone) !== undefined
  const query = { ...question, clock: fixedClock(wallTime(request.at, timeZone)) }
  const snapshot = compile(loaded.rules, {
    generation: 1,
    random: () => 0,
    specialUse: locallyAnsweredNames(config)
  })
  const explanation = await explainQuery(query, {
    settings: config,
    snapshot,
    sources: loaded.rules.sources,
    // No upstream knows what it would have answered then.
    forwarder: request.upstream && !isUnrecorded ? openOwnForwarder(config, snapshot) : undefined,
    guard: createRebindingGuard(config),
    validator: new OwnValidator(config, snapshot),
    mandates: await presentOrders(loaded.rules, config, io)
  })
  return { explanation, timeZone, isUnrecorded, folder: config.rules }
}

/** By what was in force, if the time has passed and a gateway has recorded that here. */
async function explainedPast(
  question: ReturnType<typeof parseQuestion>,
  { at, files, from, ...request }: ParsedRequest<'explain'>,
  config: Config,
  options: HistoryPlace,
  io: Io
): Promise<Explained | undefined> {
  const isOfFleet = options.fleet !== undefined || options.gateway !== undefined
  if (at === undefined || files) {
    if (isOfFleet) usageError('--fleet: give --at, too, and not --files')
    return undefined
  }
  const history = await openHistoryAt(options)
  if (history.stretches.length === 0) return undefined
  const zone = request.timeZone ?? (await zoneOfTime(at, config, io))
  const wall = pastTime(at, zone)
  if (wall === undefined) {
    if (isOfFleet) usageError('--fleet: --at is not in the past')
    return undefined
  }
  const asked = { ...question, from }
  const found = await explainPast(history, asked, wall, config, options, io)
  const timeZone = request.timeZone ?? found.timeZone ?? zone
  const { explanation } = found
  return { explanation, timeZone, isUnrecorded: false, folder: config.rules }
}

/** The rules folder relative to the working folder, as a prefix for file names. */
function displayFolder(folder: string): string {
  const fromHere = relative('', folder)
  if (fromHere === '') return ''
  return join(fromHere.startsWith('..') ? folder : fromHere, '/')
}

function parseQuestion(
  { name, type, from, client: device, at }: ParsedRequest<'explain'>,
  io: Io
): Omit<ExplainedQuery, 'clock' | 'identity'> & { readonly device: string | undefined } {
  const qtype =
    readRrtype(type) ?? usageError(`--type: ${type} is not a query type such as A or TYPE65280`)
  checkTime(at)
  if (from === undefined && device === undefined)
    usageError('give the address of the client with --from, or its id with --client, or both')
  // A recognized client may have any address: this one is in no network.
  const address = from ?? '::'
  const client = addressWords(parseArgument('--from', () => readAddress(address)))
  const host = extractHostName('<name>', name, io)
  rejectUrlCharacters('<name>', host)
  return { name: parseArgument('<name>', () => readName(host)), qtype, client, device }
}

/** The wall time; without an offset, in the time zone. */
function wallTime(at: string | undefined, timeZone: string): Milliseconds {
  const seconds = at === undefined ? undefined : readInstant(at, timeZone)
  return seconds === undefined ? Date.now() : seconds * MS_PER_SECOND
}
