import type { Log } from '../log.js'
import { column, type Table } from '../report.js'
import { sourceOf } from './lookup-source.js'
import type { Filters } from './selection.js'

interface Span {
  readonly generation: number
  readonly sha256: string | null
  /** Serial of the bundle, if the rules came from one. */
  readonly serial: number | null
  readonly rule: string | null
  readonly lookups: number
  readonly first: Date
  readonly last: Date
}

/**
 * The snapshots of the rules that decided the lookups. Generations restart at 1 with the program, so
 * lookups are counted by generation and day first, and consecutive days are merged.
 */
export async function generations(log: Log, selection: Filters): Promise<Table> {
  const { from, sql, parameters } = sourceOf(log, selection, 'name')
  const days = await log.rows<Span & Record<string, string | number | Date | null>>(
    `SELECT generation, sha256, serial, rule, sum(n)::BIGINT AS lookups,
      min(first) AS first, max(last) AS last
    FROM ${from} WHERE ${sql} GROUP BY generation, sha256, serial, rule, date_trunc('day', first)
    ORDER BY first, generation, rule, sha256, serial`,
    parameters
  )
  const spans = mergeSpans(days)
  const hasBundles = spans.some(({ serial }) => serial !== null)
  return {
    id: 'generations',
    title: 'Rules in force',
    description:
      'The version of the rules that decided, with its first and last lookup: the generation since the gateway started, the first digits of the SHA-256 of all rule files, the serial of the bundle if there was one, and the line of the rule.',
    emptyText: 'No matching lookups.',
    columns: [
      column('generation', 'count'),
      column('sha256', 'text', 'SHA-256 of the rules'),
      ...(hasBundles ? [column('serial', 'count')] : []),
      column('rule', 'text'),
      column('lookups', 'count'),
      column('first', 'time'),
      column('last', 'time')
    ],
    rows: spans.map(({ generation, sha256, serial, rule, lookups, first, last }) => {
      return [generation, sha256, ...(hasBundles ? [serial] : []), rule, lookups, first, last]
    })
  }
}

/** Merges consecutive days of one generation. @param days sorted by first lookup */
function mergeSpans(days: readonly Span[]): Span[] {
  const spans: Span[] = []
  const open = new Map<string, number>()
  for (const day of days) {
    const key = JSON.stringify([day.generation, day.sha256, day.serial, day.rule])
    const at = open.get(key)
    const before = at === undefined ? undefined : spans[at]
    // Not if other rules were in force in between: a restarted program counts from 1 again.
    const isSame =
      before !== undefined &&
      !spans.some(it => it.rule === day.rule && it.first > before.last && it.first < day.first)
    if (isSame) {
      spans[at!] = { ...before, lookups: before.lookups + day.lookups, last: day.last }
    } else {
      open.set(key, spans.length)
      spans.push(day)
    }
  }
  return spans
}
