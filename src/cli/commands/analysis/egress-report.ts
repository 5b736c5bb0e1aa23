import { dirname } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { readAddress, showAddress } from '../../../base/values/address.js'
import { egressReport, type FindDevice } from '../../../analysis/report/connections/egress.js'
import type { Report } from '../../../analysis/report/report.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { whoHad } from '../../../lookups/bindings/who.js'
import { didYouMean } from '../../../policy/yaml/closest.js'
import { logPath, type LogOptions } from '../../args/log-path.js'
import { parsePeriod } from '../../args/period-options.js'
import { chooseTimeZone } from '../../args/time-zone.js'
import { usageError } from '../../exit.js'
import type { Io } from '../../io.js'
import { loadRuleSet } from './make-report.js'

/** By how much the clocks of feeds may be wrong. */
const SKEW: Milliseconds = 5 * MS_PER_SECOND

/**
 * `interdict report egress`: which devices bypassed bans by address.
 *
 * @throws InterdictError EGRESS_READ, BINDINGS_READ, REPORT_NO_ID
 */
export async function makeEgressReport(
  request: ParsedRequest<'report'>,
  options: LogOptions,
  io: Io
): Promise<Report> {
  rejectOthers(request, options)
  const { id, ban: option, app, network, client: text, top } = request
  if (id !== undefined) usageError('report egress: too many arguments; give --ban ID')
  const client = text === undefined ? undefined : (canonical(text) ?? text)
  const { timeZone, remarks } = await chooseTimeZone({ ...options, timeZone: request.timeZone })
  const folder = dirname(await logPath(options))
  const ban = option === undefined ? undefined : await findBan(option, options, io)
  const selection = { ...parsePeriod(request, timeZone), timeZone, app, network, client, ban, top }
  const report = await egressReport(folder, selection, deviceFinder(folder)).catch(
    (error: unknown) => rejectUnread(folder, error)
  )
  return { ...report, remarks: [...remarks, ...report.remarks] }
}

/** Finds devices in the history of bindings beside a query log. */
export function deviceFinder(folder: string): FindDevice {
  // A prefix or a pseudonym is not an address, and the history has no device of it.
  return (address, at) =>
    canonical(address) === undefined
      ? Promise.resolve({ status: 'unknown', reason: 'none' })
      : whoHad(folder, address, at, SKEW).catch((error: unknown) => {
          throw failure('BINDINGS_READ', folder, reasonOf(error, folder))
        })
}

/** @throws InterdictError EGRESS_READ, BINDINGS_READ */
export function rejectUnread(folder: string, error: unknown): never {
  if ((error as { code?: unknown }).code === 'BINDINGS_READ') throw error
  throw failure('EGRESS_READ', folder, reasonOf(error, folder))
}

/** An address as findings have it; undefined: it is a prefix, or a pseudonym. */
function canonical(text: string): string | undefined {
  try {
    return showAddress(readAddress(text))
  } catch {
    return undefined
  }
}

/** Filters that findings do not have: ignored, they would make a report of something else. */
function rejectOthers(request: ParsedRequest<'report'>, { fleet }: LogOptions): void {
  const { name, device, list, verdict, transport, type, gateway } = request
  const others = { name, device, list, verdict, transport, type, gateway, fleet }
  for (const [key, value] of Object.entries(others))
    if (value !== undefined) usageError(`report egress: --${key} does not apply to connections`)
}

/** The apps of a ban: findings name those. @throws InterdictError REPORT_NO_ID */
async function findBan(
  id: string,
  options: LogOptions,
  io: Io
): Promise<{ readonly id: string; readonly apps: readonly string[] }> {
  const rules = await loadRuleSet(options, io)
  if (rules === undefined) usageError('report egress --ban: the rules have errors; see check')
  const bans = rules.networks.flatMap(one => one.rules).filter(({ kind }) => kind === 'ban')
  const known = [...new Set(bans.map(one => one.id))]
  if (!known.includes(id)) throw failure('REPORT_NO_ID', 'ban', id, didYouMean(id, known))
  const sources = bans.filter(one => one.id === id).flatMap(one => one.sources)
  const apps = sources.flatMap(source => (source.kind === 'app' ? [source.id] : []))
  return { id, apps: [...new Set(apps)] }
}
