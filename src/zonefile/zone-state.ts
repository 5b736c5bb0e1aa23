import { createHash } from 'node:crypto'

/** A zone of a primary as it was read. */
export interface ZoneState {
  /** Id of the list that it is. */
  readonly list: string
  /** Its name as its lines have it. */
  readonly zone: string
  readonly serial: number
  /** Of its base and journal: see `zone-journal.ts`. Hex. */
  readonly sha256: string
  /** How many lines its text has. */
  readonly lines: number
}

/**
 * SHA-256 of all rules, hex: that of the files, where there are no zones.
 *
 * @param files SHA-256 over the files; hex
 * @param zones in any order; each counts as its serial and its sum, since octets that say the same may
 *   lie differently in base and journal
 */
export function rulesSum(files: string, zones: readonly ZoneState[]): string {
  if (zones.length === 0) return files
  const hash = createHash('sha256').update(files)
  const said = zones.map(({ list, serial, sha256 }) => `\0${list} ${serial} ${sha256}`)
  for (const text of said.sort()) hash.update(text)
  return hash.digest('hex')
}
