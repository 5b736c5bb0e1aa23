import { InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import type { RulesHistory } from '../../policy/history/rules-history.js'
import { conditionOf } from '../../analysis/report/questions/selection.js'
import { findClientNames } from './client-names.js'
import { withLog } from './open-log.js'
import { AROUND, type PastLookup, type PastLookups } from '../output/rules/past-explanation.js'
import type { HistoryPlace } from './fleet-history.js'
import type { Io } from '../io.js'

/** The nearest are shown. */
const MOST = 10
/** Workers adopt new rules between two batches of queries. */
const ADOPTION: Milliseconds = 2_000

interface Row extends Readonly<Record<string, string | Date | null>> {
  readonly time: Date
  readonly qtype: string
  readonly verdict: string
  readonly rcode: string | null
  readonly rule: string | null
  readonly sha256: string | null
}

/** Never throws an error of the log: then nothing is known of it. */
export async function pastLookups(
  { client, name, at }: { client: string; name: Uint8Array; at: Milliseconds },
  options: HistoryPlace,
  io: Io
): Promise<PastLookups> {
  const { fleet, gateway } = options
  const selection = { since: at - AROUND, until: at + AROUND, timeZone: 'UTC', all: true, gateway }
  const quiet = { ...io, stderr: { ...io.stderr, write: () => true, isTTY: false } }
  try {
    return await withLog(
      options,
      quiet as Io,
      async ({ database }) => {
        const { clients, remarks } = await findClientNames(database, client, selection, options)
        const qname = showCanonical(showName(name))
        const { sql, parameters } = conditionOf({
          ...selection,
          clients: { ...clients, ofFleet: fleet !== undefined },
          name: { shown: qname, name: qname, cover: 'exact' }
        })
        const rows = await database.rows<Row>(
          `SELECT time, qtype, verdict, rcode, rule, sha256 FROM ${database.lookups(selection)}
          WHERE ${sql} ORDER BY abs(epoch_ms(time) - ${at}), time LIMIT ${MOST}`,
          parameters
        )
        const lookups = rows.map(({ time, qtype, ...row }) => {
          return { time: time.toISOString(), type: qtype, ...row }
        })
        return { lookups: lookups.sort((a, b) => (a.time < b.time ? -1 : 1)), remarks }
      },
      { use: 'once', silent: true }
    )
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    const { code, message } = error as InterdictError
    return { lookups: [], remarks: [`The query log was not read: ${message} (${code}).`] }
  }
}

/** Lookups that were decided by other rules than the history has for their time. */
export function contradictions(
  lookups: readonly PastLookup[],
  history: RulesHistory
): readonly PastLookup[] {
  return lookups.filter(({ time, sha256 }) => {
    if (sha256 === null) return false
    const at = Date.parse(time)
    const near = history.within(at - ADOPTION, at + ADOPTION)
    return !near.some(
      ({ event }) => 'sha256' in event && event.sha256.startsWith(sha256.toLowerCase())
    )
  })
}
