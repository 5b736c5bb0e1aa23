import { createHash } from 'node:crypto'
import type { Octets } from '../../base/units.js'

/*
 * The journal of a transferred zone: the changes since its base, version by version, as lines of
 * text.
 *
 *     @ 17 18 93                           from serial 17 to 18, in 93 octets of lines
 *     ~rpz.example. 60 IN SOA …            the new SOA
 *     -one.rpz.example. 60 IN CNAME .      removed record
 *     +two.rpz.example. 60 IN CNAME .      added record
 *     = 5f3a…                              chained SHA-256 of everything so far, hex
 *
 * The sum of a version is the SHA-256 of the previous sum (32 octets; for the first version, the sum
 * of the base) and all octets of the version before `=`. It detects versions that are incomplete or
 * belong to another base.
 */

const HEADER_LINE = /^@ (\d{1,10}) (\d{1,10}) (\d{1,15})$/
const SUM_LINE = /^= ([0-9a-f]{64})$/
const LF = 0x0a

/** Longest header or sum line. */
const MAX_LINE_LENGTH: Octets = 80

/** Length of the sum line, including its line feed. */
const SUM_LINE_LENGTH: Octets = 67

/** The valid part of a journal. */
export interface Journal {
  /** End of the last complete version; anything after it is ignored. */
  readonly end: Octets
  /** Serial of the last complete version; undefined: none. */
  readonly serial: number | undefined
  /** Chained sum of base and versions, hex. */
  readonly sha256: string
}

/** Reads a journal. @param sha256 sum of its base, hex */
export function readJournal(octets: Uint8Array, sha256: string): Journal {
  let journal: Journal = { end: 0, serial: undefined, sha256 }
  for (;;) {
    const version = readVersion(octets, journal)
    if (version === undefined) return journal
    journal = version
  }
}

/**
 * The versions after a given one.
 *
 * @param sha256 chained sum of the given version, or of the base, hex
 * @returns their lines, as concatenated `Version.lines`; undefined if the sum is not of this journal
 */
export function versionsSince(
  octets: Uint8Array,
  sha256: string
): (Journal & { readonly lines: Uint8Array }) | undefined {
  const ending = Buffer.from(`\n= ${sha256}\n`)
  const at = Buffer.from(octets.buffer, octets.byteOffset, octets.length).indexOf(ending)
  let journal: Journal = { end: at === -1 ? 0 : at + ending.length, serial: undefined, sha256 }
  const lines: Uint8Array[] = []
  for (;;) {
    const version = readVersion(octets, journal)
    if (version === undefined) break
    const head = octets.indexOf(LF, journal.end) + 1
    const last = version.end - SUM_LINE_LENGTH
    lines.push(octets.subarray(head, last))
    journal = version
  }
  return at === -1 && lines.length === 0 ? undefined : { ...journal, lines: Buffer.concat(lines) }
}

/** Reads the next version; undefined: none, or incomplete. */
function readVersion(
  octets: Uint8Array,
  { end: at, serial, sha256 }: Journal
): Journal | undefined {
  const head = readLine(octets, at)
  const [, from, to, length] = HEADER_LINE.exec(head ?? '') ?? []
  if (head === undefined || from === undefined || (serial ?? Number(from)) !== Number(from)) {
    return undefined
  }
  const last = at + head.length + 1 + Number(length)
  const ending = readLine(octets, last)
  const sum = SUM_LINE.exec(ending ?? '')?.[1]
  if (sum === undefined || sum !== chainSum(sha256, octets.subarray(at, last))) return undefined
  return { end: last + ending!.length + 1, serial: Number(to), sha256: sum }
}

function readLine(octets: Uint8Array, at: Octets): string | undefined {
  const end = octets.subarray(at, at + MAX_LINE_LENGTH).indexOf(LF)
  return end === -1 ? undefined : Buffer.from(octets.subarray(at, at + end)).toString('latin1')
}

/** A version to append to a journal. */
export interface Version {
  readonly from: number
  readonly to: number
  /** Lines that begin with `~`, `-` or `+`. */
  readonly lines: Uint8Array
}

/** Writes a version. @param sha256 chained sum of the journal so far, hex */
export function writeVersion(
  { from, to, lines }: Version,
  sha256: string
): { readonly octets: Uint8Array; readonly sha256: string } {
  const body = Buffer.concat([Buffer.from(`@ ${from} ${to} ${lines.length}\n`), lines])
  const sum = chainSum(sha256, body)
  return { octets: Buffer.concat([body, Buffer.from(`= ${sum}\n`)]), sha256: sum }
}

function chainSum(sha256: string, octets: Uint8Array): string {
  return createHash('sha256').update(Buffer.from(sha256, 'hex')).update(octets).digest('hex')
}
