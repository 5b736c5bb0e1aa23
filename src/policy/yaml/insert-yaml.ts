import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  NewDocument,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLMap
} from './library.js'

/** Plain data of YAML, as a rule is written. */
export type YamlValue =
  string | number | boolean | readonly YamlValue[] | { readonly [key: string]: YamlValue }

/** Where a value goes, and a comment above it. */
export interface YamlInsertion {
  /** Keys of mappings, from the root. */
  readonly path: readonly string[]
  /** Added to the list at the path. With `key`: to the mapping at the path. */
  readonly value: YamlValue
  readonly key?: string
  readonly comment?: string | undefined
}

/** Why a value cannot be inserted: the place is not a list or mapping, or the file shares it by an alias. */
export class InsertionRefused extends Error {}

/**
 * Adds a value to a list or mapping of a YAML text. All other lines stay as they are, with their comments, but for a
 * list or mapping in brackets that gets the value: it is written again.
 *
 * @throws InsertionRefused
 */
export function insertYaml(text: string, insertion: YamlInsertion): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const plain = text.replaceAll('\r\n', '\n')
  const edited = insertAt(plain, insertion)
  if (!isAsMeant(plain, edited, insertion)) throw new InsertionRefused()
  return eol === '\n' ? edited : edited.replaceAll('\n', eol)
}

function insertAt(text: string, insertion: YamlInsertion): string {
  const document = parseDocument(text, { keepSourceTokens: false })
  const root: unknown = document.contents
  if (root === null) return appendLines(text, text.length, added([], insertion, 0))
  let node: unknown = root
  for (const [depth, step] of insertion.path.entries()) {
    if (!isMap(node)) throw new InsertionRefused()
    if (node.flow === true) return writeAgain(text, document, node, insertion, depth)
    const pair = pairOf(node, step)
    const rest = insertion.path.slice(depth + 1)
    if (pair === undefined)
      return appendLines(text, endOf(node), added([step, ...rest], insertion, columnOf(text, node)))
    if (isEmpty(pair)) return fillEmpty(text, node, pair, rest, insertion)
    node = pair.value
  }
  if (isAlias(node)) throw new InsertionRefused()
  const { key, value, comment } = insertion
  if (isSeq(node) && key === undefined) {
    if (node.flow === true) return writeAgain(text, document, node, insertion)
    const item = lines([value], columnOf(text, node), comment)
    return appendLines(text, endOf(node), item)
  }
  if (isMap(node) && key !== undefined) {
    if (node.flow === true) return writeAgain(text, document, node, insertion)
    const pair = lines({ [key]: value }, columnOf(text, node), comment)
    return appendLines(text, endOf(node), pair)
  }
  throw new InsertionRefused()
}

/** The value with the keys above it that do not exist yet, as lines; its comment is directly above it. */
function added(
  path: readonly string[],
  { key, value, comment }: YamlInsertion,
  column: number
): readonly string[] {
  const keys = path.map(
    (step, depth) => `${' '.repeat(column + 2 * depth)}${write(step).join('')}:`
  )
  const last: YamlValue = key === undefined ? [value] : { [key]: value }
  return [...keys, ...lines(last, column + 2 * path.length, comment)]
}

/** `key:` without a value. */
function isEmpty({ value }: Pair): boolean {
  return value === null || (isScalar(value) && value.value === null)
}

function fillEmpty(
  text: string,
  map: YAMLMap,
  pair: Pair,
  path: readonly string[],
  insertion: YamlInsertion
): string {
  const range = (pair.value as Node | null)?.range
  // A written `null` or `~` is replaced.
  const cleared = range === null || range === undefined ? text : cut(text, range[0], range[1])
  const start = (pair.key as Node).range![1]
  return appendLines(cleared, start, added(path, insertion, columnOf(text, map) + 2))
}

const cut = (text: string, from: number, to: number): string => text.slice(0, from) + text.slice(to)

/** Writes a collection in brackets again, with the value: as a block, unless it is a list of plain values. */
function writeAgain(
  text: string,
  document: Document,
  node: Node & { flow?: boolean },
  insertion: YamlInsertion,
  depth = insertion.path.length
): string {
  const { path, key, value, comment } = insertion
  const [start, end] = node.range!
  const isPlain = key === undefined && typeof value !== 'object' && comment === undefined
  const keepsFlow = isPlain && isSeq(node) && node.items.every(isScalar)
  // Within the document, so that anchors are known.
  if (key === undefined) appendItem(document, path, value)
  else document.setIn([...path, key], document.createNode(value))
  if (!keepsFlow) {
    for (let step = depth; step <= path.length; step++) {
      const one = document.getIn(path.slice(0, step)) as { flow?: boolean } | undefined
      if (one !== undefined) one.flow = false
    }
  }
  // The comment behind it stays on its line.
  delete node.comment
  const written = write(node)
  if (keepsFlow) return text.slice(0, start) + written.join('') + text.slice(end)
  const column = startColumn(text, start)
  // The rest of the line is a comment on the key, or on the last bracket.
  const head = text.slice(0, start).trimEnd()
  const isRoot = head === '' || !head.endsWith(':')
  if (isRoot) return [...written, ''].join('\n')
  const indented = written.map(line => `${' '.repeat(column)}${line}`)
  const [rest = ''] = text.slice(end).split('\n', 1)
  const after = text.slice(end + rest.length)
  return `${head}${rest.trim() === '' ? '' : ` ${rest.trim()}`}\n${indented.join('\n')}${after}`
}

/** Two columns more than the line on which a value starts. */
function startColumn(text: string, at: number): number {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at)
  const [, dashes = ''] = /^(\s*(?:- +)*)/.exec(line)!
  return dashes.length + 2
}

function appendItem(document: Document, path: readonly string[], value: YamlValue): void {
  const list: unknown = document.getIn(path)
  const item = document.createNode(value)
  if (list === undefined || list === null) document.setIn(path, document.createNode([value]))
  else if (isSeq(list)) list.items.push(item)
  else throw new InsertionRefused()
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find(pair => isScalar(pair.key) && String(pair.key.value) === key)
}

/** Where the last line of a node ends, without comments below it. */
function endOf(node: unknown): number {
  if (isPair(node)) {
    const key = (node.key as Node).range![1]
    return node.value === null ? key : Math.max(key, endOf(node.value))
  }
  if ((isMap(node) || isSeq(node)) && node.flow !== true) {
    const items: readonly unknown[] = node.items
    return items.length === 0 ? node.range![1] : endOf(items.at(-1))
  }
  return (node as Node).range![1]
}

const columnOf = (text: string, node: Node): number => {
  const [start] = node.range!
  return start - (text.lastIndexOf('\n', start - 1) + 1)
}

/** Puts lines below the one that has a place. */
function appendLines(text: string, at: number, added: readonly string[]): string {
  // A block of text ends after its line.
  const within = at > 0 && text[at - 1] === '\n' ? at - 1 : at
  const found = text.indexOf('\n', within)
  const block = `${added.join('\n')}\n`
  if (found !== -1) return `${text.slice(0, found + 1)}${block}${text.slice(found + 1)}`
  return `${text}${text === '' ? '' : '\n'}${block}`
}

/** A value as lines, at a column, with a comment above. */
function lines(value: YamlValue, column: number, comment?: string): string[] {
  const indent = ' '.repeat(column)
  const above = comment === undefined ? [] : commentLines(comment, column)
  return [...above, ...write(value).map(line => `${indent}${line}`)]
}

const commentLines = (comment: string, column: number): string[] => [
  `${' '.repeat(column)}# ${comment}`
]

/** Lists of plain values are in brackets, everything else is on lines of its own. */
function write(value: unknown): string[] {
  const document = new NewDocument(value)
  visit(document, {
    Seq: (_, list) => {
      if (list.flow === undefined && list.items.every(isScalar) && list !== document.contents)
        list.flow = true
    }
  })
  const text = document.toString({
    lineWidth: 0,
    flowCollectionPadding: isMap(document.contents) && document.contents.flow === true,
    singleQuote: true
  })
  return text.replace(/\n+$/, '').split('\n')
}

/** Whether the edited text has the value where it belongs, and is otherwise the same. */
function isAsMeant(before: string, after: string, insertion: YamlInsertion): boolean {
  const expected: unknown = insertedIn(parseDocument(before).toJS(), insertion)
  const found: unknown = parseDocument(after).toJS()
  return JSON.stringify(found) === JSON.stringify(expected)
}

function insertedIn(root: unknown, { path, key, value }: YamlInsertion): unknown {
  type Tree = Record<string, unknown>
  const steps = key === undefined ? path : [...path, key]
  const put = (node: unknown, depth: number): unknown => {
    if (depth === steps.length)
      return key === undefined ? [...((node as unknown[] | null) ?? []), value] : value
    const step = steps[depth]!
    return { ...(node as Tree | null), [step]: put((node as Tree | null)?.[step], depth + 1) }
  }
  return put(root, 0)
}
