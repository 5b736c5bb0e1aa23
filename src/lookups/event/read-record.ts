import { SCHEMA_VERSION, type QueryRecord } from './schema.js'

/**
 * Parses a line of the query log; undefined if it is incomplete, foreign or of another schema
 * version.
 */
export function readRecord(line: string): QueryRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { v, time, qname, qtype, verdict, us } = value as Readonly<Record<string, unknown>>
  const texts = [time, qname, qtype, verdict]
  const isRecord = v === SCHEMA_VERSION && texts.every(it => typeof it === 'string')
  return isRecord && typeof us === 'number' ? (value as QueryRecord) : undefined
}
