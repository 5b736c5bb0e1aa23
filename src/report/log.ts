/** A value as a row has it: whole numbers as number, instants as Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]

/**
 * A query log that can be asked by SQL, in the dialect of DuckDB: a view `lookups` with a column
 * for each field of a record, and a view `foreign_lines` with a row for each line that is none.
 */
export interface Log {
  rows<R extends Readonly<Record<string, Cell>>>(
    sql: string,
    parameters?: Readonly<Record<string, string | number | boolean | null>>
  ): Promise<R[]>
}
