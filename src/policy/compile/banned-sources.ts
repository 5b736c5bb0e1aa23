import { isClientPolicy, type NameSource, type RuleSet } from '../rules/model/types.js'

/**
 * The sources whose names bans cover, in force or not: with dates, weekly hours or in monitor mode. Without what
 * a list passes, and without a zone's policies for clients, which cover every name.
 */
export function bannedSources({ networks }: Pick<RuleSet, 'networks'>): ReadonlySet<NameSource> {
  const banned = new Set<NameSource>()
  for (const { rules } of networks) {
    for (const { kind, sources } of rules) {
      if (kind !== 'ban') continue
      for (const source of sources) if (isBlocking(source)) banned.add(source)
    }
  }
  return banned
}

function isBlocking(source: NameSource): boolean {
  const effect = source.part?.effect
  return effect !== 'pass' && effect !== 'encloser' && !isClientPolicy(source)
}
