import { createHash } from 'node:crypto'
import type { Octets } from '../../base/units.js'
import { showZoneFileName } from '../dns/records/zone-file-writer.js'
import { hashLine, LineTable } from './line-table.js'
import { readJournal } from './zone-journal.js'

const [LF, MINUS, PLUS, COMMENT, TILDE] = [0x0a, 0x2d, 0x2b, 0x3b, 0x7e]

const SOA_LINE = /^(\S+) \d+ IN SOA \S+ \S+ (\d{1,10}) /

/** A zone with its journal applied. */
export interface AppliedZone {
  readonly octets: Uint8Array
  /** Number of lines of the base; lines added by the journal follow them. */
  readonly baseLines: number
  /** Number of lines that the journal removes but that did not exist. */
  readonly missing: number
}

/**
 * The current text of a zone: its base, followed by the lines that the journal adds. Removed lines
 * become comments: `;` replaces their first octet. So no line ever changes its number. The SOA stays
 * that of the base; the newest one is in the journal.
 *
 * @param base lines of a zone file, one record per line, each with a line feed
 * @param journal complete versions only
 */
export function effectiveZone(base: Uint8Array, journal: Uint8Array): Uint8Array {
  return applyJournal(base, journal).octets
}

/** As `effectiveZone`, with counts. */
export function applyJournal(base: Uint8Array, journal: Uint8Array): AppliedZone {
  const octets = new Uint8Array(base.length + journal.length)
  octets.set(base)
  const added = new LineTable(octets)
  const removed = new LineTable(journal)
  const found = new Set<Octets>()
  let end = base.length
  for (let at = 0; at < journal.length;) {
    const sign = journal[at]!
    const start = at + 1
    at = lineEnd(journal, start)
    if (sign !== PLUS && sign !== MINUS) continue
    const length = at - 1 - start
    const hash = hashLine(journal, start, start + length)
    if (sign === PLUS) {
      added.add(hash, end, length)
      octets.set(journal.subarray(start, at), end)
      end += length + 1
    } else {
      const was = added.remove(hash, journal, start, length)
      if (was !== -1) octets[was] = COMMENT
      const known = removed.find(hash, journal, start, length)
      if (known === -1) removed.add(hash, start, length)
      if (was !== -1) found.add(known === -1 ? start : known)
    }
  }
  const baseLines = commentOut(octets, base.length, removed, found)
  return { octets: octets.subarray(0, end), baseLines, missing: removed.size - found.size }
}

/**
 * Turns removed lines of the base into comments, and adds those that existed to `found`.
 *
 * @returns the number of lines of the base
 */
function commentOut(
  octets: Uint8Array,
  end: Octets,
  removed: LineTable,
  found: Set<Octets>
): number {
  let lines = 0
  for (let at = 0; at < end; at++) {
    const start = at
    while (at < end && octets[at] !== LF) at++
    lines++
    if (!removed.hasLength(at - start)) continue
    const hash = hashLine(octets, start, at)
    const known = removed.find(hash, octets, start, at - start)
    if (known === -1) continue
    octets[start] = COMMENT
    found.add(known)
  }
  return lines
}

/**
 * A new base: the current lines of a zone, with the newest SOA first.
 *
 * @param zone the result of `effectiveZone`
 * @param journal provides the newest SOA
 */
export function compactZone(zone: Uint8Array, journal: Uint8Array): Uint8Array {
  const soa = findLastSoa(journal) ?? zone.subarray(0, lineEnd(zone, 0))
  const octets = new Uint8Array(soa.length + zone.length)
  octets.set(soa)
  let to = soa.length
  for (let at = lineEnd(zone, 0); at < zone.length;) {
    const next = lineEnd(zone, at)
    if (zone[at] !== COMMENT) {
      octets.set(zone.subarray(at, next), to)
      to += next - at
    }
    at = next
  }
  return octets.subarray(0, to)
}

function findLastSoa(journal: Uint8Array): Uint8Array | undefined {
  let soa: Uint8Array | undefined
  for (let at = 0; at < journal.length;) {
    const next = lineEnd(journal, at)
    if (journal[at] === TILDE) soa = journal.subarray(at + 1, next)
    at = next
  }
  return soa
}

export function countLines(octets: Uint8Array): number {
  let count = 0
  for (let at = octets.indexOf(LF); at !== -1; at = octets.indexOf(LF, at + 1)) count++
  return count
}

/** Position after the line feed that ends the line at `at`. */
function lineEnd(octets: Uint8Array, at: Octets): Octets {
  const end = octets.indexOf(LF, at)
  return end === -1 ? octets.length : end + 1
}

/** The last valid copy of a zone on disk. */
export interface ZoneCopy {
  readonly base: Uint8Array
  /** Complete versions only. */
  readonly journal: Uint8Array
  readonly serial: number
  /** Chained checksum of the base and all versions, hex: see `zone-journal.ts`. */
  readonly sha256: string
}

/**
 * Reads the stored copy of a zone.
 *
 * @param zone in lower-cased wire form
 * @returns undefined if the base does not belong to this zone
 */
export function readZoneCopy(
  zone: Uint8Array,
  base: Uint8Array,
  journal: Uint8Array
): ZoneCopy | undefined {
  const serial = serialOf(zone, base)
  if (serial === undefined) return undefined
  const sum = createHash('sha256').update(base).digest('hex')
  const read = readJournal(journal, sum)
  return {
    base,
    journal: journal.subarray(0, read.end),
    serial: read.serial ?? serial,
    sha256: read.sha256
  }
}

/** The serial of the SOA in the first line of a base. */
function serialOf(zone: Uint8Array, base: Uint8Array): number | undefined {
  const line = Buffer.from(base.subarray(0, lineEnd(base, 0))).toString('latin1')
  const [, owner, digits] = SOA_LINE.exec(line) ?? []
  return owner === showZoneFileName(zone) ? Number(digits) : undefined
}
