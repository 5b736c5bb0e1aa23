import { failureAt, type InterdictError } from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { NameSource } from '../model/types.js'
import type { NetworkPrefixes } from './formats/adblock-modifiers.js'
import { ListCollector, rejection } from './list-collector.js'
import { scanList, type LineFormat, type ListFormat } from './list-formats.js'
import { ListLayers } from './list-layers.js'
import type { ListSink, ListAction } from './line-reader.js'
import { BlockedSource, ActionSource, type ForEachBlocked } from './list-source.js'
import type { ListReport, ListFile } from './list-types.js'
import { detectFormat } from './detect-format.js'
import { readRpzFile, type RpzFile } from './rpz/rpz-file.js'

export interface ListOptions {
  readonly id: string
  /** Not given: recognised. */
  readonly format?: ListFormat | undefined
  /** Whether somebody has said that it is right without a name. */
  readonly mayBeEmpty?: boolean
  /** Prefixes by id of network, for formats that name clients. */
  readonly clients?: NetworkPrefixes
}

export type ListResult =
  | {
      /** One for each of the different things that the list says of names. */
      readonly parts: readonly NameSource[]
      readonly warnings: readonly InterdictError[]
      readonly reports: readonly ListReport[]
    }
  | { readonly errors: readonly InterdictError[] }

/**
 * Checks the files of a list and says what is in them. A few bad lines are warnings
 * (RULES_LIST_LINE); a file that is mostly something else is refused whole (RULES_LIST_REFUSED), so
 * that an error page in the place of a list never empties it; and so is one without any name
 * (RULES_LIST_EMPTY), since what is left of a failed download looks like that, and a block list that
 * blocks nothing is open.
 */
export function readList(options: ListOptions, files: readonly ListFile[]): ListResult {
  const { id, clients = new Map() } = options
  const retracted = new Set<string>()
  const read = files.map(file => readListFile(options, clients, file, retracted))
  const errors = read.flatMap(it => ('errors' in it ? it.errors : []))
  if (errors.length > 0) return { errors }
  const good = read.filter(it => 'book' in it)
  const zones = read.filter(it => 'parts' in it)
  const layers = new ListLayers(
    good.map(({ book }) => book),
    retracted
  )
  const fits = layers.resolve(each => {
    for (const { blocked } of good)
      blocked((octets, _at, length, cover) => each(octets, length, cover))
  })
  if (!fits) {
    const why = 'its exceptions for some clients or types overlap too many names'
    return { errors: [failureAt(startOf(files[0]!.displayName), 'RULES_LIST_REFUSED', why)] }
  }
  return {
    parts: [
      ...zones.flatMap(({ parts }, nth) => parts(nth)),
      ...(good.length > 0 ? buildSources(id, good, layers) : [])
    ],
    warnings: [...good.map(({ book }) => book), ...zones].flatMap(({ warnings }) => warnings),
    reports: [...good, ...zones].map(({ report }) => report)
  }
}

/** A file that is a list. */
interface CollectedFile {
  readonly file: string
  readonly book: ListCollector
  readonly blocked: ForEachBlocked
  readonly report: ListReport
}

function readListFile(
  { id, format: given, mayBeEmpty = false }: ListOptions,
  clients: NetworkPrefixes,
  { octets, file, displayName }: ListFile,
  retracted: Set<string>
): CollectedFile | RpzFile | { readonly errors: readonly InterdictError[] } {
  const start = startOf(displayName)
  const odd = whyNotAList(octets)
  if (odd !== undefined) return { errors: [failureAt(start, 'RULES_LIST_REFUSED', odd)] }
  const found = given === undefined ? detectFormat(octets) : undefined
  const format = given ?? found!.format
  if (format === 'rpz') {
    return readRpzFile({ id, octets, file, displayName, detectedBy: found?.by, mayBeEmpty })
  }
  const reading = found !== undefined && DOMAINS_OR_HOSTS.includes(format) ? 'either' : format
  const book = new ListCollector(displayName, retracted)
  const lines = scanList(octets, reading, clients, book)
  const errors = rejection(book, book.isEmpty, lines, start)
  if (errors.length > 0) return { errors }
  if (book.isEmpty && !mayBeEmpty) {
    return { errors: [failureAt(start, 'RULES_LIST_EMPTY', id)] }
  }
  const { count: names, unsupported } = book
  const report = { id, displayName, format, detectedBy: found?.by, names, unsupported }
  const blocked: ForEachBlocked = name =>
    scanList(octets, reading, clients, { ...IGNORE_ALL, blockName: name })
  return { file, book, blocked, report }
}

const nothing = (): void => undefined
/** Wants to know of nothing. */
const IGNORE_ALL: ListSink = {
  blockName: nothing,
  addName: nothing,
  disable: nothing,
  addPrefix: nothing,
  skipLine: nothing,
  countUnsupported: nothing
}

/** What lists of names and hosts files are read as where nobody says which of the two it is. */
const DOMAINS_OR_HOSTS: readonly LineFormat[] = ['domains', 'hosts']

/** What a file is, where its first octets say that it is something else than a list. */
function whyNotAList(octets: Uint8Array): string | undefined {
  const first = Buffer.from(octets.subarray(0, 1024)).toString('latin1')
  if (/^(?:\xff\xfe|\xfe\xff)/.test(first)) return 'it is UTF-16'
  // An error page, most of the time.
  return /^(?:\xef\xbb\xbf)?\s*</.test(first) ? 'it is HTML or XML' : undefined
}

/** What stands before what on one name, inside a layer. */
const ACTION_ORDER: readonly ListAction['action'][] = ['data', 'pass', 'rule']

/** All that the files say, what decides first in front. */
function buildSources(
  id: string,
  files: readonly CollectedFile[],
  layers: ListLayers
): NameSource[] {
  const said = files.flatMap(({ file, book }) =>
    [...book.groups.values()].map(it => ({ file, ...it }))
  )
  const real = said.filter(({ action: saying }) => saying.action !== 'back')
  const before = (a: ListAction, b: ListAction): number =>
    b.layer - a.layer || ACTION_ORDER.indexOf(a.action) - ACTION_ORDER.indexOf(b.action)
  const sources: NameSource[] = []
  const newId = (): string => (sources.length === 0 ? id : `${id}#${sources.length}`)
  for (const one of real.sort((a, b) => before(a.action, b.action))) {
    sources.push(new ActionSource(newId(), id, one.file, one))
  }
  for (const { file, book, blocked } of files) {
    if (book.names + book.prefixes.length === 0 && sources.length > 0) continue
    sources.push(new BlockedSource(newId(), id, file, book, blocked, layers))
  }
  return sources
}

const startOf = (file: string): Position => ({ file, line: 1, column: 1 })
