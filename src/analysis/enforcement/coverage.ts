import type { Ban, NameSource, Rule, RuleSet } from '../../policy/rules/model/types.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import { scopesAt, type Scope } from './declared-scope.js'
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
  /** Networks where it is meant to be banned; null: nobody has declared that. */
  readonly scope: readonly string[] | null
  /** Networks of the scope where it is neither banned nor monitored. */
  readonly uncovered: readonly string[]
}

/** A network under one ban. */
export interface NetworkOfBan {
  readonly network: string
  /**
   * `enforced`    all that it bans is blocked there, by it or by `others`
   * `monitored`   all that it bans is blocked or monitored there
   * `partly`      only some of it
   * `not banned`  nothing of it
   */
  readonly state: 'enforced' | 'monitored' | 'partly' | 'not banned'
  /** Bans that have some of it instead; empty: the network has the ban itself, or none. */
  readonly others: readonly string[]
  /** Titles of what is not banned there. */
  readonly lacks: readonly string[]
  /** True if it is meant to be banned there, at least some of it; null: nobody has declared that. */
  readonly isMeant: boolean | null
  /** True if something is not banned there that is meant to be. */
  readonly isGap: boolean
}

/** The id of an app or list; of a part of a list, the id of the whole list. */
export function sourceId({ id, part }: NameSource): string {
  return part?.list ?? id
}

export function isCurrent(rule: Ban, at: number): boolean {
  const state = ruleState(rule, at)
  return state === 'in force' || state === 'outside its hours'
}

/** Which network bans what at a time, within its hours or not: the one answer for bans, reports and health. */
export class CoverageIndex {
  /** Current bans of each network, by app, list or names. */
  private readonly bans: ReadonlyMap<string, ReadonlyMap<string, readonly Ban[]>>
  private readonly scopes: ReadonlyMap<string, Scope>
  private readonly holders: ReadonlyMap<Rule, ReadonlySet<string>>

  /** @param orders of the mandates in force */
  constructor(
    private readonly rules: Pick<RuleSet, 'networks' | 'scopes'>,
    private readonly at: number,
    orders: readonly MandateOrder[] = []
  ) {
    this.bans = new Map(rules.networks.map(({ id, rules: all }) => [id, bansBySource(all, at)]))
    this.scopes = scopesAt(rules, orders, at)
    this.holders = networksByRule(rules)
  }

  /** Everything that is banned in some network now, or has a scope and is banned in none. */
  get all(): Coverage[] {
    const sources = new Map<string, NameSource>()
    for (const { rules } of this.rules.networks) {
      for (const rule of rules) {
        if (rule.kind !== 'ban' || !isCurrent(rule, this.at)) continue
        for (const source of rule.sources) sources.set(sourceId(source), source)
      }
    }
    return [...sources].map(([id, source]) => this.ofSource(id, source))
  }

  /** A ban in each network. One that is to come or has ended counts as if it were in force in its own networks. */
  ofBan(ban: Ban): NetworkOfBan[] {
    const sources = new Map(ban.sources.map(source => [sourceId(source), source.title]))
    const scopes = [...sources.keys()].flatMap(id => this.scopes.get(id) ?? [])
    return this.rules.networks.map(({ id: network }) => {
      const isOwn = this.holders.get(ban)?.has(network) === true
      const isMeant =
        scopes.length === 0 ? null : scopes.some(({ networks }) => networks.includes(network))
      const found = [...sources].map(([id, title]) => {
        const mode = this.modeOf(network, id)
        return { id, title, mode: isOwn && mode !== 'enforce' ? ban.mode : mode }
      })
      const absent = found.filter(({ mode }) => mode === undefined)
      const others = isOwn ? [] : this.namesOf(network, [...sources.keys()])
      const isGap = absent.some(({ id }) => this.isMeantIn(id, network))
      return {
        ...{ network, state: stateOf(found.map(({ mode }) => mode)), others },
        ...{ lacks: absent.map(({ title }) => title), isMeant, isGap }
      }
    })
  }

  private ofSource(id: string, { kind, title }: NameSource): Coverage {
    const inMode = (mode: Ban['mode'] | undefined): string[] =>
      this.rules.networks.map(one => one.id).filter(network => this.modeOf(network, id) === mode)
    const lacking = inMode(undefined)
    const scope = this.scopes.get(id)?.networks ?? null
    return {
      ...{ kind, id, title, banned: inMode('enforce'), monitored: inMode('monitor'), lacking },
      ...{ scope, uncovered: lacking.filter(network => scope?.includes(network) === true) }
    }
  }

  /** How a network bans an app or list; undefined: it does not. */
  private modeOf(network: string, id: string): Ban['mode'] | undefined {
    const bans = this.bans.get(network)?.get(id) ?? []
    return bans.some(({ mode }) => mode === 'enforce') ? 'enforce' : bans[0]?.mode
  }

  private namesOf(network: string, ids: readonly string[]): string[] {
    const bans = ids.flatMap(id => this.bans.get(network)?.get(id) ?? [])
    return [...new Set(bans.map(({ id }) => id))]
  }

  private isMeantIn(id: string, network: string): boolean {
    return this.scopes.get(id)?.networks.includes(network) === true
  }
}

/**
 * For everything that is banned in some network now: the networks with and without such a ban. It
 * shows bans that were forgotten in a new network.
 */
export function coverageOf(index: CoverageIndex, { network, app }: BanQuery): Coverage[] {
  return index.all
    .filter(({ kind, id }) => app === undefined || (kind === 'app' && id === app))
    .filter(({ lacking, monitored, banned }) => {
      return network === undefined || [...lacking, ...monitored, ...banned].includes(network)
    })
}

/** True for a network that does not ban all that a ban has. */
export const lacksBan = ({ state }: NetworkOfBan): boolean =>
  state === 'partly' || state === 'not banned'

function stateOf(modes: readonly (Ban['mode'] | undefined)[]): NetworkOfBan['state'] {
  if (modes.every(mode => mode === 'enforce')) return 'enforced'
  if (modes.every(mode => mode !== undefined)) return 'monitored'
  return modes.every(mode => mode === undefined) ? 'not banned' : 'partly'
}

/** Ids of the networks that have each rule. */
export function networksByRule({
  networks
}: Pick<RuleSet, 'networks'>): ReadonlyMap<Rule, ReadonlySet<string>> {
  const found = new Map<Rule, Set<string>>()
  for (const { id, rules } of networks) {
    for (const rule of rules) {
      const ids = found.get(rule)
      if (ids === undefined) found.set(rule, new Set([id]))
      else ids.add(id)
    }
  }
  return found
}

function bansBySource(
  rules: RuleSet['networks'][number]['rules'],
  at: number
): ReadonlyMap<string, readonly Ban[]> {
  const found = new Map<string, Ban[]>()
  for (const rule of rules) {
    if (rule.kind !== 'ban' || !isCurrent(rule, at)) continue
    for (const id of new Set(rule.sources.map(sourceId))) {
      const bans = found.get(id)
      if (bans === undefined) found.set(id, [rule])
      else bans.push(rule)
    }
  }
  return found
}
