import type { CountedBy, Log } from '../log.js'
import { conditionOf, type Condition, type Filters } from './selection.js'

/** A FROM clause for lookups or tallies, and the WHERE condition for it. */
export interface Source extends Condition {
  /** SQL with the columns `n`, `first` and `last`. */
  readonly from: string
}

/** Lookups in which a recognized client counts under its name, whatever its address. */
export const BY_DEVICE = '(SELECT * REPLACE (coalesce(device, client) AS client) FROM lookups)'

/** Every column, one row for each lookup. */
const EACH_LOOKUP = `(SELECT *, 1::BIGINT AS n, time AS first, time AS last FROM ${BY_DEVICE})`

/**
 * The tallies for a selection if they can answer it; otherwise each lookup.
 *
 * @param by undefined if the question needs a column that tallies do not have
 */
export function sourceOf(log: Log, selection: Filters, by: CountedBy | undefined): Source {
  if (by === undefined || !hasTally(by, selection)) {
    return { from: EACH_LOOKUP, ...conditionOf(selection) }
  }
  const { since, until, ...rest } = selection
  return { from: `(${log.selectCounts(by, { since, until })})`, ...conditionOf(rest) }
}

/** A client alias can be valid for part of a day, and tallies are of whole days. */
function hasTally(by: CountedBy, { clients, name, all }: Filters): boolean {
  if (clients !== undefined) return false
  return by === 'name' ? all !== true : name === undefined
}
