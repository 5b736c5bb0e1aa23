/**
 * The schema of a query log line. docs/reference/query-log.md explains every field; a test keeps
 * both in step. Adding a field keeps the version; removing a field or changing its meaning raises
 * it.
 */
export const SCHEMA_VERSION = 1

/** Verdicts decided by a rule of the operator. */
export const RULE_VERDICTS = ['blocked', 'monitored', 'allowed'] as const

/** One parsed line. A field that does not apply is absent, never null. */
export interface QueryRecord {
  readonly v: typeof SCHEMA_VERSION
  readonly time: string
  readonly generation: number
  readonly sha256?: string
  readonly serial?: number
  readonly paused?: string
  readonly client?: string
  readonly device?: string
  readonly privacy?: string
  readonly network?: string
  readonly addressNetwork?: string
  readonly protocol: string
  readonly qname: string
  readonly qtype: string
  readonly rcode?: string
  readonly verdict: string
  readonly match?: string
  readonly app?: string
  readonly list?: string
  readonly ban?: string
  readonly exception?: string
  readonly allow?: string
  readonly block?: string
  readonly rule?: string
  readonly pattern?: string
  readonly source?: string
  readonly upstream?: string
  readonly us: number
  readonly ede?: number
  readonly dnssec?: string
  readonly dnssecReason?: string
  readonly dnssecContact?: string
  readonly validated?: number
  readonly answers?: number
}

/** Every field in the order of the line, with its JSON type. */
export const QUERY_FIELDS = {
  v: 'integer',
  time: 'string',
  generation: 'integer',
  sha256: 'string',
  serial: 'integer',
  paused: 'string',
  client: 'string',
  device: 'string',
  privacy: 'string',
  network: 'string',
  addressNetwork: 'string',
  protocol: 'string',
  qname: 'string',
  qtype: 'string',
  rcode: 'string',
  verdict: 'string',
  match: 'string',
  app: 'string',
  list: 'string',
  ban: 'string',
  exception: 'string',
  allow: 'string',
  block: 'string',
  rule: 'string',
  pattern: 'string',
  source: 'string',
  upstream: 'string',
  us: 'integer',
  ede: 'integer',
  dnssec: 'string',
  dnssecReason: 'string',
  dnssecContact: 'string',
  validated: 'integer',
  answers: 'integer'
} as const satisfies Record<keyof QueryRecord, 'integer' | 'string'>
