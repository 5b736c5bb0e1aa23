import type { Prefix } from '../base/address.js'
import { failure } from '../base/error.js'
import { hashOctet } from '../base/hash.js'
import type { Octets } from '../base/units.js'
import { COVER, type NameSink, type NameSource } from '../rules/types.js'
import { AddressTableBuilder, type AddressTableBuffers } from './address-table.js'
import { memberOf } from './member-sets.js'
import { NameTableBuilder } from './name-table-builder.js'
import type { NameTableBuffers } from './name-table.js'
import { digestBasis, showPart } from './parts.js'
import { RecordBuilder } from './record-builder.js'
import type { SourceSummary } from './snapshot.js'

/** All names and prefixes of the sources, as tables. */
export interface Poured {
  readonly names: NameTableBuffers
  readonly addresses: AddressTableBuffers
  readonly sources: readonly SourceSummary[]
  /** Distinct names of rules' sources. */
  readonly count: number
  /** Octets in use of the names' shared memory. */
  readonly used: Octets
}

/**
 * Pours every source into one table of names and one of prefixes. Undefined where hashes with this
 * seed crowd together: try another.
 *
 * @param maxRun most slots looked at to place a name
 * @throws InterdictError POLICY_BOUNDS
 */
export function pourSources(
  sources: readonly NameSource[],
  seed: number,
  maxRun: number
): Poured | undefined {
  const most = {
    names: sources.reduce((sum, { bounds }) => sum + bounds.names, 0),
    octets: sources.reduce((sum, { bounds }) => sum + bounds.octets, 0)
  }
  const records = new RecordBuilder(most)
  const names = new NameTableBuilder(records, most.names, seed, maxRun)
  const addresses = new AddressTableBuilder()
  const summaries: SourceSummary[] = []
  let count = 0
  for (const [index, source] of sources.entries()) {
    const basis = digestBasis(DIGEST_BASIS, source)
    const sink = new SourceSink(source.id, index, basis, names, addresses)
    names.local = source.kind === 'local'
    source.pour(sink)
    if (names.crowded) return undefined
    if (source.kind !== 'local') count = names.names
    summaries.push(summaryOf(source, sink))
  }
  const slots = names.finish()
  const addressTable = addresses.finish(records)
  const { buffers, used } = records.finish()
  return {
    names: { ...slots, records: buffers },
    addresses: addressTable,
    sources: summaries,
    count,
    used: used + slots.slots.byteLength + slots.filter.byteLength
  }
}

function summaryOf(source: NameSource, { index, names, digest }: SourceSink): SourceSummary {
  const { kind, title, file, part } = source
  const id = part?.list ?? source.id
  const said = { part: showPart(source), passes: part?.says === 'pass' }
  return { index, kind, id, ...said, title, file, names, digest }
}

/** Start of the digest's hashes: FNV-1a's. Never seeded, so that digests compare over time. */
const DIGEST_BASIS = 0x811c9dc5

/** Takes what one source gives. */
class SourceSink implements NameSink {
  names = 0
  digest = 0

  constructor(
    readonly id: string,
    readonly index: number,
    readonly basis: number,
    readonly table: NameTableBuilder,
    readonly addresses: AddressTableBuilder
  ) {}

  name(octets: Uint8Array, at: Octets, length: Octets, cover: number, line: number): void {
    this.#count(octets, at, length, cover)
    if (!this.table.add(octets, at, memberOf(this.index, cover), line)) {
      throw failure('POLICY_BOUNDS', this.id)
    }
  }

  prefix(prefix: Prefix, line: number): void {
    this.#count(prefix.address, 0, prefix.address.length, prefix.length)
    this.addresses.add(prefix, memberOf(this.index, COVER.suffix), line)
  }

  /** A sum of hashes does not depend on the order in which they come. */
  #count(octets: Uint8Array, at: Octets, length: Octets, detail: number): void {
    let hash = hashOctet(this.basis, detail)
    for (let i = at; i < at + length; i++) hash = hashOctet(hash, octets[i]!)
    this.digest = (this.digest + Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)) | 0
    this.names++
  }
}
