import { isPublicSuffix } from '../../../policy/rules/apps/public-suffix.js'
import { quotedList } from '../../../lookups/sql/lookups-sql.js'

/** The last labels of a name; the whole name if it has fewer. */
const last = (labels: number): string =>
  `regexp_extract(qname, '([^.]+\\.){0,${labels - 1}}[^.]+$')`

/** Suffixes of which rules are needed: more than an ordinary day has. */
const MAX_SUFFIXES = 50_000

/**
 * The ends of names of two and three labels that may be public suffixes, such as `co.uk`: those with names of several
 * domains below them.
 */
export function suffixesSql(where: string, from = 'lookups'): string {
  const ends = [2, 3].map(
    labels => `SELECT DISTINCT ${last(labels)} AS suffix FROM ${from} WHERE ${where}`
  )
  return `SELECT suffix FROM (${ends.join(' UNION ')}) WHERE contains(suffix, '.') LIMIT ${MAX_SUFFIXES}`
}

/** SQL of the registrable domain of `qname`, by the Public Suffix List, for names with these suffixes. */
export function domainSql(suffixes: readonly string[]): string {
  const known = suffixes.filter(isPublicSuffix)
  const of = (labels: number): string =>
    quotedList(known.filter(one => one.split('.').length === labels))
  return `CASE WHEN list_contains(${of(3)}::VARCHAR[], ${last(3)}) THEN ${last(4)}
    WHEN list_contains(${of(2)}::VARCHAR[], ${last(2)}) THEN ${last(3)} ELSE ${last(2)} END`
}
