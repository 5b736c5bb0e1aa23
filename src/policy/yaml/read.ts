import { isUtf8 } from 'node:buffer'
import type { z } from 'zod'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import type { Octets } from '../../base/units.js'
import { expected } from './expected.js'
import { documentIssues, showPath, type DocumentIssue, type Path } from './issues.js'
import { LineIndex } from './plain-places.js'
import { parsePlainYaml, type PlainYaml } from './plain-yaml.js'
import { salvage } from './salvage.js'
import { parseSimpleYaml, type ListPosition } from './simple-yaml.js'
import { lineAt, textLines } from './text-lines.js'
import { wrongSpace } from './wrong-spaces.js'
import { YamlDocument, type PairPart } from './yaml-document.js'

/** A validated value, and the positions of its parts in the file. */
export interface ParsedYaml<T> {
  readonly ok: true
  readonly value: T
  /** Position of a value or its key; of its nearest ancestor, if it is missing. */
  positionOf(path: Path, part?: PairPart): Position
  /** Places of errors, where another value stands; undefined: none. */
  readonly broken?: readonly Path[]
}

export type YamlResult<T> =
  | ParsedYaml<T>
  | {
      readonly ok: false
      readonly errors: InterdictError[]
      /** What can be judged in spite of the errors; undefined: nothing. */
      salvage?(): ParsedYaml<T> | undefined
    }

const MB: Octets = 1024 * 1024
/** Larger files are rejected: names by the million belong into lists. */
export const MAX_OCTETS: Octets = 64 * MB
/** For larger ones the library takes gigabytes. They must be of the plain form. */
const MAX_LIBRARY_OCTETS: Octets = 16 * MB

const NOT_PLAIN =
  'a file larger than 16 MB may have block mappings and lists only, with each value on one line, without anchors, tags and escapes'

/**
 * Reads a YAML file (1.2, core schema, UTF-8) and validates it against a schema. Never throws: all
 * errors are returned at once, as `file:line:column: path: expected …, found …`, with the codes
 * DOCUMENT_SYNTAX, DOCUMENT_DUPLICATE or DOCUMENT_INVALID.
 *
 * Error texts of the schema describe what is expected: `z.string('a date')`.
 *
 * @param source the content of the file
 * @param file its name in messages
 */
export function readYaml<S extends z.ZodType>(
  source: Uint8Array | string,
  file: string,
  schema: S
): YamlResult<z.output<S>> {
  const start = { file, line: 1, column: 1 }
  if (source.length > MAX_OCTETS) {
    return { ok: false, errors: [failureAt(start, 'DOCUMENT_SYNTAX', 'file is larger than 64 MB')] }
  }
  if (typeof source !== 'string' && !isUtf8(source)) {
    return {
      ok: false,
      errors: [failureAt(firstInvalidOctet(source, file), 'DOCUMENT_SYNTAX', 'file is not UTF-8')]
    }
  }
  const text = (typeof source === 'string' ? source : decoder.decode(source)).replace(BOM, '')
  const isLarge = source.length > MAX_LIBRARY_OCTETS
  const simple = isLarge ? undefined : readSimple(text, file, schema)
  if (simple !== undefined) return simple
  let failedAt = 0
  const plain = parsePlainYaml(text, offset => (failedAt = offset))
  if (plain !== undefined) {
    const { value } = plain
    return validate({ value, errors: [], broken: [] }, text, positionsOf(plain, text, file), schema)
  }
  if (isLarge) {
    const position = new LineIndex(text).positionOf(file, failedAt)
    return { ok: false, errors: [failureAt(position, 'DOCUMENT_SYNTAX', NOT_PLAIN)] }
  }
  const tree = new YamlDocument(text, file)
  if (!tree.isUsable) return { ok: false, errors: tree.errors }
  return validate(tree, text, (path, part) => tree.positionOf(path, part), schema)
}

const decoder = new TextDecoder()
const BOM = /^\ufeff/

/** The text of a file; undefined if it is too large or not UTF-8, which `readYaml` reports. */
export function decodeText(source: Uint8Array): string | undefined {
  if (source.length > MAX_OCTETS || !isUtf8(source)) return undefined
  return decoder.decode(source).replace(BOM, '')
}

/** Uses the fast parser; undefined if the file needs the library, or is invalid. */
function readSimple<S extends z.ZodType>(
  text: string,
  file: string,
  schema: S
): ParsedYaml<z.output<S>> | undefined {
  const skimmed = parseSimpleYaml(text)
  if (skimmed === undefined) return undefined
  const parsed = schema.safeParse(skimmed.value, { error: expected })
  if (!parsed.success) return undefined
  let whole: YamlDocument | undefined
  const positionOf = (path: Path, part?: PairPart): Position => {
    const list = skimmed.lists.get(String(path[0]))
    if (list !== undefined && path.length === 2)
      return listItemPosition(list, file, Number(path[1]))
    // Other positions are needed only for errors: parse the whole document, once.
    whole ??= new YamlDocument(text, file)
    return whole.positionOf(path, part)
  }
  return { ok: true, value: parsed.data, positionOf }
}

/** Keeps the positions only, and not the value, which is large. */
function positionsOf({ places }: PlainYaml, text: string, file: string): PositionOf {
  let lines: LineIndex | undefined
  return (path, part = 'value') => {
    lines ??= new LineIndex(text)
    return lines.positionOf(file, places.offsetOf(path, part))
  }
}

type PositionOf = ParsedYaml<unknown>['positionOf']

function schemaErrors(issues: readonly DocumentIssue[], positionOf: PositionOf): InterdictError[] {
  return issues.map(({ path, atKey, problem }) => {
    const position = positionOf(path, atKey ? 'key' : 'value')
    const shown = atKey ? path.slice(0, -1) : path
    return failureAt(position, 'DOCUMENT_INVALID', showPath(shown), problem)
  })
}

/** A parsed document, not validated; with the errors found in it, and where. */
type Document = Pick<YamlDocument, 'value' | 'errors' | 'broken'>

function validate<S extends z.ZodType>(
  { value, errors: known, broken }: Document,
  text: string,
  positionOf: PositionOf,
  schema: S
): YamlResult<z.output<S>> {
  const { data, error } = schema.safeParse(value, { error: expected })
  if (error === undefined && known.length === 0) return { ok: true, value: data!, positionOf }
  const issues = error === undefined ? [] : documentIssues(error.issues, value)
  const errors = [...known, ...schemaErrors(issues, positionOf)].sort(compareByPosition)
  // One invisible character can move many lines to the wrong place.
  const cause = wrongSpaceNear(errors, text)
  if (cause !== undefined) return { ok: false, errors: [cause] }
  const salvaged = (): ParsedYaml<z.output<S>> | undefined => {
    const rest = salvage(schema, value, issues)
    return rest && { ok: true, value: rest.value, positionOf, broken: [...broken, ...rest.broken] }
  }
  return { ok: false, errors, salvage: salvaged }
}

/** The tab, no-break space or missing space in a line with one of these errors, if there is one. */
function wrongSpaceNear(
  errors: readonly InterdictError[],
  text: string
): InterdictError | undefined {
  const lines = textLines(text)
  const found = new Set(errors.map(({ position }) => position!.line - 1))
  const cause = wrongSpace(lines, line => found.has(line))
  if (cause === undefined) return undefined
  const { file } = errors[0]!.position!
  const line = lineAt(lines, cause.offset)
  const column = cause.offset - lines[line]!.offset + 1
  return failureAt({ file, line: line + 1, column }, 'DOCUMENT_INVALID', '', cause.problem)
}

function listItemPosition(list: ListPosition, file: string, index: number): Position {
  const line = list.lines[index] ?? list.lines[0]!
  return { file, line, column: list.column }
}

/** Sorts errors by file, line and column. */
export function compareByPosition(a: InterdictError, b: InterdictError): number {
  const [p, q] = [a.position, b.position]
  if (p === undefined || q === undefined) return 0
  return p.file < q.file ? -1 : p.file > q.file ? 1 : p.line - q.line || p.column - q.column
}

function firstInvalidOctet(octets: Uint8Array, file: string): Position {
  const before = decoder.decode(octets).split('\ufffd')[0]!.split('\n')
  return { file, line: before.length, column: before.at(-1)!.length + 1 }
}
