/**
 * What the dashboard reads of responses about the query log and reports; docs/reference/openapi.json has all of it. Code for browsers
 * imports nothing of the gateway: test/web/response-types.ts compares these types with the responses.
 */

/** A line of the query log: docs/reference/query-log.md. */
export interface Lookup {
  readonly time: string
  readonly client?: string
  readonly network?: string
  readonly addressNetwork?: string
  readonly qname: string
  readonly qtype: string
  readonly verdict: string
  readonly app?: string
  readonly list?: string
  readonly ban?: string
  readonly [field: string]: string | number | undefined
}

export interface Report {
  readonly title: string
  readonly timeZone: string
  /** Headline figures. */
  readonly tiles: Readonly<Record<string, number | null>>
  readonly facts: Readonly<Record<string, string>>
  readonly tables: Readonly<
    Record<string, readonly Readonly<Record<string, string | number | null>>[]>
  >
  readonly remarks: readonly string[]
}

export interface StoredReport {
  readonly name: string
  readonly report: string
  readonly title: string
  readonly since: string | null
  readonly until: string | null
  readonly created: string
  readonly bytes: number
}
