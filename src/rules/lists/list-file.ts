import { failureAt, type InterdictError } from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { NameSource } from '../model/types.js'
import type { Clients } from './formats/adblock-modifiers.js'
import { FileBook, refusal } from './list-book.js'
import { scanList, type LineFormat, type ListFormat } from './list-formats.js'
import { Layers } from './list-layers.js'
import type { LineSink, Saying } from './list-reader.js'
import { BlockedSource, SaidSource, type Blocked } from './list-source.js'
import type { ListReport, ListFile } from './list-types.js'
import { recognise } from './recognise.js'
import { readZone, type ReadZone } from './rpz/rpz-file.js'

export interface ListOptions {
  readonly id: string
  /** Not given: recognised. */
  readonly format?: ListFormat | undefined
  /** Whether somebody has said that it is right without a name. */
  readonly mayBeEmpty?: boolean
  /** Prefixes by id of network, for formats that name clients. */
  readonly clients?: Clients
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
  const read = files.map(file => readFile(options, clients, file, retracted))
  const errors = read.flatMap(it => ('errors' in it ? it.errors : []))
  if (errors.length > 0) return { errors }
  const good = read.filter(it => 'book' in it)
  const zones = read.filter(it => 'parts' in it)
  const layers = new Layers(
    good.map(({ book }) => book),
    retracted
  )
  const fits = layers.settle(each => {
    for (const { blocked } of good)
      blocked((octets, _at, length, cover) => each(octets, length, cover))
  })
  if (!fits) {
    const why = 'its exceptions for some clients or types overlap too many names'
    return { errors: [failureAt(startOf(files[0]!.shown), 'RULES_LIST_REFUSED', why)] }
  }
  return {
    parts: [
      ...zones.flatMap(({ parts }, nth) => parts(nth)),
      ...(good.length > 0 ? partsOf(id, good, layers) : [])
    ],
    warnings: [...good.map(({ book }) => book), ...zones].flatMap(({ warnings }) => warnings),
    reports: [...good, ...zones].map(({ report }) => report)
  }
}

/** A file that is a list. */
interface Read {
  readonly file: string
  readonly book: FileBook
  readonly blocked: Blocked
  readonly report: ListReport
}

function readFile(
  { id, format: given, mayBeEmpty = false }: ListOptions,
  clients: Clients,
  { octets, file, shown }: ListFile,
  retracted: Set<string>
): Read | ReadZone | { readonly errors: readonly InterdictError[] } {
  const start = startOf(shown)
  const odd = whatElse(octets)
  if (odd !== undefined) return { errors: [failureAt(start, 'RULES_LIST_REFUSED', odd)] }
  const found = given === undefined ? recognise(octets) : undefined
  const format = given ?? found!.format
  if (format === 'rpz') {
    return readZone({ id, octets, file, shown, by: found?.by, mayBeEmpty })
  }
  const reading = found !== undefined && EITHER.includes(format) ? 'either' : format
  const book = new FileBook(shown, retracted)
  const lines = scanList(octets, reading, clients, book)
  const errors = refusal(book, book.isEmpty, lines, start)
  if (errors.length > 0) return { errors }
  if (book.isEmpty && !mayBeEmpty) {
    return { errors: [failureAt(start, 'RULES_LIST_EMPTY', id)] }
  }
  const { count: names, inapplicables: inapplicable } = book
  const report = { id, shown, format, by: found?.by, names, inapplicable }
  const blocked: Blocked = name => scanList(octets, reading, clients, { ...DEAF, name })
  return { file, book, blocked, report }
}

const nothing = (): void => undefined
/** Wants to know of nothing. */
const DEAF: LineSink = {
  name: nothing,
  say: nothing,
  retract: nothing,
  prefix: nothing,
  bad: nothing,
  inapplicable: nothing
}

/** What lists of names and hosts files are read as where nobody says which of the two it is. */
const EITHER: readonly LineFormat[] = ['domains', 'hosts']

/** What a file is, where its first octets say that it is something else than a list. */
function whatElse(octets: Uint8Array): string | undefined {
  const first = Buffer.from(octets.subarray(0, 1024)).toString('latin1')
  if (/^(?:\xff\xfe|\xfe\xff)/.test(first)) return 'it is UTF-16'
  // An error page, most of the time.
  return /^(?:\xef\xbb\xbf)?\s*</.test(first) ? 'it is HTML or XML' : undefined
}

/** What stands before what on one name, inside a layer. */
const SAYS_ORDER: readonly Saying['says'][] = ['data', 'pass', 'rule']

/** All that the files say, what decides first in front. */
function partsOf(id: string, files: readonly Read[], layers: Layers): NameSource[] {
  const said = files.flatMap(({ file, book }) =>
    [...book.said.values()].map(it => ({ file, ...it }))
  )
  const real = said.filter(({ saying }) => saying.says !== 'back')
  const before = (a: Saying, b: Saying): number =>
    b.layer - a.layer || SAYS_ORDER.indexOf(a.says) - SAYS_ORDER.indexOf(b.says)
  const sources: NameSource[] = []
  const newId = (): string => (sources.length === 0 ? id : `${id}#${sources.length}`)
  for (const one of real.sort((a, b) => before(a.saying, b.saying))) {
    sources.push(new SaidSource(newId(), id, one.file, one))
  }
  for (const { file, book, blocked } of files) {
    if (book.names + book.prefixes.length === 0 && sources.length > 0) continue
    sources.push(new BlockedSource(newId(), id, file, book, blocked, layers))
  }
  return sources
}

const startOf = (file: string): Position => ({ file, line: 1, column: 1 })
