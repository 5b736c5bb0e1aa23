import { createHash } from 'node:crypto'
import { fstatSync, readSync } from 'node:fs'
import type { Octets } from '../../../base/units.js'
import { RULE_VERDICTS } from '../../record/schema.js'
import { identifier, LOOKUP_COLUMNS, quoted } from '../lookups-sql.js'

/** Raised when a tally has other rows than before: those of before are made anew. */
const LAYOUT_VERSION = 2
/** Digits of a hash that are in its name. */
const HASH_DIGITS = 16
const NAME = /([^/]+)-([0-9a-f]{16})\.tally$/
/** Of the end of a Parquet file, which says where its columns are, and what it was made of. */
const TAIL_SIZE: Octets = 64 * 1024

/**
 * By what lookups are counted. A day has few clients, and few names that rules speak on, but many
 * pairs of both: so a tally has a row for each client and what became of its lookups, and a row for
 * each name and the rules that spoke on it.
 *
 * `client` all lookups
 * `name`   those on which a rule spoke
 */
export const COUNTED_BY = {
  client: ['client', 'network', 'verdict', 'app', 'ban', 'match', 'exception'],
  name: [
    ...['qname', 'network', 'verdict', 'app', 'ban', 'match', 'exception'],
    ...['pattern', 'rule', 'generation', 'sha256', 'serial']
  ]
} as const satisfies Record<string, readonly string[]>
export type CountedBy = keyof typeof COUNTED_BY

/** What lookups are counted so, in SQL. */
export const IS_COUNTED: Readonly<Record<CountedBy, string>> = {
  client: 'true',
  name: `verdict IN (${RULE_VERDICTS.map(quoted).join(', ')})`
}

/** Of lookups that are the same but for the rest: how many, and when the first and the last was. */
const COUNTS = 'count(*) AS n, min(time) AS first, max(time) AS last'
const ALL = [...new Set([...COUNTED_BY.client, ...COUNTED_BY.name])]

/** For SELECT. */
export function columnsOf(by: CountedBy): string {
  return COUNTED_BY[by].map(identifier).join(', ')
}

/**
 * How the name of a Parquet file's tally begins. Another file, and one that was written over, has
 * another: so a tally is of the very file that gives it its name, or of none.
 */
export function tallyStem(day: string, descriptor: number): string {
  const { size } = fstatSync(descriptor)
  const tail = Buffer.alloc(Math.min(size, TAIL_SIZE))
  readSync(descriptor, tail, 0, tail.length, size - tail.length)
  const hash = createHash('sha256').update(`${LAYOUT_VERSION} ${size}\n`).update(tail).digest('hex')
  return `${day}-${hash.slice(0, HASH_DIGITS)}`
}

/** And how it ends: by what is in it, so that it is known when somebody altered it. */
export function tallyName(stem: string, sha256: string): string {
  return `${stem}-${sha256.slice(0, HASH_DIGITS)}.tally`
}

/** Undefined: it is none. */
export function parseTallyStem(file: string): string | undefined {
  return NAME.exec(file)?.[1]
}

export function nameMatchesContent(file: string, sha256: string): boolean {
  return NAME.exec(file)?.[2] === sha256.slice(0, HASH_DIGITS)
}

/** SQL that writes the tally of lookups, also SQL. By client: so each of them is written once. */
export function copyTally(lookups: string, path: string): string {
  const rows = (['client', 'name'] as const).map(by => rowsOf(lookups, by)).join(' UNION ALL ')
  return `COPY (${rows} ORDER BY "by", client, qname) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd)`
}

/** Both kinds of rows have all columns, for they are in one file. */
function rowsOf(lookups: string, by: CountedBy): string {
  const own: readonly string[] = COUNTED_BY[by]
  const columns = ALL.map(name => {
    return own.includes(name)
      ? identifier(name)
      : `NULL::${LOOKUP_COLUMNS[name]} AS ${identifier(name)}`
  })
  return (
    `SELECT '${by}' AS "by", ${columns.join(', ')}, ${COUNTS} FROM (${lookups})` +
    ` WHERE ${IS_COUNTED[by]} GROUP BY ${columnsOf(by)}`
  )
}
