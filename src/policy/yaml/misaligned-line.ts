import { quote } from '../../base/errors/messages/format.js'
import { MAX_SEARCHED, moreLines, type Cause, type TextLine } from './text-lines.js'

/** A key or list entry that later lines can be aligned with. */
interface Anchor {
  /** Of its first character, from 0. */
  readonly column: number
  readonly line: number
  /** The key; undefined for the hyphen of a list entry. */
  readonly key: string | undefined
  /** Whether its value begins on a later line. */
  readonly isOpen: boolean
}

const QUOTED = /"(?:[^"\\]|\\.)*"|(?<![^\s,[{:-])'(?:[^']|'')*'/g
const COMMENT = /(?:^|\s)#.*$/
const LINE =
  /^( *)((?:- +)*)(?:(-)$|("[^"]*"|'[^']*'|[^\s"'#[\]{},&*!|>%@`-][^:]*?) *:(?: +(.*))?$)?/
const BLOCK_SCALAR = /^[|>][-+\d]*$/

/**
 * The first line of a YAML file that begins neither in the column of its siblings nor below a key that
 * is still without a value. Lines within flow collections and block scalars are passed over; undefined
 * if no such line exists, or a quote or bracket is not closed.
 */
export function misalignedLine(lines: readonly TextLine[]): (Cause & { line: number }) | undefined {
  const stack: Anchor[] = []
  const found: { line: number; anchor: Anchor; sibling: Anchor }[] = []
  let depth = 0
  /** Lines of a block scalar are indented by more than this. */
  let scalar = Infinity
  for (const [line, { text }] of lines.entries()) {
    const bare = text.replaceAll(QUOTED, quoted => `"${'x'.repeat(quoted.length - 2)}"`)
    const code = bare.replace(COMMENT, '').trimEnd()
    const indent = code.length - code.trimStart().length
    if (code === '' || indent > scalar) continue
    scalar = Infinity
    const wasInside = depth > 0
    depth += count(code, /[[{]/g) - count(code, /[\]}]/g)
    if (wasInside) continue
    if (/^(?:---|\.\.\.)/.test(code)) {
      stack.length = 0
      continue
    }
    const anchors = anchorsOf(text, code, line)
    const [first] = anchors
    if (first === undefined) continue
    const sibling = align(stack, first)
    if (sibling !== undefined) found.push({ line, anchor: first, sibling })
    stack.push(...anchors)
    if (BLOCK_SCALAR.test(LINE.exec(code.slice(0, MAX_SEARCHED))![5] ?? ''))
      scalar = anchors.at(-1)!.column
  }
  const [first] = found
  if (first === undefined || depth !== 0) return undefined
  const { line, anchor, sibling } = first
  return {
    line,
    offset: lines[line]!.offset + anchor.column,
    problem: describe(anchor, sibling) + moreLines(found.length - 1)
  }
}

/** The hyphens and the key that a line begins with. */
function anchorsOf(text: string, code: string, line: number): Anchor[] {
  const [, indent = '', hyphens = '', bareHyphen, key, value] =
    LINE.exec(code.slice(0, MAX_SEARCHED)) ?? []
  const anchors: Anchor[] = []
  for (const { index } of hyphens.matchAll(/-/g)) {
    anchors.push({ column: indent.length + index, line, key: undefined, isOpen: false })
  }
  const column = indent.length + hyphens.length
  if (bareHyphen !== undefined) anchors.push({ column, line, key: undefined, isOpen: true })
  if (key !== undefined) {
    const shown = text.slice(column, column + key.length)
    anchors.push({ column, line, key: shown, isOpen: value === undefined || value === '' })
  }
  return anchors
}

/**
 * Removes from the stack what ends before `next`.
 *
 * @returns the key or entry that `next` should be aligned with; undefined: it is in a right column
 */
function align(stack: Anchor[], next: Anchor): Anchor | undefined {
  let ended: Anchor | undefined
  while (stack.length > 0 && stack.at(-1)!.column > next.column) ended = stack.pop()
  const isEntry = next.key === undefined
  let top = stack.at(-1)
  // A list may begin in the column of its key.
  if (top?.column === next.column && top.key === undefined && !isEntry) {
    stack.pop()
    top = stack.at(-1)
  }
  if (top?.column === next.column) {
    if ((top.key === undefined) === isEntry) stack.pop()
    return undefined
  }
  if (top === undefined && ended === undefined) return undefined
  if (ended === undefined && top!.isOpen) return undefined
  return ended ?? top
}

function describe({ column, key }: Anchor, sibling: Anchor): string {
  const what = key === undefined ? 'this list entry' : quote(key)
  const other = sibling.key === undefined ? 'the list entry' : quote(sibling.key)
  return `${what} begins in column ${column + 1}, but ${other} in line ${sibling.line + 1} in column ${sibling.column + 1}; align them`
}

function count(text: string, pattern: RegExp): number {
  return text.replaceAll(/"[^"]*"/g, '').match(pattern)?.length ?? 0
}
