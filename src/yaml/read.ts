import { isUtf8 } from 'node:buffer'
import type { z } from 'zod'
import { failureAt, type InterdictError } from '../base/error.js'
import type { Position } from '../base/position.js'
import type { Octets } from '../base/units.js'
import { expected } from './expected.js'
import { documentIssues, showPath, type Path } from './issues.js'
import { LineIndex } from './plain-places.js'
import { parsePlainYaml, type PlainYaml } from './plain-yaml.js'
import { parseSimpleYaml, type ListPosition } from './simple-yaml.js'
import { YamlDocument, type PairPart } from './yaml-document.js'

/** A validated value, and the positions of its parts in the file. */
export interface ParsedYaml<T> {
  readonly ok: true
  readonly value: T
  /** Position of a value or its key; of its nearest ancestor, if it is missing. */
  positionOf(path: Path, part?: PairPart): Position
}

export type YamlResult<T> =
  ParsedYaml<T> | { readonly ok: false; readonly errors: InterdictError[] }

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
  if (source.length > MAX_LIBRARY_OCTETS) return readLarge(text, file, schema)
  return (
    readSimple(text, file, schema) ??
    readPlain(text, file, schema) ??
    readDocument(new YamlDocument(text, file), schema)
  )
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

/** Uses the parser of large files; undefined if the file needs the library, or is invalid. */
function readPlain<S extends z.ZodType>(
  text: string,
  file: string,
  schema: S
): ParsedYaml<z.output<S>> | undefined {
  const plain = parsePlainYaml(text)
  if (plain === undefined) return undefined
  const parsed = schema.safeParse(plain.value, { error: expected })
  if (!parsed.success) return undefined
  return { ok: true, value: parsed.data, positionOf: positionsOf(plain, text, file) }
}

/** Reads a file that is too large for the library. */
function readLarge<S extends z.ZodType>(
  text: string,
  file: string,
  schema: S
): YamlResult<z.output<S>> {
  let failedAt = 0
  const plain = parsePlainYaml(text, offset => (failedAt = offset))
  if (plain === undefined) {
    const position = new LineIndex(text).positionOf(file, failedAt)
    return { ok: false, errors: [failureAt(position, 'DOCUMENT_SYNTAX', NOT_PLAIN)] }
  }
  const parsed = schema.safeParse(plain.value, { error: expected })
  const positionOf = positionsOf(plain, text, file)
  if (parsed.success) return { ok: true, value: parsed.data, positionOf }
  return { ok: false, errors: schemaErrors(parsed.error, plain.value, positionOf) }
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

function schemaErrors(
  { issues }: z.core.$ZodError,
  value: unknown,
  positionOf: PositionOf
): InterdictError[] {
  return documentIssues(issues, value).map(({ path, atKey, problem }) => {
    const position = positionOf(path, atKey ? 'key' : 'value')
    const shown = atKey ? path.slice(0, -1) : path
    return failureAt(position, 'DOCUMENT_INVALID', showPath(shown), problem)
  })
}

function readDocument<S extends z.ZodType>(tree: YamlDocument, schema: S): YamlResult<z.output<S>> {
  if (!tree.isUsable) return { ok: false, errors: tree.errors }
  const parsed = schema.safeParse(tree.value, { error: expected })
  const { error } = parsed
  const positionOf = (path: Path, part?: PairPart): Position => tree.positionOf(path, part)
  const errors = error === undefined ? [] : schemaErrors(error, tree.value, positionOf)
  if (!parsed.success || tree.errors.length > 0) {
    const all = [...tree.errors, ...errors].sort(compareByPosition)
    // One invisible character can move many lines to the wrong place.
    const cause = tree.wrongSpaceNear(all)
    return { ok: false, errors: cause === undefined ? all : [cause] }
  }
  return { ok: true, value: parsed.data, positionOf }
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
