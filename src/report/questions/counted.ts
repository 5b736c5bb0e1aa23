import type { CountedBy, Log } from '../log.js'
import { conditionOf, type Condition, type Selection } from './selection.js'

/** From where lookups can be counted, and which of them. */
export interface Source extends Condition {
  /** SQL: it has `n`, `first` and `last`, whatever else a row stands for. */
  readonly from: string
}

/** All columns, but nothing is counted yet: each lookup is a row. */
const ONE_BY_ONE = '(SELECT *, 1::BIGINT AS n, time AS first, time AS last FROM lookups)'

/**
 * Where the lookups of a selection are counted already, if that is of use: else one by one.
 *
 * @param by undefined for what is asked by another column than those that are counted by
 */
export function sourceOf(log: Log, selection: Selection, by: CountedBy | undefined): Source {
  if (by === undefined || !isCounted(by, selection)) {
    return { from: ONE_BY_ONE, ...conditionOf(selection) }
  }
  const { since, until, ...rest } = selection
  return { from: `(${log.selectCounts(by, { since, until })})`, ...conditionOf(rest) }
}

/** Names that clients have for a time are asked for with it, and counted are whole days. */
function isCounted(by: CountedBy, { clients, name, all }: Selection): boolean {
  if (clients !== undefined) return false
  return by === 'name' ? all !== true : name === undefined
}
