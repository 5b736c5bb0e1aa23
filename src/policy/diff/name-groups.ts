import { addressWords, showPrefix, type Address } from '../../base/address.js'
import { HashedName, MAX_NAME } from '../../dns/name/hashed-name.js'
import { AddressTable } from '../tables/address-table.js'
import { entriesOf } from '../tables/entries.js'
import { LocalDataTable } from '../tables/local-data-table.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { sourceOf } from '../tables/source-sets.js'

/** Two snapshots, and whatever there is of each. */
export interface BeforeAfter<T> {
  readonly before: T
  readonly after: T
}

/**
 * What two snapshots store of a name and of the names above it: from the top down, the member sets
 * of each name that either stores, and the records that lists have for it. The rules say the same of all names with the same chain, so that
 * a million names of a list are judged as one.
 *
 * For addresses likewise, with prefixes in place of names.
 */
export class NameGroup {
  /** How many names end it. */
  count = 0
  /** The first of them: as wire names, or addresses. */
  readonly examples: Example[] = []
  private readonly next = new Map<number | string, NameGroup>()

  constructor(
    /** Of the next stored name above; undefined where none is. */
    readonly parent: NameGroup | undefined,
    /** Member set of the name itself; -1 where that snapshot does not store it. */
    readonly sets: BeforeAfter<number>,
    /** Whether lists have records for it. */
    readonly hasLocalData = false
  ) {}

  /**
   * The chain that has these sets below this one.
   *
   * @param data what lists have for the name itself, if they have
   */
  child(before: number, after: number, data = ''): NameGroup {
    const sets = (before + 1) * MOST_SETS + after + 1
    const key = data === '' ? sets : `${sets} ${data}`
    let next = this.next.get(key)
    if (next === undefined) {
      next = new NameGroup(this, { before, after }, data !== '')
      this.next.set(key, next)
    }
    return next
  }

  add(example: Example, most: number): void {
    this.count++
    if (this.examples.length < most) this.examples.push(example)
  }

  /** This one and all below it, each before those below it. */
  *all(): Generator<NameGroup> {
    yield this
    for (const next of this.next.values()) yield* next.all()
  }
}

/** Something stored. */
export type Example =
  /** In wire form. */
  | { readonly kind: 'name'; readonly octets: Uint8Array }
  /** `address` is in this prefix, and in no longer one that is stored. */
  | { readonly kind: 'address'; readonly address: Address; readonly text: string }

/** More than any member set's number: packs two into one key. */
const MOST_SETS = 2 ** 26

/**
 * Chains of all names that either snapshot stores: about three microseconds each, and no memory but
 * for the chains.
 *
 * @param most how many examples each chain keeps
 */
export function groupNames(snapshots: BeforeAfter<Snapshot>, most: number): NameGroup {
  const before = new NameReader(snapshots.before)
  const after = new NameReader(snapshots.after)
  const top = new NameGroup(undefined, { before: -1, after: -1 })
  for (const octets of before.names())
    groupOf(top, octets, before, after).add(example(octets), most)
  for (const octets of after.names()) {
    if (before.has(octets)) continue
    groupOf(top, octets, before, after).add(example(octets), most)
  }
  return top
}

const example = (octets: Uint8Array): Example => ({ kind: 'name', octets })

function groupOf(
  top: NameGroup,
  octets: Uint8Array,
  before: NameReader,
  after: NameReader
): NameGroup {
  before.take(octets)
  after.take(octets)
  let chain = top
  for (let label = before.labels; label >= 0; label--) {
    const [one, other] = [before.setAt(label), after.setAt(label)]
    if (one === -1 && other === -1) continue
    chain = chain.child(one, other, before.dataAt(label) + after.dataAt(label))
  }
  return chain
}

/** The names of one snapshot, and the member sets of a name and of those above it. */
class NameReader {
  private readonly table: NameTable
  private readonly sets: Int32Array
  private readonly name = new HashedName()
  private readonly data: LocalDataTable

  constructor(readonly snapshot: Snapshot) {
    this.table = new NameTable(snapshot.names)
    this.sets = new Int32Array(snapshot.names.entries.words)
    this.data = new LocalDataTable(snapshot)
  }

  *names(): Generator<Uint8Array> {
    const records = entriesOf(this.snapshot)
    for (const record of this.table.entries()) {
      const content = records.contentOf(record)
      if ('name' in content) yield content.name
    }
  }

  take(octets: Uint8Array): void {
    this.name.set(octets, 0, this.snapshot.names.seed)
  }

  has(octets: Uint8Array): boolean {
    this.take(octets)
    return this.recordAt(0) !== 0
  }

  get labels(): number {
    return this.name.labels
  }

  /** Of the suffix that begins with label `label`; -1: it is not stored. Set number: word 0. */
  setAt(label: number): number {
    const record = this.recordAt(label)
    return record === 0 ? -1 : this.sets[record]!
  }

  /** The records that lists have for that suffix, and for what is below it; '': none. */
  dataAt(label: number): string {
    const data = this.snapshot.sources.localData
    const record = data.size === 0 ? 0 : this.recordAt(label)
    if (record === 0) return ''
    const members = entriesOf(this.snapshot).sourcesOf(record)
    const sources = new Set(members.map(({ ref: member }) => sourceOf(member)))
    return [...sources]
      .filter(source => data.has(source))
      .flatMap(source =>
        [true, false].map(whole => `${source}:${this.read(source, record, whole)}`)
      )
      .join(' ')
  }

  private read(source: number, record: number, whole: boolean): string {
    this.data.find(source, record, whole)
    return Buffer.from(this.data.octets.subarray(this.data.from, this.data.to)).toString('hex')
  }

  private recordAt(label: number): number {
    return label === this.name.labels ? this.table.root : this.table.find(this.name, label)
  }
}

/**
 * A name below this one that neither snapshot stores; undefined where there is no room for one.
 */
export function nameBelow(
  octets: Uint8Array,
  snapshots: BeforeAfter<Snapshot>
): Uint8Array | undefined {
  if (octets.length + 2 > MAX_NAME) return undefined
  const before = new NameReader(snapshots.before)
  const after = new NameReader(snapshots.after)
  for (let label = 0; label <= 0xff; label++) {
    const child = Uint8Array.from([1, label, ...octets])
    const upper = label >= 0x41 && label <= 0x5a
    if (!upper && !before.has(child) && !after.has(child)) return child
  }
  return undefined
}

/** Chains of all prefixes of addresses that either snapshot stores. */
export function groupAddresses(snapshots: BeforeAfter<Snapshot>, most: number): NameGroup {
  const before = new AddressReader(snapshots.before)
  const after = new AddressReader(snapshots.after)
  const top = new NameGroup(undefined, { before: -1, after: -1 })
  const seen = new Set<string>()
  for (const address of [...before.starts(), ...after.starts()]) {
    const [one, other] = [before.at(address), after.at(address)]
    const prefixes = [...new Map([...one, ...other])].sort(([a], [b]) => a - b)
    let chain = top
    for (const [length] of prefixes) {
      chain = chain.child(one.get(length)?.set ?? -1, other.get(length)?.set ?? -1)
    }
    const text = prefixes.at(-1)?.[1].text
    if (text === undefined || seen.has(text)) continue
    seen.add(text)
    chain.add({ kind: 'address', address, text }, most)
  }
  return top
}

/** The prefixes of one snapshot. */
class AddressReader {
  private readonly table: AddressTable

  constructor(readonly snapshot: Snapshot) {
    this.table = new AddressTable(snapshot.addresses)
  }

  /** Addresses from which on others prefixes cover. */
  *starts(): Generator<Address> {
    for (const { start } of this.table.ranges()) yield start
  }

  /** The prefixes that cover an address, by length, with their member sets. */
  at(address: Address): Map<number, { readonly set: number; readonly text: string }> {
    const records = entriesOf(this.snapshot)
    const sets = new Int32Array(this.snapshot.names.entries.words)
    const covering = new Map<number, { set: number; text: string }>()
    for (const record of this.table.entriesIn(this.table.find(addressWords(address), 0))) {
      const content = records.contentOf(record)
      if (!('prefix' in content)) continue
      const { prefix } = content
      covering.set(prefix.length, { set: sets[record]!, text: showPrefix(prefix) })
    }
    return covering
  }
}
