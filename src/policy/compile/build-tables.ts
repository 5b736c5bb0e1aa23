import type { Prefix } from '../../base/address.js'
import { failure } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import { COVER, type NameSink, type NameSource } from '../../rules/model/types.js'
import { AddressTableBuilder, type AddressTableBuffers } from '../tables/address-table.js'
import type { NameTableBuffers } from '../tables/name-table.js'
import type { SourceSummary } from '../tables/snapshot.js'
import { sourceRef } from '../tables/source-sets.js'
import { EntryBuilder } from './entry-builder.js'
import { digestBasis, nameDigest, localDataDigest, describePart } from './list-parts.js'
import { NameTableBuilder } from './name-table-builder.js'

/** All names and prefixes of the sources, as tables. */
export interface BuiltTables {
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
export function buildTables(
  sources: readonly NameSource[],
  seed: number,
  maxRun: number
): BuiltTables | undefined {
  const most = {
    names: sources.reduce((sum, { bounds }) => sum + bounds.names, 0),
    octets: sources.reduce((sum, { bounds }) => sum + bounds.octets, 0)
  }
  const records = new EntryBuilder(most)
  const names = new NameTableBuilder(records, most.names, seed, maxRun)
  const addresses = new AddressTableBuilder()
  const summaries: SourceSummary[] = []
  let count = 0
  for (const [index, source] of sources.entries()) {
    const sink = new SourceWriter(source, index, names, addresses)
    names.isSpecialUse = source.kind === 'local'
    source.writeTo(sink)
    if (!names.flush()) throw failure('POLICY_BOUNDS', source.id)
    if (names.collided) return undefined
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

function summaryOf(source: NameSource, sink: SourceWriter): SourceSummary {
  const { index, names, basis, digest } = sink
  const { kind, title, file, part } = source
  const id = part?.list ?? source.id
  const said = { part: describePart(source), isPass: part?.effect === 'pass', stage: part?.stage }
  return { index, kind, id, ...said, title, file, names, digestBasis: basis, digest }
}

/** Takes what one source gives. */
class SourceWriter implements NameSink {
  names = 0
  digest = 0
  readonly basis: number

  constructor(
    readonly source: NameSource,
    readonly index: number,
    readonly table: NameTableBuilder,
    readonly addresses: AddressTableBuilder
  ) {
    this.basis = digestBasis(source)
    const says = source.part?.effect
    if (typeof says === 'object' && says.data !== undefined)
      this.digest = localDataDigest(says.data)
  }

  name(octets: Uint8Array, at: Octets, length: Octets, cover: number, line: number): void {
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
    this.digest = (this.digest + nameDigest(this.basis, octets, at, length, detail)) | 0
    this.names++
  }
}
