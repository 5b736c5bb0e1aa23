import { domainToASCII } from 'node:url'
import { failure } from '../../../base/errors/error.js'
import { Uint32List } from '../../../base/bytes/uint32-list.js'
import type { Octets } from '../../../base/units.js'
import { LOWER, MAX_LABEL, MAX_NAME } from './hashed-name.js'
import type { NameBudget } from './name-budget.js'

/** The TTL field of a record. RFC 1035 §4.1.3. */
const TTL_OCTETS: Octets = 4
/** A compression pointer. RFC 1035 §4.1.4. */
const POINTER_OCTETS: Octets = 2

/** Positions in a message. */
export type Positions = Pick<Uint32List, 'length' | 'at'>
const NO_POSITIONS: Positions = new Uint32List()

/** The text of a name: a string made octet by octet would take ten times the memory. */
const shown = Buffer.alloc(4 * MAX_NAME)

/**
 * Decodes the domain name that starts at `at`.
 *
 * Positions count from the first octet of the header, as compression pointers do (RFC 1035 §4.1.4).
 * `end` is the position after the name at `at`: after the root label or after the first pointer,
 * wherever that points.
 *
 * `name` is canonical text: ASCII lower case, because names are case-insensitive (RFC 4343); no final
 * dot; dots within labels and non-printable octets escaped as in RFC 1035 §5.1. So two names have
 * the same text only if they are equal in DNS. The root is ''.
 *
 * Every pointer must point before the labels it continues, so that decoding terminates.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_LABEL_TYPE, WIRE_POINTER, WIRE_NAME_LONG
 */
export function decodeName(message: Uint8Array, at: Octets): { name: string; end: Octets } {
  const wire: number[] = []
  const end = decompressName(message, at, wire)
  let length: Octets = 0
  for (let pos = 0; wire[pos] !== 0; pos += 1 + wire[pos]!) {
    if (pos > 0) shown[length++] = FULL_STOP
    for (let i = pos + 1; i <= pos + wire[pos]!; i++) length = showOctet(wire[i]!, length)
  }
  return { name: shown.toString('latin1', 0, length), end }
}

/**
 * Decompresses the name that starts at `at` and appends it to `out`, in lower-cased wire form.
 * Returns the position after the name, `end` of `decodeName`.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_LABEL_TYPE, WIRE_POINTER, WIRE_NAME_LONG
 */
export function decompressName(message: Uint8Array, at: Octets, out: number[]): Octets {
  let length: Octets = 1 // the root label
  let end: Octets | undefined
  let floor = at // pointers must point before this

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
 * Validates the name at `at` and returns the position after it. A pointer must point backwards, not
 * into the header (cached records follow another header), and complete a name of at most 255
 * octets: clients must be able to decode it too.
 *
 * It must not point into a TTL either: TTLs are decremented while the message is cached, which would
 * change or break the name.
 *
 * A name that is only a pointer to QNAME, as most are, is not followed: the question was validated
 * before.
 *
 * @param ttls positions of all TTL fields before the name, ascending
 * @param budget pays for labels and pointers after the first pointer
 * @throws InterdictError WIRE_SHORT, WIRE_LABEL_TYPE, WIRE_POINTER, WIRE_NAME_LONG, WIRE_LARGE
 */
export function skipName(
  message: Uint8Array,
  at: Octets,
  headerEnd: Octets,
  ttls: Positions = NO_POSITIONS,
  budget?: NameBudget
): Octets {
  for (let pos = at; ;) {
    const head = octetAt(message, pos)
    if (head >= 0xc0) {
      const target = ((head & 0x3f) << 8) | octetAt(message, pos + 1)
      if (target >= at || target < headerEnd) throw failure('WIRE_POINTER', pos, target)
      if (target !== headerEnd || pos > at) {
        const steps = checkPointerTarget(message, target, pos - at, headerEnd, ttls)
        budget?.spend(steps)
      }
      return pos + 2
    }
    if (head > MAX_LABEL) throw failure('WIRE_LABEL_TYPE', pos)
    pos += 1 + head
    if (pos - at > MAX_NAME) throw failure('WIRE_NAME_LONG', at)
    if (head === 0) return pos
  }
}

/**
 * Validates the rest of a name at `at`, the target of a pointer after `length` octets. Returns the
 * number of its labels and pointers.
 */
function checkPointerTarget(
  message: Uint8Array,
  at: Octets,
  length: Octets,
  headerEnd: Octets,
  ttls: Positions
): number {
  let floor = at // pointers must point before this
  let steps = 0
  for (let pos = at; ; steps++) {
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
    if (head === 0) return steps + 1
  }
}

/** Whether any of the `length` octets at `at` belongs to a TTL field. */
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
  let length: Octets = 0
  for (let pos = at; wire[pos] !== 0; pos += 1 + wire[pos]!) {
    const head = wire[pos]!
    // Compressed, cut off or too long. The condition is false for `undefined` as well.
    if (!(head <= MAX_LABEL && length < shown.length - 4 * MAX_LABEL))
      return decodeName(wire, at).name
    if (pos > at) shown[length++] = FULL_STOP
    for (let i = pos + 1; i <= pos + head; i++) length = showOctet(LOWER[wire[i]!]!, length)
  }
  return shown.toString('latin1', 0, length)
}

/** Canonical text for display, with the root as '.' instead of ''. */
export function showCanonical(name: string): string {
  return name === '' ? '.' : name
}

function octetAt(message: Uint8Array, pos: Octets): number {
  const octet = message[pos]
  if (octet === undefined) throw failure('WIRE_SHORT', message.length)
  return octet
}

/**
 * Writes one octet of a label in presentation form to `shown`, and returns the position after it.
 * RFC 1035 §5.1 for the escapes.
 */
function showOctet(octet: number, at: Octets): Octets {
  const isPrintable = octet > 0x20 && octet < 0x7f
  if (isPrintable && octet !== FULL_STOP && octet !== BACKSLASH) {
    shown[at] = octet
    return at + 1
  }
  const escaped = isPrintable ? String.fromCharCode(octet) : String(octet).padStart(3, '0')
  return at + shown.write(`\\${escaped}`, at)
}

/** Full stops, including those that IDNA treats as one. RFC 3490 §3.1. */
const FULL_STOPS = /[.\u3002\uff0e\uff61]/

/**
 * Reads a name in presentation format into lower-cased wire form: escapes of RFC 1035 §5.1, an
 * optional final dot, '.' for the root, and Unicode labels, which become A-labels (RFC 5890
 * §2.3.2.1). Octets other than printable ASCII need an escape; any others may occur in a label,
 * including `_` and `*`. An empty text is rejected: it is more often a mistake than the root.
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

/** The labels of a name as lower-cased octets. @throws InterdictError NAME_INVALID */
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
    if (octet > 0xff) throw failure('NAME_INVALID', name, `${part} is not an octet`)
    if (part === '\\' || (part.length === 1 && (octet <= 0x20 || octet === 0x7f))) {
      throw failure('NAME_INVALID', name, `${JSON.stringify(part)} needs an escape`)
    }
    found.push(LOWER[octet]!)
  }
  if (found.length === 0) throw failure('NAME_INVALID', name, 'a label is empty')
  if (found.length > MAX_LABEL)
    throw failure('NAME_INVALID', name, 'a label is longer than 63 octets')
  return found
}

/**
 * Converts a Unicode label to an A-label. `domainToASCII` gets a second label after it, because a
 * single label could be parsed as a number and so as an IPv4 address.
 */
function toALabel(label: string, name: string): string {
  const ascii = label.includes('\\') ? '' : domainToASCII(`${label}.example`)
  const aLabel = ascii.slice(0, -'.example'.length)
  if (!/^[a-z0-9_-]+$/.test(aLabel))
    throw failure('NAME_INVALID', name, `${label} is not a valid IDN label`)
  return aLabel
}

const FULL_STOP = 0x2e
const BACKSLASH = 0x5c
const INVALID = 0
const NOT_ASCII = 1
/** Lower case of each octet allowed in a plain name; or FULL_STOP, INVALID, NOT_ASCII. */
const PLAIN_NAME_OCTETS = Uint8Array.from({ length: 256 }, (_, octet) => {
  if (octet >= 0x80) return NOT_ASCII
  return /[a-z0-9_.-]/i.test(String.fromCharCode(octet)) ? LOWER[octet]! : INVALID
})

/**
 * Reads a plain domain name, as in lists of millions, into lower-cased wire form: letters, digits,
 * `-`, `_`, dots between labels and an optional final dot; no escapes. Neither allocates nor throws.
 *
 * @param text the name is `text[from, to)`
 * @param out receives the name from `outAt` on, where it must have room for 255 octets
 * @returns the name's length in octets, including the root label; 0: not a plain domain name; -1: it
 *   has octets outside ASCII, use `readName`
 */
export function readPlainName(
  text: Uint8Array,
  from: Octets,
  to: Octets,
  out: Uint8Array,
  outAt: Octets
): number {
  let head = outAt // position of the current label's length octet
  let pos = outAt + 1
  const last = outAt + MAX_NAME - 1 // last possible position of the root label
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

/** Completes the current label and the name. */
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
