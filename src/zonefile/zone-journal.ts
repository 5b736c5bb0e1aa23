import { createHash } from 'node:crypto'
import type { Octets } from '../base/units.js'

/*
 * The journal of a zone that is transferred: what has changed since its base came, version after
 * version, as lines of text.
 *
 *     @ 17 18 93                           from serial 17 to 18, in 93 octets of lines
 *     ~rpz.example. 60 IN SOA …            the SOA from now on
 *     -one.rpz.example. 60 IN CNAME .      no longer there
 *     +two.rpz.example. 60 IN CNAME .      new
 *     = 5f3a…                              chained SHA-256 up to here, hex
 *
 * The sum of a version is that of the sum before it (32 octets; of the first, that of the base) and
 * of all octets of the version before `=`. So what was half written, and what belongs to another
 * base, is told from what counts.
 */

const HEAD = /^@ (\d{1,10}) (\d{1,10}) (\d{1,15})$/
const END = /^= ([0-9a-f]{64})$/
const LF = 0x0a

/** `@`, three numbers; `=` and a sum: no such line is longer. */
const LONGEST: Octets = 80

/** Of the line with `=`, its line feed counted. */
const END_LENGTH: Octets = 67

/** What there is of a journal. */
export interface Journal {
  /** Where its last whole version ends: what is behind it counts for nothing. */
  readonly end: Octets
  /** Of the last whole version; undefined: there is none. */
  readonly serial: number | undefined
  /** Of all, hex. */
  readonly sha256: string
}

/** @param sha256 of the base, hex */
export function readJournal(octets: Uint8Array, sha256: string): Journal {
  let journal: Journal = { end: 0, serial: undefined, sha256 }
  for (;;) {
    const version = readVersion(octets, journal)
    if (version === undefined) return journal
    journal = version
  }
}

/**
 * The versions that follow on one that somebody has.
 *
 * @param sha256 up to that one, hex
 * @returns their lines, as `Version.lines` one behind the other; undefined: that one is not in it, nor
 *   its base
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
    const last = version.end - END_LENGTH
    lines.push(octets.subarray(head, last))
    journal = version
  }
  return at === -1 && lines.length === 0 ? undefined : { ...journal, lines: Buffer.concat(lines) }
}

/** The version that follows on what was read; undefined: there is no whole one. */
function readVersion(
  octets: Uint8Array,
  { end: at, serial, sha256 }: Journal
): Journal | undefined {
  const head = lineAt(octets, at)
  const [, from, to, length] = HEAD.exec(head ?? '') ?? []
  if (head === undefined || from === undefined || (serial ?? Number(from)) !== Number(from)) {
    return undefined
  }
  const last = at + head.length + 1 + Number(length)
  const ending = lineAt(octets, last)
  const sum = END.exec(ending ?? '')?.[1]
  if (sum === undefined || sum !== chained(sha256, octets.subarray(at, last))) return undefined
  return { end: last + ending!.length + 1, serial: Number(to), sha256: sum }
}

function lineAt(octets: Uint8Array, at: Octets): string | undefined {
  const end = octets.subarray(at, at + LONGEST).indexOf(LF)
  return end === -1 ? undefined : Buffer.from(octets.subarray(at, at + end)).toString('latin1')
}

/** A version as it is appended to a journal. */
export interface Version {
  readonly from: number
  readonly to: number
  /** Lines with `~`, `-` and `+` before them. */
  readonly lines: Uint8Array
}

/** @param sha256 of what is there, hex */
export function writeVersion(
  { from, to, lines }: Version,
  sha256: string
): { readonly octets: Uint8Array; readonly sha256: string } {
  const body = Buffer.concat([Buffer.from(`@ ${from} ${to} ${lines.length}\n`), lines])
  const sum = chained(sha256, body)
  return { octets: Buffer.concat([body, Buffer.from(`= ${sum}\n`)]), sha256: sum }
}

function chained(sha256: string, octets: Uint8Array): string {
  return createHash('sha256').update(Buffer.from(sha256, 'hex')).update(octets).digest('hex')
}
