import type { Milliseconds } from '../base/units.js'

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

/** A value of a row: integers as number, timestamps as Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]

/**
 * A query log as SQL (DuckDB): a view `lookups` with a column for each field of a record, and a view
 * `foreign_lines` with a row for each line that is not a record.
 */
export interface Log {
  /** Columns that together identify a client; without a client, the first is NULL. They are cheaper to compare than `client`. */
  readonly clientKey: readonly string[]
  /**
   * SQL for the lookups of a period in groups: each row stands for `n` lookups that agree in every
   * column that is counted by, between the times `first` and `last`.
   */
  selectCounts(by: CountedBy, period: Period): string
  rows<R extends Readonly<Record<string, Cell>>>(
    sql: string,
    parameters?: Readonly<Record<string, string | number | boolean | null>>
  ): Promise<R[]>
}
