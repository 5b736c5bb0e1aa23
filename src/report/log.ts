import type { Milliseconds } from '../base/units.js'

/**
 * How lookups are counted.
 *
 * `client` all of them, by client and by what became of them
 * `name`   those on which a rule spoke, by name and by rule
 */
export type CountedBy = 'client' | 'name'

/** The first instant that belongs to it, and the first that does not any more. */
export interface Period {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** A value as a row has it: whole numbers as number, instants as Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]

/**
 * A query log that can be asked by SQL, in the dialect of DuckDB: a view `lookups` with a column
 * for each field of a record, and a view `foreign_lines` with a row for each line that is none.
 */
export interface Log {
  /**
   * SQL for the lookups of a period, counted: a row for one or more of them that are the same but for
   * what they are not counted by, with how many these are (`n`), and when the `first` and the `last`
   * was.
   */
  selectCounts(by: CountedBy, period: Period): string
  rows<R extends Readonly<Record<string, Cell>>>(
    sql: string,
    parameters?: Readonly<Record<string, string | number | boolean | null>>
  ): Promise<R[]>
}
