import { encodeEde } from '../../wire/dns/edns/ede-option.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import type { NameSource } from '../rules/model/types.js'
import { TIER, type Claim } from '../tables/claim.js'
import { NameTable, type NameTableBuffers } from '../tables/name-table.js'
import type { SourceSummary } from '../tables/source-table.js'
import type { SpecialUseEntry, SpecialUseName } from '../tables/special-use-names.js'

/** Special-use names as a source like any other, so that one table lookup finds rules and them. */
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

/** The one claim for that source. The answer depends on the name: see `Policy.specialUseOf`. */
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

/** The special-use names with their entries in the finished name table. */
export function specialUseEntries(
  names: readonly SpecialUseName[],
  buffers: NameTableBuffers
): readonly SpecialUseEntry[] {
  const table = new NameTable(buffers)
  const hashed = new HashedName()
  const options = new Map<string, Uint8Array>()
  return names.map(({ name, kind, zoneLabels, pointer, reference, records }) => {
    hashed.set(name, 0, buffers.seed)
    const edeOption = options.get(reference) ?? optionOf(reference)
    options.set(reference, edeOption)
    const entry = table.find(hashed, 0)
    return { entry, kind, zoneLabels, pointer, reference, records, edeOption }
  })
}

function optionOf(reference: string): Uint8Array {
  return encodeEde(EDE.OTHER, `special-use name, ${reference}`)
}
