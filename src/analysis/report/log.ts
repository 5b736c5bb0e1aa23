import type { Milliseconds } from '../../base/units.js'

/**
 * Which precomputed counts (tallies) answer a question.
 *
 * `client` all lookups, by client and verdict
 * `name`   lookups that a rule matched, by name and rule
 */
export type CountedBy = 'client' | 'name'

/** From `since`, inclusive, to `until`, exclusive. */
export interface Period {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** A period, and of a fleet one of its gateways. */
export interface Selected extends Period {
  readonly gateway?: string | undefined
}

/** A value of a row: integers as number, timestamps as Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]

/**
 * A query log as SQL (DuckDB): a view `lookups` with a column for each field of a record, and a view
 * `foreign_lines` with a row for each line that is not a record.
 */
export interface Log {
  /** The column that identifies a client of one gateway; NULL without one. It is cheaper to compare than `client`. */
  readonly clientKey: string
  /** Of a fleet; otherwise one, `undefined`. */
  readonly gateways: readonly (string | undefined)[]
  /**
   * SQL for the lookups that are selected, in groups: each row stands for `n` lookups that agree in every
   * column that is counted by, between the times `first` and `last`.
   */
  selectCounts(by: CountedBy, selected: Selected): string
  /** SQL source of lookups, at least those that are selected: a fleet has files that need not be read. */
  lookups(selected: Selected): string
  /** The same for answers that were validated for networks with `dnssec: observe`. */
  observed(selected: Selected): string
  /** Passes each row of a SELECT to `take`, which must not use the log; they may be more than fit into memory. */
  each(
    sql: string,
    parameters: Readonly<Record<string, string | number | boolean | null>>,
    take: (row: Readonly<Record<string, Cell>>) => void
  ): Promise<void>
  rows<R extends Readonly<Record<string, Cell>>>(
    sql: string,
    parameters?: Readonly<Record<string, string | number | boolean | null>>
  ): Promise<R[]>
}
