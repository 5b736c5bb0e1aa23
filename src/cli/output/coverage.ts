import type { Ban, NameSource, NetworkRules, RuleSet } from '../../rules/model/types.js'
import { stateOf, type Wanted } from '../args/rule-state.js'

/** What some networks ban: an app, a list, or the names that stand in one rule. */
export interface Coverage {
  readonly kind: NameSource['kind']
  readonly id: string
  readonly title: string
  readonly banned: readonly string[]
  /** Where it is only recorded. */
  readonly monitored: readonly string[]
  readonly lacking: readonly string[]
}

/** Lists may come in parts, with ids of their own. */
export function sourceId({ id, part }: NameSource): string {
  return part?.list ?? id
}

/**
 * For each that is banned in some network, and has not ended or is still to come, the networks with
 * such a ban and those without: whoever makes a new network may have forgotten it there.
 */
export function coverageOf({ networks }: RuleSet, { at, network, app }: Wanted): Coverage[] {
  const banned = networks.map(({ rules }) =>
    rules.filter((rule): rule is Ban => rule.kind === 'ban' && isNow(rule, at))
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
    const having = bans.filter(({ sources }) => sources.some(one => sourceId(one) === id))
    return having.some(({ mode }) => mode === 'enforce') ? 'enforce' : having[0]?.mode
  })
  const those = (mode: Ban['mode'] | undefined): string[] =>
    networks.filter((_, i) => modes[i] === mode).map(({ id }) => id)
  return {
    kind: source.kind,
    id,
    title: source.title,
    banned: those('enforce'),
    monitored: those('monitor'),
    lacking: those(undefined)
  }
}

function isNow(rule: Ban, at: number): boolean {
  const state = stateOf(rule, at)
  return state === 'in force' || state === 'outside its hours'
}
