import type { Ban, NameSource, NetworkRules, RuleSet } from '../../policy/rules/model/types.js'
import { ruleState, type BanQuery } from './rule-state.js'

/** Something that networks ban: an app, a list, or the names written in one rule. */
export interface Coverage {
  readonly kind: NameSource['kind']
  readonly id: string
  readonly title: string
  readonly banned: readonly string[]
  /** Networks where it is only monitored. */
  readonly monitored: readonly string[]
  readonly lacking: readonly string[]
}

/** The id of an app or list; of a part of a list, the id of the whole list. */
export function sourceId({ id, part }: NameSource): string {
  return part?.list ?? id
}

/**
 * For everything that is banned in some network now: the networks with and without such a ban. It
 * shows bans that were forgotten in a new network.
 */
export function coverageOf({ networks }: RuleSet, { at, network, app }: BanQuery): Coverage[] {
  const banned = networks.map(({ rules }) =>
    rules.filter((rule): rule is Ban => rule.kind === 'ban' && isCurrent(rule, at))
  )
  const all = banned.flat().flatMap(({ sources }) => sources)
  const sources = [...new Map(all.map(source => [sourceId(source), source])).values()]
  return sources
    .filter(({ kind, id }) => app === undefined || (kind === 'app' && id === app))
    .map(source => coverage(source, networks, banned))
    .filter(({ lacking, monitored, banned }) => {
      return network === undefined || [...lacking, ...monitored, ...banned].includes(network)
    })
}

function coverage(
  source: NameSource,
  networks: readonly NetworkRules[],
  banned: readonly (readonly Ban[])[]
): Coverage {
  const id = sourceId(source)
  const modes = banned.map(bans => {
    const matching = bans.filter(({ sources }) => sources.some(other => sourceId(other) === id))
    return matching.some(({ mode }) => mode === 'enforce') ? 'enforce' : matching[0]?.mode
  })
  const inMode = (mode: Ban['mode'] | undefined): string[] =>
    networks.filter((_, i) => modes[i] === mode).map(({ id }) => id)
  return {
    kind: source.kind,
    id,
    title: source.title,
    banned: inMode('enforce'),
    monitored: inMode('monitor'),
    lacking: inMode(undefined)
  }
}

export function isCurrent(rule: Ban, at: number): boolean {
  const state = ruleState(rule, at)
  return state === 'in force' || state === 'outside its hours'
}
