import { deserialize, serialize } from 'node:v8'
import type { Octets } from '../../base/units.js'
import { readName, showName } from '../../wire/dns/name/name.js'
import { withoutData } from '../../policy/rules/lists/load-list.js'
import type {
  NameSink,
  NameSource,
  NetworkRules,
  Rule,
  RuleSet,
  CoverCode
} from '../../policy/rules/model/types.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import type { RulesResult } from '../../policy/rules/load.js'

type Loaded = Extract<RulesResult, { readonly ok: true }>

/** Everything about loaded rules but their names and warnings, for the HTTP API and the probe. */
export type UnpackedRules = Pick<Loaded, 'rules' | 'lists' | 'remotes' | 'transfers'> & {
  readonly listStates: readonly Pick<Loaded['listStates'][number], 'id' | 'duration'>[]
  readonly mandated: readonly MandateOrder[]
}

/** A source without its names: `size` are its bounds with them. */
export type UnpackedSource = NameSource & { readonly size: NameSource['bounds'] }

/** The main names of a source, and some others, spread over all of them. */
type Sample = { readonly name: string; readonly cover: CoverCode; readonly line: number }[]

/**
 * Packs rules into shared memory, which the control thread passes on without reading it: that would take as
 * long as compiling them.
 *
 * @param sampled how many names of each source are packed, too
 * @param orders of the mandates in force
 */
export function packRules(
  { rules, lists, remotes, transfers, listStates }: Loaded,
  sampled = 0,
  orders: readonly MandateOrder[] = []
): Uint8Array {
  const packed = (source: NameSource): object => {
    return { ...withoutNames(source), ...(sampled > 0 && sampleOf(source, sampled)) }
  }
  const sources = new Map(rules.sources.map(source => [source, packed(source)]))
  const light = (source: NameSource): object => sources.get(source)!
  const all = new Map<Rule, object>()
  // Networks that extend another have its rules: each is packed once, and stays one object.
  const packedRule = (rule: Rule): object => {
    const known = all.get(rule) ?? { ...rule, sources: rule.sources.map(light) }
    all.set(rule, known)
    return known
  }
  const networks = rules.networks.map((network: NetworkRules) => ({
    ...network,
    rules: network.rules.map(packedRule)
  }))
  const octets = serialize({
    rules: { ...rules, networks, sources: [...sources.values()], zones: [], files: [] },
    lists,
    remotes,
    transfers,
    listStates: listStates.map(({ id, duration }) => ({ id, duration })),
    mandated: orders
  })
  const shared = new Uint8Array(new SharedArrayBuffer(octets.length))
  shared.set(octets)
  return shared
}

/** The sources of the result have no names, or those that were sampled. */
export function unpackRules(octets: Uint8Array, withSamples = false): UnpackedRules {
  const unpacked = deserialize(Buffer.from(octets)) as UnpackedRules
  const { rules } = unpacked
  for (const source of rules.sources as (NameSource & { readonly sample?: Sample })[]) {
    const { sample } = source
    const writeTo =
      withSamples && sample !== undefined
        ? (sink: NameSink) => writeSample(sample, sink)
        : () => undefined
    Object.assign(source, { writeTo, sample: undefined })
  }
  return { ...unpacked, rules: rules satisfies RuleSet }
}

/** `bounds` has how many names there are. */
function sampleOf(
  source: NameSource,
  sampled: number
): Pick<NameSource, 'bounds'> & { readonly sample: Sample } {
  const sample: Sample = []
  const { part, main } = source
  // Other parts of a list are not blocked, or not always.
  const isWhole = part === undefined || (part.effect === 'rule' && !hasConditions(part))
  const step = Math.max(1, Math.ceil(source.bounds.names / sampled))
  let names = 0
  source.writeTo({
    name: (octets: Uint8Array, at: Octets, length: Octets, cover: CoverCode, line: number) => {
      const isTaken = names++ % step === 0 || main?.includes(line) === true
      if (isWhole && isTaken)
        sample.push({ name: showName(octets.subarray(at, at + length)), cover, line })
    },
    prefix: () => undefined
  })
  return { sample, bounds: { names, octets: 0 } }
}

const hasConditions = ({ qtypes, prefixes, overTcp }: NonNullable<NameSource['part']>): boolean =>
  qtypes !== undefined || prefixes !== undefined || overTcp === true

function writeSample(sample: Sample, sink: NameSink): void {
  for (const { name: text, cover, line } of sample) {
    const name = readName(text)
    sink.name(name, 0, name.length, cover, line)
  }
}

function withoutNames(source: NameSource): object {
  const { kind, id, title, file, bounds, forced, main, part, monitoredUntil, added, asns } = source
  return {
    kind,
    id,
    title,
    file,
    bounds: { names: 0, octets: 0 },
    size: bounds,
    ...(forced !== undefined && { forced }),
    ...(main !== undefined && { main }),
    ...(monitoredUntil !== undefined && { monitoredUntil }),
    ...(added !== undefined && { added }),
    ...(asns !== undefined && { asns }),
    ...(part !== undefined && { part: withoutData(part) })
  }
}
