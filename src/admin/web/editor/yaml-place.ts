import { flowPlace } from './flow-place.js'

/** Where something is being typed in a YAML file. */
export interface YamlPlace {
  /** Keys from the top of the file; `[]` is an item of a list. */
  readonly path: readonly string[]
  /** What belongs there; an item of a list may be a value, or a mapping that begins with a key. */
  readonly expects: 'key' | 'value' | 'either'
  /** Offset of the word. */
  readonly from: number
  /** Keys that the mapping has already. */
  readonly present: readonly string[]
}

/** A key, or the hyphen of an item, at the start of a line. */
interface LineNode {
  readonly column: number
  /** Undefined: an item. */
  readonly key: string | undefined
  /** Where the value begins. */
  readonly end: number
}

const KEY = /^(?:"([^"]*)"|'([^']*)'|([^\s:#&*!|>%@`'"{}[\],-][^:#{}[\],]*|-[^\s:][^:]*)):(?=\s|$)/

/** @returns nothing for a comment or a line that only continues a value */
function nodesOf(line: string): LineNode[] {
  const nodes: LineNode[] = []
  let at = line.length - line.trimStart().length
  for (let item; (item = /^-(?:\s+|$)/.exec(line.slice(at))) !== null; at += item[0].length)
    nodes.push({ column: at, key: undefined, end: at + item[0].length })
  const key = KEY.exec(line.slice(at))
  if (key === null) return nodes
  const name = key[1] ?? key[2] ?? key[3]!.trim()
  return [...nodes, { column: at, key: name, end: at + key[0].length }]
}

/** The path of a line that begins at a column, by the lines above it. */
function parentsOf(above: readonly string[], column: number, isItem: boolean): string[] {
  const path: string[] = []
  for (const line of above.toReversed()) {
    for (const node of nodesOf(line).toReversed()) {
      // YAML allows the items of a list at the column of its key.
      const isParent = node.column < column || (isItem && node.key !== undefined)
      if (!isParent || node.column > column) continue
      path.unshift(node.key ?? '[]')
      column = node.column
      isItem = node.key === undefined
    }
    if (column === 0 && !isItem) break
  }
  return path
}

/** Keys at a column, up to the first line that is further left. */
function keysAt(lines: readonly string[], column: number): string[] {
  const keys: string[] = []
  for (const line of lines) {
    const nodes = nodesOf(line)
    for (const node of nodes)
      if (node.column === column && node.key !== undefined) keys.push(node.key)
    if (nodes.some(node => node.column < column)) break
  }
  return keys
}

/** Keys below that belong to the same mapping: an item that begins at the left is another one. */
function keysBelow(lines: readonly string[], column: number): string[] {
  const end = lines.findIndex(line => nodesOf(line).some(node => node.column < column))
  return keysAt(end === -1 ? lines : lines.slice(0, end), column)
}

/** @returns undefined: nothing can be completed there, as in a comment */
export function placeIn(text: string, offset: number): YamlPlace | undefined {
  const above = text.slice(0, offset).split('\n')
  const line = above.pop()!
  const nodes = nodesOf(line)
  const last = nodes.at(-1)
  const first = nodes[0]
  const valueAt = last?.end ?? line.length - line.trimStart().length
  const parents = parentsOf(above, first?.column ?? valueAt, first?.key === undefined && !!first)
  const path = [...parents, ...nodes.map(({ key }) => key ?? '[]')]
  const rest = line.slice(valueAt)
  // `key:` needs a space before its value.
  if (last?.key !== undefined && rest === '') return undefined
  const flow = flowPlace(rest)
  if (flow === undefined) return undefined
  const from = offset - line.length + valueAt + flow.from
  if (flow.expects !== undefined)
    return { path: [...path, ...flow.path], expects: flow.expects, from, present: flow.present }
  if (last?.key !== undefined) return { path, expects: 'value', from, present: [] }
  const below = text.slice(offset).split('\n').slice(1)
  const own = [...keysAt(above.toReversed(), valueAt), ...keysBelow(below, valueAt)]
  // The first key of an item has no siblings above.
  const present = last === undefined ? own : keysBelow(below, valueAt)
  return { path, expects: last === undefined ? 'key' : 'either', from, present }
}
