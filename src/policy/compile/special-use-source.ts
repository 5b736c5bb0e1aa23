import { encodeEde } from '../../dns/edns/ede-option.js'
import { HashedName } from '../../dns/name/hashed-name.js'
import { EDE } from '../../dns/registry/ede.js'
import type { NameSource } from '../../rules/model/types.js'
import { NameTable, type NameTableBuffers } from '../tables/name-table.js'
import { TIER, type Claim, type SpecialUseEntry, type SourceSummary } from '../tables/snapshot.js'
import type { SpecialUseName } from '../tables/special-use-names.js'

/** Special-use names as a source like any other, so that one look finds rules and them. */
export function specialUseSource(names: readonly SpecialUseName[]): NameSource {
  return {
    kind: 'local',
    id: 'special-use',
    title: 'special-use names',
    file: '',
    bounds: {
      names: names.length,
      octets: names.reduce((sum, { name }) => sum + name.length, 0)
    },
    writeTo: sink => {
      for (const { name, cover } of names) sink.name(name, 0, name.length, cover, 0)
    }
  }
}

/** The one claim through that source. What is said differs by name: see `Policy.localOf`. */
export function specialUseClaim(source: SourceSummary): Claim {
  return {
    tier: TIER.specialUse,
    kind: 'local',
    ruleId: source.id,
    ruleFile: '',
    ruleLine: 0,
    source,
    from: -Infinity,
    until: Infinity,
    timetable: undefined,
    monitor: false,
    reply: undefined,
    qtypes: undefined,
    facts: {}
  }
}

/** Each name with its place in the table that it was poured into. */
export function specialUseEntries(
  names: readonly SpecialUseName[],
  buffers: NameTableBuffers,
  seed: number
): readonly SpecialUseEntry[] {
  const table = new NameTable(buffers)
  const hashed = new HashedName()
  const options = new Map<string, Uint8Array>()
  return names.map(({ name, kind, zoneLabels, pointer, reference }) => {
    hashed.set(name, 0, seed)
    const edeOption = options.get(reference) ?? optionOf(reference)
    options.set(reference, edeOption)
    return { entry: table.find(hashed, 0), kind, zoneLabels, pointer, reference, edeOption }
  })
}

function optionOf(reference: string): Uint8Array {
  return encodeEde(EDE.OTHER, `special-use name, ${reference}`)
}
