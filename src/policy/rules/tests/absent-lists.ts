import type { RuleSet, Rule } from '../model/types.js'
import type { RemoteList } from '../lists/remote-list.js'
import type { TransferList } from '../lists/transfer-list.js'

/** Ids of lists without a copy: never downloaded, never transferred. */
export function absentLists({
  remotes,
  transfers
}: {
  readonly remotes: readonly Pick<RemoteList, 'id' | 'hasCopy'>[]
  readonly transfers: readonly Pick<TransferList, 'id' | 'hasCopy'>[]
}): string[] {
  return [...remotes, ...transfers].flatMap(({ id, hasCopy }) => (hasCopy ? [] : [id]))
}

/** A rule that uses a list whose content is not known: no copy of it exists so far. */
export interface RuleWithoutList {
  readonly rule: Pick<Rule, 'id' | 'kind'>
  readonly list: string
}

/**
 * The rules of each network that use lists without content, by network id.
 *
 * @param absent ids of these lists; each is an empty source in the rules
 */
export function rulesWithoutLists(
  { networks }: RuleSet,
  absent: readonly string[]
): ReadonlyMap<string, readonly RuleWithoutList[]> {
  if (absent.length === 0) return new Map()
  const entries = networks.map(({ id, rules }) => {
    const without = rules.flatMap(rule =>
      rule.sources
        .filter(source => source.kind === 'inline' && absent.includes(source.id))
        .map(source => ({ rule, list: source.id }))
    )
    return [id, without] as const
  })
  return new Map(entries.filter(([, rules]) => rules.length > 0))
}
