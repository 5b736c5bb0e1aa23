import type { Seconds } from '../../base/units.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import type { Ban, Rule, RuleSet, Term } from '../../policy/rules/model/types.js'
import { buildTimetable, type Timetable } from '../../policy/tables/timetable.js'
import { networksByRule, sourceId } from './coverage.js'

/** A rule by whose order something is not blocked, always or at times. */
export interface LimitFacts extends Term {
  readonly kind: 'exception' | 'monitor' | 'schedule' | 'dnssec'
  /** Its id; of a DNSSEC exception, the name. */
  readonly rule: string
  readonly networks: readonly string[]
  readonly timetable: Timetable | undefined
  /** Who approved an exception, and for what purpose; null: not an exception. */
  readonly by: string | null
  readonly reason: string | null
}

/** A declared scope with the bans of each of its networks. */
export interface ScopeFacts {
  readonly id: string
  /** File and line. */
  readonly at: string
  readonly networks: readonly { readonly id: string; readonly bans: readonly Term[] }[]
  /** Times at which a mandate decides instead, which is compared with the rules by itself. */
  readonly mandated: readonly Term[]
}

/** What the rules order, as far as `rulesEnforcement` needs it. Plain data: it is sent to other threads. */
export interface OrderedFacts {
  readonly limits: readonly LimitFacts[]
  /** Rules beyond `MAX_LIMITS`. */
  readonly more: number
  readonly scopes: readonly ScopeFacts[]
}

export const NOTHING_ORDERED: OrderedFacts = { limits: [], more: 0, scopes: [] }

/** The health is judged every few seconds, and there may be 100,000 exceptions. */
const MAX_LIMITS = 1000

/** @param orders of the mandates in force @param now rules that have ended are left out */
export function orderedFacts(
  rules: Pick<RuleSet, 'networks' | 'scopes' | 'dnssecExceptions'>,
  orders: readonly MandateOrder[],
  now: Seconds
): OrderedFacts {
  const limits: LimitFacts[] = []
  let more = 0
  const timetables = new Map<object, Timetable>()
  for (const [rule, networks] of networksByRule(rules)) {
    const kind = rule.until <= now ? undefined : limitKind(rule)
    if (kind === undefined) continue
    if (limits.length === MAX_LIMITS) more++
    else limits.push(limitFacts(rule, kind, [...networks], timetables))
  }
  for (const exception of unvalidated(rules, now)) {
    if (limits.length === MAX_LIMITS) more++
    else limits.push(exception)
  }
  return { limits, more, scopes: scopeFacts(rules, orders) }
}

/** Names that are not validated, where networks validate. */
function unvalidated(
  { networks, dnssecExceptions = [] }: Pick<RuleSet, 'networks' | 'dnssecExceptions'>,
  now: Seconds
): LimitFacts[] {
  const validating = networks.filter(({ dnssec = 'off' }) => dnssec === 'enforce')
  if (validating.length === 0) return []
  const ids = validating.map(({ id }) => id)
  return dnssecExceptions
    .filter(({ until }) => now < until)
    .map(({ text, from, until, approvedBy, purpose }) => {
      const why = { by: approvedBy, reason: purpose }
      return {
        kind: 'dnssec',
        rule: text,
        networks: ids,
        from,
        until,
        timetable: undefined,
        ...why
      }
    })
}

function limitKind(rule: Rule): LimitFacts['kind'] | undefined {
  if (rule.kind === 'exception') return 'exception'
  if (rule.kind !== 'ban' && rule.kind !== 'block') return undefined
  if (rule.mode === 'monitor') return 'monitor'
  return rule.schedule === undefined ? undefined : 'schedule'
}

function limitFacts(
  rule: Rule,
  kind: LimitFacts['kind'],
  networks: readonly string[],
  timetables: Map<object, Timetable>
): LimitFacts {
  const { id, from, until, schedule } = rule
  const timetable = schedule && (timetables.get(schedule) ?? buildTimetable(schedule))
  if (schedule && timetable) timetables.set(schedule, timetable)
  const why =
    rule.kind === 'exception'
      ? { by: rule.approvedBy, reason: rule.purpose }
      : { by: null, reason: null }
  return { kind, rule: id, networks, from, until, timetable, ...why }
}

function scopeFacts(
  { networks, scopes = [] }: Pick<RuleSet, 'networks' | 'scopes'>,
  orders: readonly MandateOrder[]
): ScopeFacts[] {
  const byId = new Map(networks.map(({ id, rules }) => [id, rules]))
  return scopes.map(({ id, networks: meant, position }) => {
    const isOf = (rule: Rule): rule is Ban =>
      rule.kind === 'ban' && rule.sources.some(source => sourceId(source) === id)
    const termsOf = (rules: readonly Rule[]): Term[] =>
      rules.filter(isOf).map(({ from, until }) => ({ from, until }))
    return {
      id,
      at: `${position.file}:${position.line}`,
      networks: meant.map(network => ({ id: network, bans: termsOf(byId.get(network) ?? []) })),
      mandated: orders
        .filter(({ apps }) => apps.includes(id))
        .map(({ from, until }) => ({ from, until }))
    }
  })
}
