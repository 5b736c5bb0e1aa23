import { serializeError } from '../../base/errors/serialized-error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Change, ChangeLog } from '../audit/change-log.js'
import type { ApiServices } from './api-services.js'
import type { Route } from './route.js'

/** Maximum number of recorded characters of a query. */
const MAX_FILTER = 1_000

/** A request that has been answered, or a job that has ended. */
export interface Access {
  readonly route: Route
  /** Null: nobody. */
  readonly by: string | null
  /** Path and query. */
  readonly url: string
  readonly status: number
  /** Of the problem; undefined: there was none. */
  readonly code: string | undefined
  /** What the request gives as its reason. */
  readonly reason?: string | undefined
  /** The return value of the handler, if it is personal data. */
  readonly personalData: unknown
}

/**
 * Records changes, and reads of personal data, in the audit trails and in the service log.
 *
 * @param isStreamed the response is recorded while it is sent, unless it is an error
 */
export function recordAccess(services: ApiServices, access: Access, isStreamed = false): void {
  const { route, status } = access
  if (route.method !== 'GET' && route.isChange !== false) recordChange(services, access)
  if (route.rowsRead !== undefined && (!isStreamed || status >= 400)) recordRead(services, access)
}

/** Streams and files are recorded when they begin and when they end. */
export const isRecordedStream = ({ produces, rowsRead }: Route): boolean =>
  produces !== undefined && rowsRead !== undefined

/** All that is changed through the API is logged, with who did it. */
function recordChange(
  { log, changes }: ApiServices,
  { route: { id, method, isFrequent }, by, url, status, code, reason }: Access
): void {
  if (isFrequent && code === undefined) return
  const [path] = url.split('?', 1)
  const fields = { by, operation: id, route: `${method} ${path}`, status, reason }
  const why = reason === undefined ? {} : { reason }
  const change = { by, operation: id, subject: path!, code: code ?? null, ...why }
  // Without a name anybody could fill the audit trail.
  if (by !== null && !isRepeated(changes, change, isFrequent)) changes.record(change)
  if (code === undefined) log.info(fields, 'change through the HTTP API')
  else log.warn({ ...fields, code }, 'change through the HTTP API refused')
}

/** True for a refusal that is recorded already: a token without the scope must not push out other entries. */
function isRepeated(
  log: Pick<ChangeLog, 'hasRecent'>,
  change: Omit<Change, 'at'>,
  isFrequent = false
): boolean {
  return (isFrequent || change.code === 'API_SCOPE') && log.hasRecent(change)
}

/** Records reads of personal data through the API: the reader, the request and the number of rows. */
export function recordRead(
  { log, reads }: ApiServices,
  { route: { id, rowsRead }, by, url, code: problem, personalData }: Access
): void {
  if (by === null) return
  const code = problem ?? null
  const [path, query = ''] = url.split('?', 2)
  const filter = [...new URLSearchParams(query)].map(pair => pair.join('=')).join(' ')
  const rows = personalData === undefined ? null : countRows(rowsRead!, personalData, log)
  const shown = filter.slice(0, MAX_FILTER)
  const read = { by, operation: id, subject: path!, filter: shown, rows, code }
  if (!isRepeated(reads, read)) reads.record(read)
  log.info({ by, operation: id, filter, rows, code }, 'lookups read through the HTTP API')
}

/** The read is recorded in any case. */
function countRows(
  rowsRead: NonNullable<Route['rowsRead']>,
  data: unknown,
  log: ServiceLog
): number | null {
  try {
    return rowsRead(data)
  } catch (error) {
    log.error(serializeError(error), 'cannot count the rows of a response')
    return null
  }
}
