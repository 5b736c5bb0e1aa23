import type { Seconds } from '../../base/units.js'
import type { Explain } from '../rules/model/user-explanation.js'
import type { ListReply, QtypeSet, Rule } from '../rules/model/types.js'
import type { SourceSummary } from './source-table.js'
import type { Timetable } from './timetable.js'

/** Steps that fit into one tier. */
const STEPS_PER_TIER = 2 ** 20

/**
 * Tiers of precedence between the claims that match one name; the lowest wins. See
 * docs/reference/rules.md. A tier has steps, numbered from the tier's own number: zones (RPZ) are
 * evaluated in order, whichever name is longer, so each zone has a step of its own.
 *
 * - `exception`: an exception for names that it lists itself. Nothing overrides it.
 * - `ban`
 * - `sourceException`: an exception for an app or list. It removes the bans of that app or list
 *   only; if no other ban matches, the name is allowed.
 * - `record`: local records. They take part beside the other tiers: they answer a name whatever the tiers
 *   below decide, and one that an exception has lifted. See `Decision.recordClaim`.
 * - `allow`, `block`
 * - `specialUse`: not a rule but the registry of special-use names (RFC 6761), which applies where
 *   no rule does.
 */
export const TIER = {
  exception: 0,
  ban: STEPS_PER_TIER,
  sourceException: 2 * STEPS_PER_TIER,
  record: 3 * STEPS_PER_TIER,
  allow: 4 * STEPS_PER_TIER,
  block: 5 * STEPS_PER_TIER,
  specialUse: 6 * STEPS_PER_TIER
} as const

/** Behind all tiers: no claim decides. */
export const NO_TIER = 7 * STEPS_PER_TIER

/**
 * One rule applied to one of its name sources, such as "ban federal-phones/tiktok, by app tiktok".
 * A decision points to a claim, which holds everything that the reply and the query log need.
 */
export interface Claim {
  readonly tier: number
  readonly kind: Rule['kind'] | 'local'
  readonly ruleId: string
  /** Where the rule is written: in its own network, or in one which that network extends. */
  readonly ruleFile: string
  readonly ruleLine: number
  readonly source: SourceSummary
  /** The rule is active while `from <= now < until`: epoch seconds; infinite if not set. */
  readonly from: Seconds
  readonly until: Seconds
  /** Weekly hours in which the rule is active. Claims with equal hours share one object. */
  readonly timetable?: Timetable | undefined
  readonly monitor: boolean
  /** What the client receives. Undefined for exceptions, records, allow rules and a list's pass entries. */
  readonly reply: PreparedReply | undefined
  /** Set if the claim applies to some query types only. */
  readonly qtypes: QtypeSet | undefined
  /** Human-readable: the known ones of `FACTS`. */
  readonly facts: Readonly<Record<string, string>>
}

export const FACTS = [
  ...(['authority', 'reference', 'referenceUrl', 'legalBasis'] as const),
  ...(['owner', 'review', 'purpose', 'approvedBy'] as const)
] as const

/** What is known about a rule. */
export type Facts = Readonly<Partial<Record<(typeof FACTS)[number], string | undefined>>>

/** A claim as it is packed: the octets of its reply are made of the rest. */
export type UnpreparedClaim = Omit<Claim, 'reply' | 'facts'> & {
  readonly reply: UnpreparedReply | undefined
  readonly facts: Facts
}
export type UnpreparedReply = Omit<PreparedReply, 'edeOption'>

/** A reply with nothing left to compute on the hot path: all octets are ready to be copied. */
export interface PreparedReply {
  /** For `data` see `Policy.findLocalData`. */
  readonly action: ListReply['action']
  readonly ttl: number
  /** RDATA for A (4 octets) and AAAA (16 octets); undefined: NODATA for that type. */
  readonly ipv4: Uint8Array | undefined
  readonly ipv6: Uint8Array | undefined
  /** CNAME target in wire form. */
  readonly target: Uint8Array | undefined
  readonly ede: number
  /** The whole EDE option (RFC 8914 §2): OPTION-CODE 15, length, INFO-CODE, EXTRA-TEXT. */
  readonly edeOption: Uint8Array
  /** For structured errors: see `StructuredErrors`. Undefined: made of the rule's facts alone. */
  readonly explain?: Explain | undefined
}

/** Whether there are times at which a claim is not active. */
export function isTimed({
  from,
  until,
  timetable
}: Pick<Claim, 'from' | 'until' | 'timetable'>): boolean {
  return from !== -Infinity || until !== Infinity || timetable !== undefined
}

/**
 * In place of a claim: no rule decided, but this source has the name, and its lookups are logged. Undone by
 * `sourceOfClaim`.
 */
export function claimOfSource(source: number): number {
  return -2 - source
}

/** The source behind a number made by `claimOfSource`; -1: it is a claim, or none. */
export function sourceOfClaim(claim: number): number {
  return claim < -1 ? -2 - claim : -1
}
