import type { KeyObject } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import { Book } from './chain-state.js'
import {
  hashOf,
  isSigned,
  NOTHING_BEFORE,
  readLink,
  type Head,
  type ReadLink
} from './chain-entry.js'

const NEWLINE = 0x0a

/**
 * What is wrong with a line.
 *
 * `unreadable` it is no line of a chain
 * `order`      its number is not the next one: lines are missing, or in another order
 * `altered`    the line before it is not the one that it was written after
 * `signature`  none of the keys has signed it
 */
export type Fault = 'unreadable' | 'order' | 'altered' | 'signature'

/** A chain, as far as it is whole. */
export interface Walked {
  readonly book: Book
  readonly head: Head
  /** Of the last line. */
  readonly end: ReadLink | undefined
  /** Where the last whole line ends. */
  readonly size: Octets
  /** The first line that is wrong: from then on nothing is proven. */
  readonly fault?: { readonly line: number; readonly fault: Fault }
  /** Lines there are, whole ones. */
  readonly lines: number
  /** Hashes of all good lines, for who asks for one. */
  readonly hashes: ReadonlySet<string>
  /** Chains that this one could not go on with. */
  readonly broken: readonly { readonly line: number; readonly file: string }[]
}

/**
 * Reads a chain from its first line. Half a line at the end is not looked at.
 *
 * @param keys by whose signature each line is held; undefined: by the lines before alone
 */
export function walkChain(octets: Buffer, keys: readonly KeyObject[] | undefined): Walked {
  const book = new Book()
  const hashes = new Set<string>()
  const broken: { line: number; file: string }[] = []
  let head: Head = { n: 0, sha256: NOTHING_BEFORE }
  let end: ReadLink | undefined
  let size = 0
  let lines = 0
  let fault: Walked['fault']
  for (let to = octets.indexOf(NEWLINE); to >= 0; to = octets.indexOf(NEWLINE, size)) {
    const line = octets.subarray(size, to)
    size = to + 1
    lines++
    if (fault !== undefined) continue
    const read = readLink(line.toString())
    const found = faultOf(read, head, keys) ?? take(book, read!)
    if (read === undefined || found !== undefined) {
      fault = { line: lines, fault: found ?? 'unreadable' }
      continue
    }
    const { link } = read
    if (link.kind === 'start' && link.broken !== undefined)
      broken.push({ line: lines, file: link.broken.file })
    head = { n: lines, sha256: hashOf(line) }
    hashes.add(head.sha256)
    end = read
  }
  const walked = { book, head, end, size, lines, hashes, broken }
  return fault === undefined ? walked : { ...walked, fault }
}

/** What nobody has signed may be anything. */
function take(book: Book, { link }: ReadLink): Fault | undefined {
  try {
    book.add(link)
    return undefined
  } catch {
    return 'unreadable'
  }
}

function faultOf(
  read: ReadLink | undefined,
  head: Head,
  keys: readonly KeyObject[] | undefined
): Fault | undefined {
  if (read === undefined) return 'unreadable'
  const { n, prev } = read.link
  // A line that was altered has a wrong signature; without keys, the next line tells.
  if (keys !== undefined && !isSigned(read, keys)) return 'signature'
  if (n !== head.n + 1) return 'order'
  return prev === head.sha256 ? undefined : 'altered'
}
