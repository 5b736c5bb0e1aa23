import type { NameSource, NetworkRules, Rule } from '../model/types.js'

/**
 * The exceptions that a network needs so that clients of another one, which connect from its addresses, are rid of
 * its bans: what to write in place of `fewer-bans-than`. One text for each app, list, or names of a rule.
 *
 * @param own the network of the clients
 * @param than the network of their addresses
 */
export function neededExceptions(
  own: Pick<NetworkRules, 'rules'>,
  than: Pick<NetworkRules, 'rules'>
): readonly string[] {
  const lifted = sourcesOf(own.rules.filter(({ kind }) => kind === 'exception'))
  const banned = sourcesOf(own.rules.filter(isEnforcedBan))
  const needed = [...sourcesOf(than.rules.filter(isEnforcedBan))]
  return needed.filter(text => !banned.has(text) || lifted.has(text))
}

function isEnforcedBan(rule: Rule): boolean {
  return rule.kind === 'ban' && rule.mode === 'enforce'
}

function sourcesOf(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.flatMap(({ sources }) => sources.map(textOf)))
}

/** As in the rules: `apps: [tiktok]`. */
function textOf({ kind, id }: NameSource): string {
  return kind === 'inline' ? `the names at ${id}` : `${kind}s: [${id}]`
}
