import { domainToASCII } from 'node:url'
import { failure } from '../../base/error.js'
import { Uint32List } from '../../base/uint32-list.js'
import type { Octets } from '../../base/units.js'
import { LOWER, MAX_LABEL, MAX_NAME } from './hashed-name.js'

/** RFC 1035 §4.1.3. */
const TTL_OCTETS: Octets = 4
/** A pointer. RFC 1035 §4.1.4. */
const POINTER_OCTETS: Octets = 2

/** Positions in a message. */
export type Positions = Pick<Uint32List, 'length' | 'at'>
const NO_POSITIONS: Positions = new Uint32List()

/**
 * Decodes the domain name that starts at `at`.
 *
 * Positions count from the first octet of the header, because compression pointers do (RFC 1035
 * §4.1.4). `end` is the first octet after the name where it stands: past the root label, or past
 * the first pointer, however far that pointer led.
 *
 * `name` is canonical: ASCII lower case, since DNS compares without case (RFC 4343); no final dot;
 * a dot or any octet that is not printable ASCII escaped as in RFC 1035 §5.1. So two names share a
 * text only where DNS calls them equal. Root is ''.
 *
 * Every pointer must lead to before the labels it continues, so the walk ends.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_LABEL_TYPE, WIRE_POINTER, WIRE_NAME_LONG
 */
export function decodeName(message: Uint8Array, at: Octets): { name: string; end: Octets } {
  const wire: number[] = []
  const end = decompressName(message, at, wire)
  let name = ''
  for (let pos = 0; wire[pos] !== 0; pos += 1 + wire[pos]!) {
    if (pos > 0) name += '.'
    for (let i = pos + 1; i <= pos + wire[pos]!; i++) name += showOctet(wire[i]!)
  }
  return { name, end }
}

/**
 * Decompresses the name that starts at `at` and adds it, lower-cased and in wire form, to `out`.
 * Positions, `end` (returned) and errors are those of `decodeName`.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_LABEL_TYPE, WIRE_POINTER, WIRE_NAME_LONG
 */
export function decompressName(message: Uint8Array, at: Octets, out: number[]): Octets {
  let length: Octets = 1 // the root label
  let end: Octets | undefined
  let floor = at // pointers must lead to before this

  for (let pos = at; ;) {
    const head = octetAt(message, pos)
    if (head >= 0xc0) {
      const target = ((head & 0x3f) << 8) | octetAt(message, pos + 1)
      if (target >= floor) throw failure('WIRE_POINTER', pos, target)
      end ??= pos + 2
      pos = floor = target
      continue
    }
    if (head > MAX_LABEL) throw failure('WIRE_LABEL_TYPE', pos)
    out.push(head)
    if (head === 0) return end ?? pos + 1
    length += head + 1
    if (length > MAX_NAME) throw failure('WIRE_NAME_LONG', at)
    if (pos + 1 + head > message.length) throw failure('WIRE_SHORT', message.length)
    for (const after = pos + 1 + head; ++pos < after;) out.push(LOWER[message[pos]!]!)
  }
}

/**
 * The position after the name at `at`. Its pointer must lead back, not into the header (what is kept
 * of a message is laid behind another header), and to labels that make a name of at most 255 octets
 * with those before it: what is given to clients has to be a name for them too.
 *
 * Nor may it lead into a TTL, which runs down while the message is kept: the name would be another
 * one a second later, or none.
 *
 * A name that is a pointer to QNAME and nothing else, as most are, is not followed: whoever reads a
 * message has read its question first.
 *
 * @param ttls positions of the TTLs before it, ascending
 * @throws InterdictError WIRE_SHORT, WIRE_LABEL_TYPE, WIRE_POINTER, WIRE_NAME_LONG
 */
export function skipName(
  message: Uint8Array,
  at: Octets,
  headerEnd: Octets,
  ttls: Positions = NO_POSITIONS
): Octets {
  for (let pos = at; ;) {
    const head = octetAt(message, pos)
    if (head >= 0xc0) {
      const target = ((head & 0x3f) << 8) | octetAt(message, pos + 1)
      if (target >= at || target < headerEnd) throw failure('WIRE_POINTER', pos, target)
      if (target !== headerEnd || pos > at)
        checkPointerTarget(message, target, pos - at, headerEnd, ttls)
      return pos + 2
    }
    if (head > MAX_LABEL) throw failure('WIRE_LABEL_TYPE', pos)
    pos += 1 + head
    if (pos - at > MAX_NAME) throw failure('WIRE_NAME_LONG', at)
    if (head === 0) return pos
  }
}

/** Follows the rest of a name, of which `length` octets came before its pointer to `at`. */
function checkPointerTarget(
  message: Uint8Array,
  at: Octets,
  length: Octets,
  headerEnd: Octets,
  ttls: Positions
): void {
  let floor = at // pointers must lead to before this
  for (let pos = at; ;) {
    const head = octetAt(message, pos)
    const size = head >= 0xc0 ? POINTER_OCTETS : 1 + head
    if (overlapsTtl(ttls, pos, size)) throw failure('WIRE_POINTER', at, pos)
    if (head >= 0xc0) {
      const target = ((head & 0x3f) << 8) | octetAt(message, pos + 1)
      if (target >= floor || target < headerEnd) throw failure('WIRE_POINTER', pos, target)
      pos = floor = target
      continue
    }
    if (head > MAX_LABEL) throw failure('WIRE_LABEL_TYPE', pos)
    pos += size
    length += size
    if (length > MAX_NAME) throw failure('WIRE_NAME_LONG', at)
    if (head === 0) return
  }
}

/** Whether some octets are of a TTL. */
function overlapsTtl(ttls: Positions, at: Octets, length: Octets): boolean {
  let low = 0
  for (let high = ttls.length; low < high;) {
    const middle = (low + high) >>> 1
    if (ttls.at(middle) + TTL_OCTETS <= at) low = middle + 1
    else high = middle
  }
  return low < ttls.length && ttls.at(low) < at + length
}

/** The canonical text (see `decodeName`) of one uncompressed name; root is ''. */
export function showName(wire: Uint8Array, at: Octets = 0): string {
  return decodeName(wire, at).name
}

/** A canonical text as people want to see it: root as '.', which as '' would be overlooked. */
export function showCanonical(name: string): string {
  return name === '' ? '.' : name
}

function octetAt(message: Uint8Array, pos: Octets): number {
  const octet = message[pos]
  if (octet === undefined) throw failure('WIRE_SHORT', message.length)
  return octet
}

/** One octet of a label in presentation form. RFC 1035 §5.1 for the escapes. */
function showOctet(octet: number): string {
  if (octet === 0x2e || octet === 0x5c) return '\\' + String.fromCharCode(octet)
  if (octet > 0x20 && octet < 0x7f) return String.fromCharCode(octet)
  return '\\' + String(octet).padStart(3, '0')
}

/** A full stop, or what IDNA takes for one. RFC 3490 §3.1. */
const FULL_STOPS = /[.\u3002\uff0e\uff61]/

/**
 * Reads a name as people write it into lower-cased wire form: escapes of RFC 1035 §5.1, a final
 * dot or none, '.' for the root, and labels in Unicode, which become A-labels (RFC 5890 §2.3.2.1).
 * An octet that is not printable ASCII needs an escape; everything else may be in a label, `_`
 * and `*` too. An empty text is no name: it is a slip more often than it is the root.
 *
 * @throws InterdictError NAME_INVALID
 */
export function readName(text: string): Uint8Array {
  const wire: number[] = []
  if (text !== '.') for (const label of readLabels(text)) wire.push(label.length, ...label)
  wire.push(0)
  if (wire.length > MAX_NAME) throw failure('NAME_INVALID', text, 'longer than 255 octets')
  return Uint8Array.from(wire)
}

/** The labels of a name, each as lower-cased octets. @throws InterdictError NAME_INVALID */
function readLabels(text: string): number[][] {
  const labels: string[] = ['']
  for (const part of text.match(/\\\d{3}|\\[^]|[^]/gu) ?? []) {
    if (FULL_STOPS.test(part) && !part.startsWith('\\')) labels.push('')
    else labels.push((labels.pop() ?? '') + part)
  }
  if (labels.length > 1 && labels.at(-1) === '') labels.pop()
  return labels.map(label => readLabel(label, text))
}

function readLabel(label: string, name: string): number[] {
  const octets = /[^\0-\x7f]/.test(label) ? toALabel(label, name) : label
  const found: number[] = []
  for (const part of octets.match(/\\\d{3}|\\[^]|[^]/g) ?? []) {
    const octet = part.length === 4 ? Number(part.slice(1)) : part.charCodeAt(part.length - 1)
    if (octet > 0xff) throw failure('NAME_INVALID', name, `${part} is no octet`)
    if (part === '\\' || (part.length === 1 && (octet <= 0x20 || octet === 0x7f))) {
      throw failure('NAME_INVALID', name, `${JSON.stringify(part)} needs an escape`)
    }
    found.push(LOWER[octet]!)
  }
  if (found.length === 0) throw failure('NAME_INVALID', name, 'a label is empty')
  if (found.length > MAX_LABEL) throw failure('NAME_INVALID', name, 'a label is over 63 octets')
  return found
}

/**
 * A label in Unicode as an A-label. The label goes through `domainToASCII` in front of another,
 * because alone it could be taken for a number, and so for an IPv4 address.
 */
function toALabel(label: string, name: string): string {
  const ascii = label.includes('\\') ? '' : domainToASCII(`${label}.example`)
  const aLabel = ascii.slice(0, -'.example'.length)
  if (!/^[a-z0-9_-]+$/.test(aLabel)) throw failure('NAME_INVALID', name, `${label} is no IDN label`)
  return aLabel
}

const FULL_STOP = 0x2e
const INVALID = 0
const NOT_ASCII = 1
/** What each octet of a plain name is in lower case; or FULL_STOP, NOT_PLAIN, NOT_ASCII. */
const PLAIN_NAME_OCTETS = Uint8Array.from({ length: 256 }, (_, octet) => {
  if (octet >= 0x80) return NOT_ASCII
  return /[a-z0-9_.-]/i.test(String.fromCharCode(octet)) ? LOWER[octet]! : INVALID
})

/**
 * Reads a plain domain name, as lists of millions have them, into lower-cased wire form: letters,
 * digits, `-`, `_` and dots between labels, one more dot at the end or none; no escapes. Does not
 * allocate and does not throw.
 *
 * @param text the name is `text[from, to)`
 * @param out gets the name from `outAt` on, where it must have room for 255 octets
 * @returns the name's length in octets, root label included; 0: not a plain domain name;
 *   -1: there are octets beyond ASCII in it, so that it takes `readName`
 */
export function readPlainName(
  text: Uint8Array,
  from: Octets,
  to: Octets,
  out: Uint8Array,
  outAt: Octets
): number {
  let head = outAt // of the label at hand: its length goes there
  let pos = outAt + 1
  const last = outAt + MAX_NAME - 1 // where the root label must be at the latest
  for (let i = from; i < to; i++) {
    const octet = PLAIN_NAME_OCTETS[text[i]!]!
    if (octet <= NOT_ASCII) return octet === NOT_ASCII ? -1 : 0
    if (octet === FULL_STOP) {
      const length = pos - head - 1
      if (length === 0 || length > MAX_LABEL) return 0
      out[head] = length
      head = pos
    } else {
      if (pos >= last) return hasNonAscii(text, i, to) ? -1 : 0
      out[pos] = octet
    }
    pos++
  }
  return finishName(out, outAt, head, pos)
}

/** Ends the label at hand and the name. */
function finishName(out: Uint8Array, outAt: Octets, head: Octets, pos: Octets): number {
  const length = pos - head - 1
  if (length > MAX_LABEL || (length === 0 && head === outAt)) return 0
  out[head] = length // after a final dot, this already is the root label
  if (length === 0) return pos - outAt
  out[pos] = 0
  return pos + 1 - outAt
}

function hasNonAscii(text: Uint8Array, from: Octets, to: Octets): boolean {
  for (let i = from; i < to; i++) if (text[i]! >= 0x80) return true
  return false
}
