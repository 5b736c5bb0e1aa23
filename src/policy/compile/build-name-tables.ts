import type { Prefix } from '../../base/values/address.js'
import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { COVER, type NameSink, type NameSource, type CoverCode } from '../rules/model/types.js'
import type { AddressTableBuffers } from '../tables/address-table.js'
import type { NameTableBuffers } from '../tables/name-table.js'
import { sourceRef } from '../tables/source-sets.js'
import { allSources, type SourceSummary } from '../tables/source-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { AddressTableBuilder } from './address-table-builder.js'
import { EntryBuilder } from './entry-builder.js'
import { EntryCopier } from './entry-copier.js'
import { KeptSource } from './kept-source.js'
import { describePart, digestBasis, localDataDigest, nameDigest, nodeDigest } from './list-parts.js'
import { NameTableBuilder } from './name-table-builder.js'

/** The names and prefixes of all sources as tables. */
export interface BuiltNameTables {
  readonly names: NameTableBuffers
  readonly addresses: AddressTableBuffers
  readonly summaries: readonly SourceSummary[]
  /** Number of distinct names, without special-use names and names that are enclosers only. */
  readonly ruleNames: number
  /** Shared memory in use for names. */
  readonly used: Octets
}

/**
 * Writes every source into one table of names and one of prefixes.
 *
 * @param maxRun longest run of slots to probe when placing a name
 * @returns undefined if too many hashes collide under this seed: try another
 * @throws InterdictError POLICY_BOUNDS
 */
export function buildNameTables(
  sources: readonly NameSource[],
  seed: number,
  maxRun: number
): BuiltNameTables | undefined {
  const previous = previousOf(sources, seed)
  const bounds = boundsOf(sources, previous)
  const entries = new EntryBuilder(bounds)
  const names = new NameTableBuilder(entries, bounds.names, seed, maxRun)
  const addresses = new AddressTableBuilder()
  if (previous !== undefined) {
    const copier = new EntryCopier(previous.snapshot, previous.kept)
    if (!copier.copyNames(names)) throw failure('POLICY_BOUNDS', 'the previous rules')
    copier.copyPrefixes(addresses)
  }
  const summaries: SourceSummary[] = []
  let ruleNames = names.names
  for (const [index, source] of sources.entries()) {
    const kept = previous?.kept.get(index)
    if (kept !== undefined) {
      summaries.push(keptSummary(kept, index))
      continue
    }
    const sink = new SourceWriter(source, index, names, addresses)
    names.isSpecialUse = source.kind === 'local'
    source.writeTo(sink)
    if (!names.flush()) throw failure('POLICY_BOUNDS', source.id)
    if (names.collided) return undefined
    if (isOfRules(source)) ruleNames = names.names
    summaries.push(summaryOf(source, sink))
  }
  const slots = names.finish()
  const addressTable = addresses.finish(entries)
  const { buffers, used } = entries.finish()
  return {
    names: { ...slots, entries: buffers },
    addresses: addressTable,
    summaries,
    ruleNames,
    used: used + slots.slots.byteLength + slots.filter.byteLength
  }
}

function isOfRules({ kind, part }: NameSource): boolean {
  return kind !== 'local' && kind !== 'logged' && kind !== 'record' && part?.effect !== 'encloser'
}

/** The snapshot that names are copied from, and the sources that take them, by index. */
interface Previous {
  readonly snapshot: Snapshot
  readonly kept: ReadonlyMap<number, KeptSource>
}

/** Undefined if no source is kept, or hashes of names differ: then all names are written again. */
function previousOf(sources: readonly NameSource[], seed: number): Previous | undefined {
  const kept = new Map(
    sources.flatMap((source, index) => (source instanceof KeptSource ? [[index, source]] : []))
  )
  const [first] = kept.values()
  return first?.snapshot.names.seed === seed ? { snapshot: first.snapshot, kept } : undefined
}

/** The most names that the sources may give, and their octets. */
function boundsOf(sources: readonly NameSource[], previous: Previous | undefined) {
  const written = sources.filter((_, index) => previous?.kept.has(index) !== true)
  const copied = previous?.snapshot
  const octets = 4 * (copied?.names.entries.used ?? 0)
  return {
    names: written.reduce((sum, { bounds }) => sum + bounds.names, copied?.counts.names ?? 0),
    octets: written.reduce((sum, { bounds }) => sum + bounds.octets, octets)
  }
}

function keptSummary(source: KeptSource, index: number): SourceSummary {
  const before = allSources(source.snapshot.sources).at(source.index)!
  const { title, file, part } = source
  return { ...before, index, id: part.list, title, file }
}

function summaryOf(source: NameSource, sink: SourceWriter): SourceSummary {
  const { index, names, digestBasis, digest } = sink
  const { kind, title, file, part } = source
  return {
    index,
    kind,
    id: part?.list ?? source.id,
    part: describePart(source),
    isPass: part?.effect === 'pass',
    isEncloser: part?.effect === 'encloser',
    triggerRank: part?.triggerRank,
    title,
    file,
    names,
    digestBasis,
    digest
  }
}

/** Writes one source's names into the tables. */
class SourceWriter implements NameSink {
  names = 0
  digest = 0
  readonly digestBasis: number

  constructor(
    readonly source: NameSource,
    readonly index: number,
    readonly table: NameTableBuilder,
    readonly addresses: AddressTableBuilder
  ) {
    this.digestBasis = digestBasis(source)
    const effect = source.part?.effect
    if (typeof effect === 'object' && effect.data !== undefined)
      this.digest = localDataDigest(effect.data)
    for (const node of source.nodes ?? []) this.digest = (this.digest + nodeDigest(node)) | 0
  }

  name(octets: Uint8Array, at: Octets, length: Octets, cover: CoverCode, line: number): void {
    this.count(octets, at, length, cover)
    if (!this.table.add(octets, at, sourceRef(this.index, cover), line)) {
      throw failure('POLICY_BOUNDS', this.source.id)
    }
  }

  prefix(prefix: Prefix, line: number): void {
    this.count(prefix.address, 0, prefix.address.length, prefix.length)
    this.addresses.add(prefix, sourceRef(this.index, COVER.suffix), line)
  }

  private count(octets: Uint8Array, at: Octets, length: Octets, detail: number): void {
    this.digest = (this.digest + nameDigest(this.digestBasis, octets, at, length, detail)) | 0
    this.names++
  }
}
