import { deserialize } from 'node:v8'
import { usedSources } from '../../policy/compile/compile.js'
import { KeptSource } from '../../policy/compile/kept-source.js'
import { AddressTable } from '../../policy/tables/address-table.js'
import { entriesOf } from '../../policy/tables/entries.js'
import { NameTable } from '../../policy/tables/name-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { coverOf, sourceOf } from '../../policy/tables/source-sets.js'
import { allSources } from '../../policy/tables/source-table.js'
import type { NameSink, NameSource, RuleSet } from '../../policy/rules/model/types.js'
import { unpackRules, type UnpackedSource } from '../compiler/packed-rules.js'
import { withSharedMemory } from './shared-memory.js'

/** The rules in force, from what `packRulesInForce` made. */
export function unpackRulesInForce(parts: readonly Uint8Array[]): RuleSet {
  const [structure, ...others] = parts
  const memory = others.map(part => {
    const shared = new SharedArrayBuffer(part.length)
    new Uint8Array(shared).set(part)
    return shared
  })
  const { snapshot, packedRules } = withSharedMemory(deserialize(structure!), memory) as {
    readonly snapshot: Snapshot
    readonly packedRules: Uint8Array
  }
  return withNames(unpackRules(packedRules).rules, snapshot)
}

/** Gives sources their names back, which the snapshot has. */
function withNames(rules: RuleSet, snapshot: Snapshot): RuleSet {
  const { sha256, filesSha256, zones } = snapshot.origin
  const used = usedSources(rules)
  const summaries = allSources(snapshot.sources)
  const others = new Set(used.flatMap(({ kind }, index) => (kind === 'list' ? [] : [index])))
  const names = namesOf(snapshot, others)
  const restored = new Map<NameSource, NameSource>()
  for (const [index, source] of used.entries()) {
    const { size, part, ...fields } = source as UnpackedSource
    const isList = source.kind === 'list' && part !== undefined
    const bounds = { names: summaries.at(index)!.names, octets: size.octets }
    const writeTo = (sink: NameSink): void => names.get(index)?.forEach(write => write(sink))
    restored.set(
      source,
      isList
        ? new KeptSource(snapshot, index, { ...fields, part, bounds })
        : { ...source, bounds, writeTo }
    )
  }
  const restore = (source: NameSource): NameSource => restored.get(source) ?? source
  // Networks that extend another share its rules.
  const rulesAll = new Map(
    rules.networks.flatMap(({ rules: all }) =>
      all.map(rule => [rule, { ...rule, sources: rule.sources.map(restore) }] as const)
    )
  )
  const networks = rules.networks.map(network => ({
    ...network,
    rules: network.rules.map(rule => rulesAll.get(rule)!)
  }))
  const sources = rules.sources.map(restore)
  return { ...rules, networks, sources, sha256, filesSha256, zones }
}

/** The names of some sources, collected in one pass over all names, by index of the source. */
function namesOf(snapshot: Snapshot, wanted: ReadonlySet<number>) {
  const found = new Map<number, ((sink: NameSink) => void)[]>()
  const entries = entriesOf(snapshot)
  const prefixes = new AddressTable(snapshot.addresses).entries()
  for (const entry of [...new NameTable(snapshot.names).entries(), ...prefixes]) {
    for (const { ref, line } of entries.sourcesOf(entry)) {
      const source = sourceOf(ref)
      if (!wanted.has(source)) continue
      const content = entries.contentOf(entry)
      const write = (sink: NameSink): void => {
        if ('prefix' in content) sink.prefix(content.prefix, line)
        else sink.name(content.name, 0, content.name.length, coverOf(ref), line)
      }
      const known = found.get(source)
      if (known === undefined) found.set(source, [write])
      else known.push(write)
    }
  }
  return found
}
