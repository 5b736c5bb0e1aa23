import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Pair,
  type YAMLMap
} from './library.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import { showPath, type Path } from './issues.js'
import { syntaxCauses, unknownAliases } from './syntax-causes.js'
import type { Cause } from './text-lines.js'

/** Which side of `key: value` a position refers to. */
export type PairPart = 'key' | 'value'

/** Limit of alias resolutions, against "billion laughs" files. */
const MAX_ALIASES = 100
/** C0 without tab and line feed, DEL and C1: ECMA-48 §5.2 to 5.3. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]/

/** A YAML file parsed by the library, with the position of every value. YAML 1.2, core schema. */
export class YamlDocument {
  private readonly lines = new LineCounter()
  private readonly document: Document.Parsed | undefined
  /** The pairs by key of the mappings that `positionOf` has passed through. */
  private readonly pairsByKey = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>()
  readonly errors: InterdictError[] = []
  /** Where `value` is not what the file says: at a duplicate key, or a string with control characters. */
  readonly broken: Path[] = []
  /** Whether the value can be validated in spite of the errors. */
  readonly isUsable: boolean
  /** Plain JavaScript value; undefined unless `isUsable`. */
  readonly value: unknown

  constructor(
    private readonly text: string,
    private readonly file: string
  ) {
    try {
      this.document = this.parse()
      this.isUsable = this.collectErrors(this.document)
      if (!this.isUsable) return
      this.checkStrings(this.document.contents, [])
      this.value = this.document.toJS({ maxAliasCount: MAX_ALIASES })
    } catch (error) {
      // The library throws on unknown and on too many aliases, V8 on too deep nesting.
      this.isUsable = false
      this.thrownCauses(error).forEach(cause => this.addSyntaxError(cause))
    }
  }

  /** Position of a value or its key; of its nearest ancestor, if it is missing. */
  positionOf(path: Path, part: PairPart = 'value'): Position {
    let node: unknown = this.document?.contents
    let offset = offsetOf(node) ?? 0
    for (const [depth, step] of path.entries()) {
      const pair = isMap(node) ? this.pairsOf(node).get(String(step)) : undefined
      const next = isSeq(node) ? node.items[Number(step)] : pair?.value
      const wantsKey = depth === path.length - 1 && part === 'key'
      const found = (wantsKey ? undefined : offsetOf(next)) ?? offsetOf(pair?.key)
      if (found === undefined) break
      offset = found
      node = next
    }
    return this.positionAt(offset)
  }

  private parse(): Document.Parsed {
    return parseDocument(this.text, {
      lineCounter: this.lines,
      prettyErrors: false,
      stringKeys: true,
      // The library compares each key with all before it; `checkStrings` is linear.
      uniqueKeys: false,
      keepSourceTokens: false
    })
  }

  private collectErrors(document: Document.Parsed): boolean {
    const errors = [...document.errors, ...document.warnings]
    if (errors.length === 0) return true
    syntaxCauses(this.text, document, errors).forEach(cause => this.addSyntaxError(cause))
    return false
  }

  /** What an exception of the library was about. */
  private thrownCauses(error: unknown): readonly Cause[] {
    try {
      // The library reports an unknown alias without its position.
      const isAlias = error instanceof ReferenceError && this.document !== undefined
      const aliases = isAlias ? unknownAliases(this.document) : []
      if (aliases.length > 0) return aliases
    } catch {
      // Nested too deeply to be searched.
    }
    return [{ offset: 0, problem: reason(error) }]
  }

  private addSyntaxError({ offset, problem }: Cause): void {
    this.errors.push(failureAt(this.positionAt(offset), 'DOCUMENT_SYNTAX', problem))
  }

  /** Rejects duplicate keys, and control characters in keys and values. */
  private checkStrings(node: unknown, path: Path): void {
    if (isSeq(node)) node.items.forEach((item, i) => this.checkStrings(item, [...path, i]))
    else if (isMap(node)) this.checkPairs(node, path)
    else this.checkControls(node, path)
  }

  private checkPairs(map: YAMLMap, path: Path): void {
    const keys = new Set<string>()
    for (const { key, value } of map.items) {
      const text = keyText(key)
      if (keys.has(text)) {
        const at = offsetOf(key) ?? 0
        const shown = /^[^:\r\n]*/.exec(this.text.slice(at, at + 200))![0]
        this.errors.push(failureAt(this.positionAt(at), 'DOCUMENT_DUPLICATE', shown.trim()))
        this.broken.push([...path, text])
      }
      keys.add(text)
      this.checkControls(key, path)
      this.checkStrings(value, [...path, text])
    }
  }

  /** Strings of a file reach terminals, logs and clients. */
  private checkControls(node: unknown, path: Path): void {
    if (!isScalar(node) || typeof node.value !== 'string') return
    const found = CONTROL.exec(node.value)
    if (found === null) return
    const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    const at = this.positionAt(offsetOf(node) ?? 0)
    const problem = `expected text without control characters, found U+${code}`
    this.errors.push(failureAt(at, 'DOCUMENT_INVALID', showPath(path), problem))
    this.broken.push(path)
  }

  /** The pairs of a mapping by key; of a duplicate key, the first. */
  private pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.pairsByKey.get(map)
    if (known !== undefined) return known
    const pairs = new Map(map.items.toReversed().map(pair => [keyText(pair.key), pair]))
    this.pairsByKey.set(map, pairs)
    return pairs
  }

  private positionAt(offset: number): Position {
    const { line, col } = this.lines.linePos(offset)
    // Without a line break, as in an empty file, the library knows no lines.
    return { file: this.file, line: Math.max(line, 1), column: line === 0 ? 1 : col }
  }
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

function reason(error: unknown): string {
  if (error instanceof RangeError) return 'nested too deeply'
  if (error instanceof ReferenceError) return `more than ${MAX_ALIASES} uses of aliases`
  return 'not readable as YAML'
}
