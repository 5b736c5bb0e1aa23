import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Octets } from '../../base/units.js'
import { RULE_VERDICTS } from '../event/schema.js'
import { identifier, IS_OF_CLIENT, LOOKUP_COLUMNS, quoted } from './lookups-sql.js'

/** Raised when the rows of a tally change; older tallies are then rebuilt. */
const LAYOUT_VERSION = 3
/** Hexadecimal digits of each hash in the file name. */
const HASH_DIGITS = 16
const NAME = /([^/]+)-([0-9a-f]{16})\.tally$/
/** The end of a Parquet file has its column offsets and metadata. */
const TAIL_SIZE: Octets = 64 * 1024

/**
 * The columns that lookups are counted by. A day has few clients and few names matched by rules,
 * but many pairs of both: so a tally has a row for each client and outcome of its lookups, and a
 * row for each name and the rules it matched.
 *
 * `client`  all lookups
 * `name`    lookups matched by a rule
 */
const COUNTED_BY = {
  client: ['client', 'network', 'verdict', 'app', 'ban', 'match', 'exception'],
  name: [
    ...['qname', 'network', 'verdict', 'app', 'ban', 'match', 'exception'],
    ...['pattern', 'rule', 'generation', 'sha256', 'serial']
  ]
} as const satisfies Record<string, readonly string[]>
export type CountedBy = keyof typeof COUNTED_BY

/** SQL condition for the lookups that are counted. */
export const IS_COUNTED: Readonly<Record<CountedBy, string>> = {
  client: IS_OF_CLIENT,
  name: `verdict IN (${RULE_VERDICTS.map(quoted).join(', ')})`
}

/** Number of lookups per row, and the time of the first and the last. */
const COUNTS = 'count(*) AS n, min(time) AS first, max(time) AS last'
const ALL = [...new Set([...COUNTED_BY.client, ...COUNTED_BY.name])]

/** Every column of a tally, and its type. */
export const TALLY_COLUMNS: Readonly<Record<string, string>> = {
  by: 'VARCHAR',
  ...Object.fromEntries(ALL.map(name => [name, LOOKUP_COLUMNS[name]!])),
  ...{ n: 'BIGINT', first: 'TIMESTAMP', last: 'TIMESTAMP' }
}

/** Column list for SELECT. */
export function columnsOf(by: CountedBy): string {
  return COUNTED_BY[by].map(identifier).join(', ')
}

/**
 * Start of a tally's file name, derived from its Parquet file. Another or overwritten file gives
 * another name, so a tally always belongs to exactly the file that it is named after.
 */
export function tallyStem(day: string, descriptor: number): string {
  const { size } = fstatSync(descriptor)
  const tail = Buffer.alloc(Math.min(size, TAIL_SIZE))
  readSync(descriptor, tail, 0, tail.length, size - tail.length)
  const hash = createHash('sha256').update(`${LAYOUT_VERSION} ${size}\n`).update(tail).digest('hex')
  return `${day}-${hash.slice(0, HASH_DIGITS)}`
}

/** The same of a file that is not open. Throws the system error. */
export function tallyStemOf(day: string, path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    return tallyStem(day, descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** End of a tally's file name: a hash of its content, to detect alteration. */
export function tallyName(stem: string, sha256: string): string {
  return `${stem}-${sha256.slice(0, HASH_DIGITS)}.tally`
}

/** Undefined if it is not a tally. */
export function parseTallyStem(file: string): string | undefined {
  return NAME.exec(file)?.[1]
}

export function nameMatchesContent(file: string, sha256: string): boolean {
  return NAME.exec(file)?.[2] === sha256.slice(0, HASH_DIGITS)
}

/**
 * SQL that writes the tally of some lookups. Sorted by client, so that each client is stored once.
 */
export function copyTally(lookups: string, path: string): string {
  const rows = (['client', 'name'] as const).map(by => rowsOf(lookups, by)).join(' UNION ALL ')
  return `COPY (${rows} ORDER BY "by", client, qname) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd)`
}

/** A recognized client counts under its name, whatever its address. */
export function countedByDevice(lookups: string): string {
  return `SELECT * REPLACE (coalesce(device, client) AS client) FROM (${lookups})`
}

/** Both kinds of rows have all columns because they share one file. */
function rowsOf(lookups: string, by: CountedBy): string {
  const own: readonly string[] = COUNTED_BY[by]
  const columns = ALL.map(name => {
    return own.includes(name)
      ? identifier(name)
      : `NULL::${LOOKUP_COLUMNS[name]} AS ${identifier(name)}`
  })
  return (
    `SELECT '${by}' AS "by", ${columns.join(', ')}, ${COUNTS} FROM (${countedByDevice(lookups)})` +
    ` WHERE ${IS_COUNTED[by]} GROUP BY ${columnsOf(by)}`
  )
}
