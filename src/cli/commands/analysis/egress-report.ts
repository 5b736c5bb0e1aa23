import { dirname } from 'node:path'
import { failure, InterdictError } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { blockedLookups } from '../../../analysis/report/connections/blocked-lookups.js'
import { egressReport } from '../../../analysis/report/connections/egress.js'
import type { BanSubject } from '../../../analysis/report/connections/egress-findings.js'
import type { Report } from '../../../analysis/report/report.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { didYouMean } from '../../../policy/yaml/closest.js'
import { canonicalAddress, deviceFinder } from '../../args/device-finder.js'
import { logPath, type LogOptions } from '../../args/log-path.js'
import { withLog, type OpenLog } from '../../args/open-log.js'
import { parsePeriod } from '../../args/period-options.js'
import { chooseTimeZone } from '../../args/time-zone.js'
import { usageError } from '../../exit.js'
import type { Io } from '../../io.js'
import { verificationForReport } from '../log/verify-log.js'
import { banSubject } from './ban-subject.js'
import { loadRuleSet } from './make-report.js'

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
  const client = text === undefined ? undefined : (canonicalAddress(text) ?? text)
  const { timeZone, remarks } = await chooseTimeZone({ ...options, timeZone: request.timeZone })
  const folder = dirname(await logPath(options))
  const ban = option === undefined ? undefined : await findBan(option, options, io)
  const selection = { ...parsePeriod(request, timeZone), timeZone, app, network, client, ban, top }
  const proof = await verificationForReport(options)
  const make = (log: OpenLog | undefined): Promise<Report> => {
    const { since, until } = selection
    const filters = { since, until, app, ban: ban?.id, all: true }
    return egressReport(folder, selection, {
      findDevice: deviceFinder(folder),
      blockedLookups: log && (clients => blockedLookups(log.database, filters, clients)),
      proof
    }).catch((error: unknown) => rejectUnread(folder, error))
  }
  const report = await withLog(options, io, async log => {
    const made = await make(log)
    return { ...made, remarks: [...made.remarks, ...(await log.problems())] }
  }).catch(async (error: unknown) => {
    if (!(error instanceof InterdictError) || error.code !== 'ARCHIVE_NO_DUCKDB') throw error
    const made = await make(undefined)
    return {
      ...made,
      remarks: [...made.remarks, `Blocked lookups are not counted: ${error.message}.`]
    }
  })
  return { ...report, remarks: [...remarks, ...report.remarks] }
}

/** @throws InterdictError EGRESS_READ, BINDINGS_READ */
export function rejectUnread(folder: string, error: unknown): never {
  if (error instanceof InterdictError) throw error
  throw failure('EGRESS_READ', folder, reasonOf(error, folder))
}

/** Filters that findings do not have: ignored, they would make a report of something else. */
function rejectOthers(request: ParsedRequest<'report'>, { fleet }: LogOptions): void {
  const { name, device, list, verdict, transport, type, gateway } = request
  const others = { name, device, list, verdict, transport, type, gateway, fleet }
  for (const [key, value] of Object.entries(others))
    if (value !== undefined) usageError(`report egress: --${key} does not apply to connections`)
}

/** @throws InterdictError REPORT_NO_ID */
async function findBan(id: string, options: LogOptions, io: Io): Promise<BanSubject> {
  const rules = await loadRuleSet(options, io)
  if (rules === undefined) usageError('report egress --ban: the rules have errors; see check')
  const bans = rules.networks.flatMap(one => one.rules).filter(({ kind }) => kind === 'ban')
  const known = [...new Set(bans.map(one => one.id))]
  if (!known.includes(id)) throw failure('REPORT_NO_ID', 'ban', id, didYouMean(id, known))
  const sources = bans.filter(one => one.id === id).flatMap(one => one.sources)
  return banSubject(id, [...new Set(sources)])
}
