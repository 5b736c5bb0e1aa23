import type { Milliseconds } from '../../base/units.js'
import { QUERY_FIELDS, SCHEMA_VERSION, type QueryRecord } from '../../lookups/event/schema.js'
import type { Cell, Log } from '../report/log.js'
import { conditionOf, type Filters } from '../report/questions/selection.js'
import type { Gateway } from './rule-versions.js'

/** A lookup that the ban covers, with the line of it in the pack. */
export interface CoveredLookup {
  readonly record: QueryRecord
  readonly at: Milliseconds
  readonly gateway: Gateway
  /** JSON, with its line end. */
  readonly line: string
}

/** So much of the period is read in one query. */
const PART: Milliseconds = 86_400_000
const FIELDS = Object.keys(QUERY_FIELDS).filter(field => field !== 'v')

/**
 * All lookups of names that a ban covers, whatever the verdict, in order of time: those that it matched, those of
 * its names, and those whose answer led to one of its names or addresses.
 *
 * @param patterns names and prefixes of the ban, as rule files have them
 * @param except names that it does not cover
 * @param take gets one after the other: they may be more than fit into memory
 */
export async function coveredLookups(
  log: Log,
  selection: Filters & { readonly since: Milliseconds; readonly until: Milliseconds },
  ban: string,
  patterns: readonly string[],
  except: readonly string[],
  take: (lookup: CoveredLookup) => void
): Promise<void> {
  const isFleet = log.gateways.some(gateway => gateway !== undefined)
  const columns = [...FIELDS, ...(isFleet ? ['gateway'] : [])].map(field => `"${field}"`)
  for (let since = selection.since; since < selection.until; since += PART) {
    const part = { ...selection, since, until: Math.min(since + PART, selection.until), all: true }
    const { sql, parameters } = conditionOf(part)
    await log.each(
      `WITH part AS (SELECT ${columns.join(', ')} FROM ${log.lookups(part)} WHERE ${sql}), ${COVERED}
      SELECT * FROM part
      WHERE ban = $coveringBan OR (qname IN (SELECT qname FROM covered WHERE NOT isExcept)
          AND qname NOT IN (SELECT qname FROM covered WHERE isExcept))
        OR "pattern" IN (SELECT "text" FROM patterns WHERE NOT isExcept)
      ORDER BY time${isFleet ? ', gateway' : ''}, qname, client, qtype`,
      {
        ...parameters,
        coveringBan: ban,
        patterns: JSON.stringify(patterns),
        except: JSON.stringify(except)
      },
      row => take(lookupOf(row))
    )
  }
}

/** Names that the patterns cover, by looking each suffix of a name up. */
const COVERED = `
patterns AS MATERIALIZED (
  SELECT unnest(from_json($patterns, '["VARCHAR"]')) AS "text", false AS isExcept UNION ALL
  SELECT unnest(from_json($except, '["VARCHAR"]')), true),
names AS MATERIALIZED (
  SELECT "text", isExcept, CASE WHEN starts_with("text", '=') THEN substr("text", 2)
    WHEN starts_with("text", '*.') THEN substr("text", 3) ELSE "text" END AS name
  FROM patterns WHERE NOT contains("text", '/')),
asked AS (SELECT DISTINCT qname, string_split(qname, '.') AS labels FROM part),
suffixes AS (
  SELECT qname, unnest(list_transform(range(1, len(labels) + 1),
    i -> array_to_string(labels[i:], '.'))) AS suffix FROM asked),
covered AS MATERIALIZED (
  SELECT DISTINCT qname, isExcept FROM suffixes JOIN names ON suffix = name
  WHERE NOT (starts_with("text", '=') AND suffix <> qname)
    AND NOT (starts_with("text", '*.') AND suffix = qname)
    AND NOT ends_with(qname, '\\.' || suffix))`

function lookupOf(row: Readonly<Record<string, Cell>>): CoveredLookup {
  const at = (row.time as Date).getTime()
  const fields = FIELDS.flatMap(field => {
    const value = row[field]
    if (value === null || value === undefined) return []
    return [[field, value instanceof Date ? value.toISOString() : value] as const]
  })
  const record = { v: SCHEMA_VERSION, ...Object.fromEntries(fields) } as QueryRecord
  const gateway = row.gateway as string | undefined
  const whole = gateway === undefined ? record : { ...record, gateway }
  return { record, at, gateway, line: `${JSON.stringify(whole)}\n` }
}

/** Names and prefixes that the ban has matched in a period: earlier rules may have had other ones. */
export async function loggedPatterns(
  log: Log,
  period: { readonly since: Milliseconds; readonly until: Milliseconds },
  ban: string
): Promise<readonly string[]> {
  const { sql, parameters } = conditionOf({ ...period, ban })
  const rows = await log.rows<{ text: string }>(
    `SELECT DISTINCT "pattern" AS "text" FROM ${log.lookups(period)}
    WHERE "pattern" IS NOT NULL AND ${sql}`,
    parameters
  )
  return rows.map(({ text }) => text)
}
