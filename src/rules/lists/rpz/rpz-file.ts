import type { Prefix } from '../../../base/address.js'
import { failureAt, type InterdictError } from '../../../base/error.js'
import type { AtLine } from '../../model/yaml-source.js'
import {
  COVER,
  type LocalData,
  type NameSink,
  type NameSource,
  type ListPart
} from '../../model/types.js'
import { FileBook, refusal } from '../list-book.js'
import type { Inapplicable } from '../list-reader.js'
import type { ListFile, ListReport } from '../list-types.js'
import { LocalDataBuilder } from '../local-data.js'
import { PackedNames } from '../packed-names.js'
import { scanZone, type RpzAction, type RpzSink } from './rpz-zone.js'

/** Triggers of one zone are looked at in this order. draft-vixie-dnsop-dns-rpz §5. */
const STAGE = { 'client-ip': 0, qname: 1, ip: 2 } as const
const STAGES = 3

/** So many policies for clients are parts of their own, so that the line of each is told. */
const OWN_PARTS = 64

/** Names and addresses of which a zone says the same. */
class RpzPart implements NameSource {
  readonly kind = 'list'

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    readonly part: ListPart,
    private readonly names: PackedNames,
    private readonly prefixes: readonly AtLine<Prefix>[]
  ) {}

  get bounds() {
    return { names: this.names.names, octets: this.names.nameOctets }
  }

  writeTo(sink: NameSink): void {
    this.names.each((octets, at, length, cover, line) => {
      sink.name(octets, at, length, cover, line)
    })
    for (const { value, line } of this.prefixes) sink.prefix(value, line)
  }
}

/** Takes what a zone says apart, by what it says. */
class Book implements RpzSink {
  readonly names = new Map<RpzAction, PackedNames>()
  readonly answers = new Map<RpzAction, AtLine<Prefix>[]>()
  readonly clients: (AtLine<Prefix> & { readonly action: RpzAction })[] = []
  readonly records = new LocalDataBuilder()
  policies = 0

  constructor(private readonly lines: FileBook) {}

  readonly qname: RpzSink['qname'] = (octets, at, length, cover, action, line) => {
    let book = this.names.get(action)
    if (book === undefined) this.names.set(action, (book = new PackedNames()))
    book.add(octets, at, length, cover, line)
    this.policies++
  }

  prefix(value: Prefix, trigger: 'client-ip' | 'ip', action: RpzAction, line: number): void {
    this.policies++
    if (trigger === 'client-ip') this.clients.push({ value, line, action })
    else grouped(this.answers, action).push({ value, line })
  }

  record(line: number, type: number, rdata: Uint8Array): void {
    this.records.add(line, type, rdata)
  }

  inapplicable(kind: Inapplicable): void {
    this.lines.inapplicable(kind)
  }

  bad(line: number, column: number, why: string): void {
    this.lines.bad(line, column, why)
  }
}

/** A file that is a zone. */
export interface ReadZone {
  /** What it says; `nth` of the zones of its list, from 0. */
  readonly parts: (nth: number) => readonly NameSource[]
  readonly warnings: readonly InterdictError[]
  readonly report: ListReport
}

/** @param given with `by`, by what the file was recognised */
export function readZone(
  given: ListFile & {
    readonly id: string
    readonly by: string | undefined
    readonly mayBeEmpty: boolean
  }
): ReadZone | { readonly errors: readonly InterdictError[] } {
  const { id, octets, file, shown, by, mayBeEmpty } = given
  const lines = new FileBook(shown, new Set())
  const book = new Book(lines)
  const { entries, hasSoa } = scanZone(octets, book)
  const start = { file: shown, line: 1, column: 1 }
  const errors = refusal(lines, book.policies === 0, entries, start)
  if (errors.length > 0) return { errors }
  if (book.policies === 0 && !mayBeEmpty) {
    return { errors: [failureAt(start, 'RULES_LIST_EMPTY', id)] }
  }
  const { warnings, inapplicables: inapplicable } = lines
  if (!hasSoa) warnings.push(failureAt(start, 'RULES_ZONE_NO_SOA'))
  const report = { id, shown, format: 'rpz' as const, by, names: book.policies, inapplicable }
  return { parts: nth => partsOf(id, file, nth, book), warnings, report }
}

function partsOf(id: string, file: string, nth: number, book: Book): NameSource[] {
  const parts: NameSource[] = []
  const first = nth * STAGES
  const data = book.records.finish()
  const add = (
    part: Omit<ListPart, 'list'>,
    names: PackedNames,
    prefixes: readonly AtLine<Prefix>[]
  ) => {
    const own = `${id}#zone${nth}.${parts.length}`
    parts.push(new RpzPart(own, id, file, { list: id, ...part }, names, prefixes))
  }
  for (const { action, prefixes, line } of clientsOf(book)) {
    const everything = new PackedNames()
    everything.add(Uint8Array.of(0), 0, 1, COVER.suffix, line)
    add(
      { effect: saysOf(action, data), stage: first + STAGE['client-ip'], prefixes },
      everything,
      []
    )
  }
  for (const [action, names] of passesFirst(book.names)) {
    add({ effect: saysOf(action, data), stage: first + STAGE.qname }, names, [])
  }
  for (const [action, prefixes] of passesFirst(book.answers)) {
    add({ effect: saysOf(action, data), stage: first + STAGE.ip }, new PackedNames(), prefixes)
  }
  return parts
}

/** Policies for clients, the longest prefixes first, which are those that hold. */
function clientsOf({ clients }: Book) {
  const own = clients.length <= OWN_PARTS
  const groups = new Map<string, { action: RpzAction; prefixes: Prefix[]; line: number }>()
  for (const { value, action, line } of clients) {
    // Records are kept by line, so what has some is a part of its own.
    const key = `${value.length} ${action} ${own || action === 'data' ? line : ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { action, prefixes: [value], line })
    else group.prefixes.push(value)
  }
  return [...groups.values()].sort((a, b) => b.prefixes[0]!.length - a.prefixes[0]!.length)
}

function passesFirst<T>(said: ReadonlyMap<RpzAction, T>): (readonly [RpzAction, T])[] {
  return [...said].sort(([a], [b]) => Number(b === 'pass') - Number(a === 'pass'))
}

function saysOf(action: RpzAction, data: LocalData): ListPart['effect'] {
  if (action === 'pass') return action
  return action === 'data' ? { action, data } : { action }
}

function grouped<K, V>(groups: Map<K, V[]>, key: K): V[] {
  let group = groups.get(key)
  if (group === undefined) groups.set(key, (group = []))
  return group
}
