import { deserialize, serialize } from 'node:v8'
import type { NameSource, NetworkRules, Rule, RuleSet } from '../../rules/model/types.js'
import type { RulesResult } from '../../rules/load.js'

type Loaded = Extract<RulesResult, { readonly ok: true }>

/** Everything about loaded rules but their names and warnings, for the HTTP API. */
export type DescribedRules = Pick<Loaded, 'rules' | 'lists' | 'remotes' | 'transfers'> & {
  readonly listStates: readonly Pick<Loaded['listStates'][number], 'id' | 'duration'>[]
}

/**
 * Packs rules into shared memory, which the control thread passes on without reading it: that would take as
 * long as compiling them.
 */
export function packRules({ rules, lists, remotes, transfers, listStates }: Loaded): Uint8Array {
  const sources = new Map(rules.sources.map(source => [source, withoutNames(source)]))
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
    listStates: listStates.map(({ id, duration }) => ({ id, duration }))
  })
  const shared = new Uint8Array(new SharedArrayBuffer(octets.length))
  shared.set(octets)
  return shared
}

/** The sources of the result have no names. */
export function unpackRules(octets: Uint8Array): DescribedRules {
  const described = deserialize(Buffer.from(octets)) as DescribedRules
  const { rules } = described
  const none = { writeTo: () => undefined }
  for (const source of rules.sources) Object.assign(source, none)
  return { ...described, rules: rules satisfies RuleSet }
}

function withoutNames({ kind, id, title, file, forced, part }: NameSource): object {
  return {
    kind,
    id,
    title,
    file,
    bounds: { names: 0, octets: 0 },
    ...(forced !== undefined && { forced }),
    ...(part !== undefined && { part: { list: part.list, effect: 'rule' } })
  }
}
