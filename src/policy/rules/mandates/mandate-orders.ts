import { showPattern } from '../model/pattern.js'
import { isPassPart, type Rule, type RuleSet, type Term } from '../model/types.js'
import type { Mandate, MandatedBan } from './mandate.js'
import { mandatedNames, type MandatedNames } from './mandated-names.js'
import { ScopeResolver } from './scope.js'
import { Targets, type Target } from './targets.js'

/** One order of a mandate, and the rules that it concerns. Plain data: it is sent to other threads. */
export interface MandateOrder extends MandatedNames {
  readonly authority: string
  readonly reference: string
  /** In `file`. */
  readonly line: number
  /** Names that it does not cover, as patterns. */
  readonly except: readonly string[]
  readonly allowsExceptions: boolean
  /** Bans and exceptions for some of its names, clients and times: `networks.yaml:12` each. */
  readonly rules: readonly string[]
}

/** The orders of mandates under some rules. */
export function mandateOrders(mandates: readonly Mandate[], rules: RuleSet): MandateOrder[] {
  if (mandates.length === 0) return []
  const named = mandatedNames(mandates, rules)
  const targets = new Targets(rules)
  const bans = mandates.flatMap(mandate =>
    mandate.bans.map(ban => ({ mandate, ban, targets: targets.of(ban, {}) }))
  )
  const scopes = new ScopeResolver(rules.networks)
  return bans.map(({ mandate: { authority, reference }, ban, targets: own }, i) => {
    const { position, except, allowsExceptions } = ban
    return {
      ...named[i]!,
      ...{ authority, reference, line: position.line, allowsExceptions },
      except: except.map(showPattern),
      rules: concerned(ban, own, targets, scopes)
    }
  })
}

function concerned(
  ban: MandatedBan,
  own: readonly Target[],
  targets: Targets,
  scopes: ScopeResolver
): string[] {
  const patterns = new Set(own.flatMap(one => one.patterns))
  const apps = new Set(own.flatMap(({ app }) => app ?? []))
  const isMeant = (rule: Rule): boolean =>
    (rule.kind === 'ban' || rule.kind === 'exception') &&
    overlap(rule, ban) &&
    rule.sources.some(
      source =>
        !isPassPart(source) &&
        (apps.has(source) ||
          [...targets.relations.of(source).touches.keys()].some(n => patterns.has(n)))
    )
  const networks = new Set(scopes.resolve(ban, {}).flatMap(({ network }) => network ?? []))
  const found = [...networks].flatMap(network => network.rules.filter(isMeant))
  return [...new Set(found.map(({ position: { file, line } }) => `${file}:${line}`))]
}

const overlap = (one: Term, other: Term): boolean =>
  one.from < other.until && other.from < one.until
