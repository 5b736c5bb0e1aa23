import type { Octets } from '../../src/base/units.js'
import type { Dice } from './dice.js'
import { landmarksOf, word, type Landmarks } from './landmarks.js'

/** A message that was changed, and how. */
export interface Mutant {
  readonly octets: Uint8Array
  readonly how: string
}

/** What a mutator works with: `message` is its own copy. */
interface Work {
  readonly message: Uint8Array
  readonly marks: Landmarks
  readonly dice: Dice
  /** Another message, to take pieces of. */
  readonly donor: Uint8Array
}

/** Longest mutant: more than any UDP message that a real path carries. */
const MOST: Octets = 4096
/** Mutators applied to one message at most. */
const ROUNDS = 4

/** Values that readers are most likely to be wrong on. */
const ODD_OCTETS = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xff] as const
const ODD_WORDS = [0, 1, 2, 0x3f, 0x100, 0x1ff, 0x4d0, 0x7fff, 0x8000, 0xfffe, 0xffff] as const

const MUTATORS: Readonly<Record<string, (work: Work) => Uint8Array>> = {
  'bit flip': ({ message, dice }) => {
    for (let left = 1 + dice.below(4); left > 0; left--) flip(message, dice)
    return message
  },
  'octet set': ({ message, dice }) => {
    message[dice.below(message.length)] = dice.chance(50) ? dice.pick(ODD_OCTETS) : dice.below(256)
    return message
  },
  'octets inserted': ({ message, dice }) => {
    const piece = Uint8Array.from({ length: 1 + dice.below(8) }, () => dice.below(256))
    return splice(message, dice.below(message.length + 1), 0, piece)
  },
  'octets deleted': ({ message, dice }) =>
    splice(message, dice.below(message.length), 1 + dice.below(8)),
  flags: ({ message, dice }) => {
    if (message.length > 3) message[2 + dice.below(2)] = dice.below(256)
    return message
  },
  count: ({ message, dice }) => putOdd(message, dice.pick([4, 6, 8, 10]), dice),
  'length of data': ({ message, marks, dice }) => putOdd(message, dice.pick(marks.lengths), dice),
  'length of a label': ({ message, marks, dice }) => {
    const at = dice.pick(marks.labels)
    const near = (message[at] ?? 0) + dice.below(5) - 2
    if (at < message.length) message[at] = dice.chance(50) ? near : dice.pick(ODD_OCTETS)
    return message
  },
  'pointer elsewhere': ({ message, marks, dice }) =>
    point(message, dice.pick(marks.pointers), dice.below(message.length + 4)),
  'pointer to itself': ({ message, marks, dice }) => {
    const at = dice.pick(marks.pointers)
    return point(message, at, at)
  },
  'pointer for a label': ({ message, marks, dice }) =>
    point(message, dice.pick(marks.labels), dice.below(message.length)),
  'type or class': ({ message, marks, dice }) => putOdd(message, dice.pick(marks.ttls) - 4, dice),
  TTL: ({ message, marks, dice }) => {
    const at = dice.pick(marks.ttls)
    return putOdd(putOdd(message, at, dice), at + 2, dice)
  },
  truncated: ({ message, dice }) => message.slice(0, dice.below(message.length)),
  'octets behind it': ({ message, dice }) => {
    const tail = Uint8Array.from({ length: 1 + dice.below(40) }, () => dice.below(256))
    return splice(message, message.length, 0, tail)
  },
  spliced: ({ message, donor, dice }) => {
    const at = dice.below(message.length)
    return splice(message, at, message.length, donor.subarray(dice.below(donor.length)))
  },
  'body of another': ({ message, marks, donor }) => {
    const other = splice(message, marks.body, message.length, donor.subarray(bodyOf(donor)))
    for (let at = 6; at < 12; at++) if (at < other.length) other[at] = donor[at] ?? 0
    return other
  },
  'section twice': work => repeat(work, work.dice.below(3) + 1),
  'record twice': ({ message, marks, dice }) => {
    const one = dice.pick(marks.records)
    const copy = splice(message, one.end, 0, message.subarray(one.start, one.end))
    return putWord(copy, 4 + 2 * one.section, word(copy, 4 + 2 * one.section) + 1)
  },
  'record moved': ({ message, marks, dice }) => {
    const { section } = dice.pick(marks.records)
    const to = 1 + dice.below(3)
    const less = word(message, 4 + 2 * section) - 1
    return putWord(
      putWord(message, 4 + 2 * section, less),
      4 + 2 * to,
      word(message, 4 + 2 * to) + 1
    )
  }
}

export const MUTATOR_NAMES = Object.keys(MUTATORS)

/** Changes a copy of `message` by one to four mutators, of those that find something to change. */
export function mutate(message: Uint8Array, donor: Uint8Array, dice: Dice): Mutant {
  let octets: Uint8Array = message
  const how: string[] = []
  for (let left = 1 + dice.below(ROUNDS); left > 0 && octets.length > 0; left--) {
    const name = dice.pick(MUTATOR_NAMES)
    const marks = landmarksOf(octets)
    if (!hasMarks(name, marks)) continue
    octets = MUTATORS[name]!({ message: octets.slice(), marks, dice, donor }).subarray(0, MOST)
    how.push(name)
  }
  return { octets: octets === message ? message.slice() : octets, how: how.join(', ') }
}

/** Whether there is anything that this mutator could change. */
function hasMarks(mutator: string, marks: Landmarks): boolean {
  if (mutator.startsWith('record') || mutator.startsWith('section')) return marks.records.length > 0
  if (mutator === 'length of data') return marks.lengths.length > 0
  if (mutator === 'TTL' || mutator === 'type or class') return marks.ttls.length > 0
  if (mutator === 'length of a label' || mutator === 'pointer for a label')
    return marks.labels.length > 0
  return !mutator.startsWith('pointer') || marks.pointers.length > 0
}

function flip(message: Uint8Array, dice: Dice): void {
  const at = dice.below(message.length)
  message[at] = (message[at] ?? 0) ^ (1 << dice.below(8))
}

/** Puts an odd number, or one that is a little off, into the 16 bits at `at`. */
function putOdd(message: Uint8Array, at: Octets, dice: Dice): Uint8Array {
  const near = word(message, at) + dice.below(9) - 4
  return putWord(message, at, dice.chance(50) ? near : dice.pick(ODD_WORDS))
}

function putWord(message: Uint8Array, at: Octets, value: number): Uint8Array {
  if (at + 2 > message.length) return message
  message[at] = value >> 8
  message[at + 1] = value
  return message
}

function point(message: Uint8Array, at: Octets, to: Octets): Uint8Array {
  return putWord(message, at, 0xc000 | (to & 0x3fff))
}

function bodyOf(message: Uint8Array): Octets {
  return landmarksOf(message).body
}

/** All records of a section once more behind them, with a count that says so. */
function repeat({ message, marks }: Work, section: number): Uint8Array {
  const records = marks.records.filter(record => record.section === section)
  const [first, last] = [records[0], records.at(-1)]
  if (first === undefined || last === undefined) return message
  const copy = splice(message, last.end, 0, message.subarray(first.start, last.end))
  return putWord(copy, 4 + 2 * section, word(copy, 4 + 2 * section) + records.length)
}

function splice(
  message: Uint8Array,
  at: Octets,
  cut: Octets,
  piece: Uint8Array = new Uint8Array(0)
): Uint8Array {
  const head = message.subarray(0, at)
  const tail = message.subarray(Math.min(message.length, at + cut))
  const whole = new Uint8Array(head.length + piece.length + tail.length)
  whole.set(head)
  whole.set(piece, head.length)
  whole.set(tail, head.length + piece.length)
  return whole
}
