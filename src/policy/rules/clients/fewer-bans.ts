import { containsPrefix, showPrefix, type Prefix } from '../../../base/values/address.js'
import { COVER, type Ban, type NameSource, type NetworkRules, type Rule } from '../model/types.js'
import type { RuleException } from '../model/types.js'

/**
 * Why a network has fewer bans than another one: a ban of the other that it lacks, or an exception of its
 * own that lifts one; undefined: it does not. It has a ban if it has the same one, or enforced bans of
 * each of its apps, lists and names, each in force at least as long. Blocks are not compared. The result
 * errs on the side of "fewer": bans are compared as they are written, not name by name.
 *
 * @param than the other network, which the client's address is in
 */
export function lackingRule(
  { rules }: Pick<NetworkRules, 'rules'>,
  than: Pick<NetworkRules, 'rules' | 'prefixes'>
): Rule | undefined {
  const bans = than.rules.filter(isEnforced)
  if (bans.length === 0 || than.rules === rules) return undefined
  const own = rules.filter(isEnforced)
  const same = new Set<Rule>(own)
  const lacking = bans.find(ban => !same.has(ban) && !isCovered(ban, own))
  if (lacking !== undefined) return lacking
  const exceptions = than.rules.filter(isException)
  const lifted = new Set(bans.flatMap(({ sources }) => sources.map(({ id }) => id)))
  return rules
    .filter(isException)
    .filter(({ prefixes }) => prefixes.length === 0 || overlap(prefixes, than.prefixes))
    .find(one => lifts(one, lifted) && !exceptions.some(other => isWithin(one, other)))
}

function overlap(some: readonly Prefix[], others: readonly Prefix[]): boolean {
  return some.some(one =>
    others.some(other => containsPrefix(one, other) || containsPrefix(other, one))
  )
}

function isEnforced(rule: Rule): rule is Ban {
  return rule.kind === 'ban' && rule.mode === 'enforce'
}

function isException(rule: Rule): rule is RuleException {
  return rule.kind === 'exception'
}

/** Exceptions for an app or list lift the bans of it only; those for names lift any. */
function lifts({ sources }: RuleException, banned: ReadonlySet<string>): boolean {
  return sources.some(({ kind, id }) => kind === 'inline' || banned.has(id))
}

/** Whether an exception lifts nothing that the other does not. */
function isWithin(one: RuleException, other: RuleException): boolean {
  if (one === other) return true
  const prefixes = new Set(other.prefixes.map(showPrefix))
  const isNarrower =
    prefixes.size === 0 ||
    (one.prefixes.length > 0 && one.prefixes.every(prefix => prefixes.has(showPrefix(prefix))))
  return isNarrower && isInForce(other, one) && one.sources.every(has(other.sources))
}

function isCovered(ban: Ban, own: readonly Ban[]): boolean {
  const able = own.filter(
    other => isInForce(other, ban) && (other.reply.action !== 'truncate' || isTruncate(ban))
  )
  return ban.sources.every(has(able.flatMap(({ sources }) => sources)))
}

/** Over TCP and TLS, rules with this action do not apply. */
function isTruncate({ reply }: Ban): boolean {
  return reply.action === 'truncate'
}

/** Whether a rule is in force whenever another one is. */
function isInForce(rule: Rule, when: Rule): boolean {
  const always = rule.schedule === undefined || rule.schedule.text === when.schedule?.text
  return always && rule.from <= when.from && rule.until >= when.until
}

/** A test whether sources include another one. Names written into rules are compared one by one. */
function has(sources: readonly NameSource[]): (source: NameSource) => boolean {
  const ids = new Set(sources.map(({ kind, id }) => `${kind} ${id}`))
  let names: Set<string> | undefined
  return source => {
    if (ids.has(`${source.kind} ${source.id}`)) return true
    if (source.kind !== 'inline') return false
    names ??= new Set(sources.filter(({ kind }) => kind === 'inline').flatMap(entriesOf))
    return entriesOf(source).every(entry => names!.has(entry))
  }
}

function entriesOf(source: NameSource): string[] {
  const found: string[] = []
  source.writeTo({
    name: (octets, at, length, cover) => {
      const name = Buffer.from(octets.subarray(at, at + length)).toString('latin1')
      found.push(`${COVER_NAMES[cover]} ${name}`)
    },
    prefix: prefix => void found.push(showPrefix(prefix))
  })
  return found
}

const COVER_NAMES = Object.keys(COVER)
