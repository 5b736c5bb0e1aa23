/** Colours by meaning; the page defines each for light and dark. */
export type Tone = 'blocked' | 'monitored' | 'allowed' | 'other'

/** One series of bars, with a value for each label. */
export interface Series {
  readonly name: string
  readonly tone: Tone
  readonly values: readonly number[]
}

/**
 * Counts as bars; several series are stacked.
 *
 * `ranking`  horizontal bars with their sums, the first label on top
 * `timeline` vertical bars, time from left to right
 */
export interface Chart {
  readonly kind: 'ranking' | 'timeline'
  /** Axis title: `lookups`. */
  readonly unit: string
  /** Without control characters. */
  readonly labels: readonly string[]
  readonly series: readonly Series[]
}

/** The value of a cell; a Date is a timestamp. */
export type Value = string | number | Date | null

/**
 * How a column is formatted.
 *
 * `text`   escaped for the output format
 * `count`  an integer
 * `share`  a fraction of 1, shown as a percentage
 * `change` a fraction of 1, shown as a percentage with its sign
 * `time`   a timestamp, shown to the minute
 * `hour`, `day` the start of an hour or a day
 */
export type Kind = 'text' | 'count' | 'share' | 'change' | 'time' | 'hour' | 'day'

export interface Column {
  /** Name in JSON and CSV. */
  readonly key: string
  /** Column heading. */
  readonly title: string
  readonly kind: Kind
  /** Left out for readers if every row has 0 or nothing; CSV and JSON always have the column. */
  readonly hideIfEmpty?: boolean
}

/** @param title column heading, if it differs from the key */
export function column(key: string, kind: Kind, title = key): Column {
  return { key, title, kind }
}

/** The answer to one question. */
export interface Table {
  /** Name in JSON. */
  readonly id: string
  readonly title: string
  /** What the table shows, in one sentence, for a reader who does not know the terms. */
  readonly description: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Value[])[]
  /** Shown instead of an empty table. */
  readonly emptyText: string
  readonly chart?: Chart
  /** Why a row matters, for each row; null: no more than others. Shown on pages. */
  readonly marks?: readonly (string | null)[]
}

/** A headline figure. */
export interface Tile {
  /** Name in JSON. */
  readonly key: string
  readonly title: string
  readonly value: Value
  readonly kind: Kind
  /** What the figure is of, or compared with, in a few words. */
  readonly note?: string
  /** It calls for action. */
  readonly warn?: boolean
}

/** A label with one or more lines of text, above the tables. */
export type Fact = readonly [label: string, ...lines: string[]]

/** Where and when a page was made. */
export interface Origin {
  /** `identity.name` of the settings, or the host name. */
  readonly gateway: string
  readonly version: string
  readonly generated: Date
  /** Undefined: the rules could not be read. */
  readonly rules: { readonly sha256: string; readonly serial: number | null } | undefined
}

/** The input of every output format. Its JSON form is public: see docs/guides/reports.md. */
export interface Report {
  readonly title: string
  /** IANA name of the time zone in which times are shown. */
  readonly timeZone: string
  readonly facts: readonly Fact[]
  /** Headline figures; undefined: none. */
  readonly tiles?: readonly Tile[]
  readonly tables: readonly Table[]
  /** Caveats that a reader needs to trust the figures: skipped lines, gaps in the log. */
  readonly remarks: readonly string[]
}
