import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { failureAt, type InterdictError } from '../base/error.js'
import type { Position } from '../base/position.js'
import type { Path } from './issues.js'

/** Which side of `key: value` a position refers to. */
export type PairPart = 'key' | 'value'

/** Limit of alias resolutions, against "billion laughs" files. */
const MAX_ALIASES = 100

/** A YAML file parsed by the library, with the position of every value. YAML 1.2, core schema. */
export class YamlDocument {
  private readonly lines = new LineCounter()
  private readonly document: Document.Parsed | undefined
  readonly errors: InterdictError[] = []
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
      if (this.isUsable) this.value = this.document.toJS({ maxAliasCount: MAX_ALIASES })
    } catch (error) {
      // The library throws on too many aliases, V8 on too deep nesting.
      this.isUsable = false
      this.errors.push(failureAt(this.positionAt(0), 'DOCUMENT_SYNTAX', reason(error)))
    }
  }

  /** Position of a value or its key; of its nearest ancestor, if it is missing. */
  positionOf(path: Path, part: PairPart = 'value'): Position {
    let node: unknown = this.document?.contents
    let offset = offsetOf(node) ?? 0
    for (const [depth, step] of path.entries()) {
      const pair = isMap(node)
        ? node.items.find(({ key }) => keyText(key) === String(step))
        : undefined
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
      keepSourceTokens: false
    })
  }

  private collectErrors(document: Document.Parsed): boolean {
    for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
      const at = this.positionAt(pos[0])
      if (code === 'DUPLICATE_KEY') {
        const key = /^[^:\r\n]*/.exec(this.text.slice(pos[0], pos[0] + 200))![0]
        this.errors.push(failureAt(at, 'DOCUMENT_DUPLICATE', key.trim()))
      } else {
        this.errors.push(failureAt(at, 'DOCUMENT_SYNTAX', message))
      }
    }
    return this.errors.every(({ code }) => code === 'DOCUMENT_DUPLICATE')
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
  return error instanceof Error ? error.message : String(error)
}
