import { createHash } from 'node:crypto'

/** A transferred zone as it was read. */
export interface ZoneState {
  /** Id of its list. */
  readonly list: string
  /** Name of the zone, as in its lines. */
  readonly zone: string
  readonly serial: number
  /** Chained sum of its base and journal, hex: see `zone-journal.ts`. */
  readonly sha256: string
  /** Number of lines of its text. */
  readonly lines: number
}

/**
 * SHA-256 of all rules, hex; without zones that of the files.
 *
 * @param files SHA-256 of the files, hex
 * @param zones in any order; each contributes its serial and chained sum, because the same content may
 *   be split differently between base and journal
 */
export function rulesSha256(files: string, zones: readonly ZoneState[]): string {
  if (zones.length === 0) return files
  const hash = createHash('sha256').update(files)
  const texts = zones.map(({ list, serial, sha256 }) => `\0${list} ${serial} ${sha256}`)
  for (const text of texts.sort()) hash.update(text)
  return hash.digest('hex')
}
