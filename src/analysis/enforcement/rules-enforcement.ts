import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { Term } from '../../policy/rules/model/types.js'
import type { Pause } from '../../policy/tables/snapshot.js'
import { isActive } from '../../policy/tables/timetable.js'
import type { LimitFacts, OrderedFacts, ScopeFacts } from './ordered-facts.js'

/** Something that is not enforced now. Its JSON form is public, see docs/reference/admin-socket.md. */
export interface Deviation {
  readonly kind:
    ('pause' | 'scope' | 'rules' | 'mandate' | 'list' | 'probe' | 'upstream') | LimitFacts['kind']
  /** Id of a rule, an app, a list or an upstream; null: the gateway. */
  readonly subject: string | null
  /** Empty: all, or not known. */
  readonly networks: readonly string[]
  /** Who has decided it, and why; null: nobody. */
  readonly by: string | null
  readonly reason: string | null
  /** RFC 3339; null: no end, or not known. */
  readonly until: string | null
  /** What is not enforced, in plain text. */
  readonly message: string
}

/** A deviation from what was ordered, and the problem of health that reports it. */
export interface Failing<
  Code extends string = 'BLOCK_PAUSED' | 'SCOPE_UNCOVERED'
> extends Deviation {
  readonly code: Code
}

/** What is not enforced now. Nothing in `against`: everything that was ordered is enforced. */
export interface Enforcement<Code extends string = 'BLOCK_PAUSED' | 'SCOPE_UNCOVERED'> {
  /** Not enforced against orders: someone or something has to put it right. */
  readonly against: readonly Failing<Code>[]
  /** Not enforced by order: approved exceptions, monitor mode, and rules outside their hours. */
  readonly byOrder: readonly Deviation[]
  /** The number of `byOrder` that are left out. */
  readonly more: number
}

/** Most deviations of a kind that are listed. */
const MAX_LISTED = 100

/** What the rules, and pauses of them, leave open at a time. */
export function rulesEnforcement(
  { limits, more, scopes }: OrderedFacts,
  pauses: readonly Pause[],
  at: Seconds
): Enforcement {
  const byOrder = limits.filter(limit => applies(limit, at)).map(limitDeviation)
  return {
    against: [
      ...pauses.filter(({ until }) => at < until).map(pauseDeviation),
      ...scopes.flatMap(scope => scopeDeviation(scope, at))
    ].slice(0, MAX_LISTED),
    byOrder: byOrder.slice(0, MAX_LISTED),
    more: more + Math.max(0, byOrder.length - MAX_LISTED)
  }
}

const isWithin = ({ from, until }: Term, at: Seconds): boolean => from <= at && at < until

/** A schedule limits enforcement outside its hours, everything else within them. */
function applies(limit: LimitFacts, at: Seconds): boolean {
  const { kind, timetable } = limit
  if (!isWithin(limit, at)) return false
  const isInHours = timetable === undefined || isActive(timetable, at)
  return kind === 'schedule' ? !isInHours : isInHours
}

const shown = (at: Seconds): string | null =>
  Number.isFinite(at) ? new Date(at * MS_PER_SECOND).toISOString() : null

function limitDeviation({ kind, rule, networks, until, timetable, by, reason }: LimitFacts) {
  const what = {
    exception: `exception ${rule}: ${reason}, approved by ${by}`,
    monitor: `${rule} is monitored, not enforced`,
    schedule: `${rule} is outside its hours: ${timetable?.text}`,
    dnssec: `${rule} is not validated by DNSSEC: ${reason}, approved by ${by}`
  }
  return { kind, subject: rule, networks, by, reason, until: shown(until), message: what[kind] }
}

function pauseDeviation({ rule, until, by, reason }: Pause): Failing {
  const who = by === undefined ? '' : ` by ${by}: ${reason}`
  const message = `${rule} is paused until ${shown(until)}${who}`
  const what = { kind: 'pause', code: 'BLOCK_PAUSED', subject: rule, networks: [] } as const
  return { ...what, by: by ?? null, reason: reason ?? null, until: shown(until), message }
}

function scopeDeviation({ id, at: place, networks, mandated }: ScopeFacts, at: Seconds): Failing[] {
  if (mandated.some(term => isWithin(term, at))) return []
  const open = networks.filter(({ bans }) => !bans.some(ban => isWithin(ban, at)))
  if (open.length === 0) return []
  const ids = open.map(one => one.id)
  const message = `${id} is not banned in ${ids.join(', ')}, where ${place} declares that it is`
  const what = { kind: 'scope', code: 'SCOPE_UNCOVERED', subject: id, networks: ids } as const
  return [{ ...what, by: null, reason: null, until: null, message }]
}
