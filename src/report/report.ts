import type { Chart } from './output/chart.js'

/** What stands in a cell; a Date is an instant. */
export type Value = string | number | Date | null

/**
 * How a column is shown.
 *
 * `text`   as it is, made harmless for where it is shown
 * `count`  a whole number
 * `share`  of 1, as a percentage
 * `change` of 1, as a percentage with its sign
 * `time`   an instant, to the minute for people, in UTC
 * `hour`, `day` the same, for the beginning of one
 */
export type Kind = 'text' | 'count' | 'share' | 'change' | 'time' | 'hour' | 'day'

export interface Column {
  /** Its name in JSON and CSV. */
  readonly key: string
  /** Its head, for people. */
  readonly title: string
  readonly kind: Kind
}

/** @param title its head, if that is not its name */
export function column(key: string, kind: Kind, title = key): Column {
  return { key, title, kind }
}

/** The answer to one question. */
export interface Table {
  /** Its name in JSON. */
  readonly id: string
  readonly title: string
  /** What is seen, in one sentence, for who does not know the terms. */
  readonly says: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Value[])[]
  /** What is said where there is no row. */
  readonly none: string
  readonly chart?: Chart
}

/** What is known of the whole: a label and a text, or some. */
export type Fact = readonly [label: string, ...lines: string[]]

/** What every format is made of; its JSON form is public, see docs/guides/reports.md. */
export interface Report {
  readonly title: string
  readonly facts: readonly Fact[]
  readonly tables: readonly Table[]
  /** What a reader must know to trust the figures: lines that were skipped, what the log lacks. */
  readonly remarks: readonly string[]
}
