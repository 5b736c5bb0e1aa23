import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { COVER } from '../rules/model/types.js'
import { matchedRule, type MatchedRule } from '../evaluate/matched-rule.js'
import { AddressTable } from '../tables/address-table.js'
import { CLAIM_PASS, CLAIM_TCP_ONLY, ClaimIndex, type IndexedClaim } from '../tables/claim-index.js'
import { allClaims } from '../tables/claim-table.js'
import { TIER, type Claim } from '../tables/claim.js'
import { entriesOf } from '../tables/entries.js'
import { NameTable } from '../tables/name-table.js'
import type { Snapshot } from '../tables/snapshot.js'
import { RecordTable } from '../tables/record-table.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import { isActive } from '../tables/timetable.js'

/**
 * What became of a claim that matches.
 *
 * - `decides`: it is the decision
 * - `answers`: local records, whose answer clients receive
 * - `monitors`: in monitor mode; it would be the decision if it were enforced, and is recorded
 * - `not yet in force`: its `from` is in the future
 * - `expired`: its `until` has passed
 * - `outside its hours`: its schedule makes it active at other times of the week
 * - `for other types`: it does not apply to the type of the query
 * - `lifted`: an exception removes the bans of its app or list
 * - `passes`: a pass entry, by which a list excludes the name from what else it contains
 * - `excluded by its list`: a pass entry of the same list excludes this one
 * - `behind an encloser`: a wildcard of a zone that has a name in between. RFC 4592 §3.3.1
 * - `loses to a higher tier`: a claim of a tier with precedence matches
 * - `loses to a longer match`: a claim of the same tier matches a longer name or prefix
 * - `loses to an earlier rule`: a claim of the same tier matches the same name and comes earlier
 * - `loses to the other network`: of the two networks of a recognized client, the other one is stricter
 * - `lifts no bans of the other network`: an exception of the network of its address
 */
export type CandidateOutcome =
  | 'decides'
  | 'answers'
  | 'monitors'
  | 'not yet in force'
  | 'expired'
  | 'outside its hours'
  | 'for other types'
  | 'lifted'
  | 'passes'
  | 'excluded by its list'
  | 'behind an encloser'
  | 'loses to a higher tier'
  | 'loses to a longer match'
  | 'loses to an earlier rule'
  | 'loses to the other network'
  | 'lifts no bans of the other network'

/** A claim that matches the name or address, whether or not it has an effect. */
export interface Candidate {
  readonly claim: number
  readonly entry: number
  /** Label at which the matched suffix begins; 0 for an address. */
  readonly label: number
  readonly outcome: CandidateOutcome
  readonly matched: MatchedRule
}

/** An entry that matches; the lower `depth`, the longer the match. */
interface Match {
  readonly entry: number
  readonly depth: number
  readonly isExact: boolean
  readonly label: number
}

interface MatchedClaim extends Match {
  readonly number: number
  readonly claim: Claim
  readonly indexed: IndexedClaim
}

/** Who queries for which type, and when. */
export interface ExplainContext {
  readonly clientClass: number
  readonly qtype: number
  readonly now: Seconds
}

/**
 * All claims that match a name for clients of a class, by precedence, read from the same tables as
 * `Policy.evaluateName` reads.
 *
 * @param name hashed with the snapshot's seed
 */
export function explainName(
  snapshot: Snapshot,
  name: HashedName,
  context: ExplainContext
): readonly Candidate[] {
  const names = new NameTable(snapshot.names)
  const matches: Match[] = []
  for (let label = 0; label < name.labels; label++) {
    const entry = names.find(name, label)
    if (entry !== 0) matches.push({ entry, depth: label, isExact: label === 0, label })
  }
  const { labels } = name
  if (names.root !== 0) {
    matches.push({ entry: names.root, depth: labels, isExact: labels === 0, label: labels })
  }
  return candidates(snapshot, matches, context)
}

/** As `explainName`, for an address in an answer: `words[at, at + 4)`. */
export function explainAddress(
  snapshot: Snapshot,
  words: Uint32Array,
  at: number,
  context: ExplainContext
): readonly Candidate[] {
  const addresses = new AddressTable(snapshot.addresses)
  const entries = addresses.entriesIn(addresses.find(words, at))
  const matches = entries.map((entry, depth) => ({ entry, depth, isExact: true, label: 0 }))
  return candidates(snapshot, matches, context)
}

function candidates(
  snapshot: Snapshot,
  matches: readonly Match[],
  context: ExplainContext
): Candidate[] {
  const group = snapshot.clients.groupOf[context.clientClass]!
  const all = matches.flatMap(match => matchedClaims(snapshot, match, group)).sort(byPrecedence)
  const applicable = all.filter(({ claim }) => whyInapplicable(claim, context) === undefined)
  const included = applicable.filter(
    match => !isExcluded(match, applicable) && !isBehindEncloser(match, applicable)
  )
  const exceptions = included.filter(({ claim }) => claim.tier === TIER.sourceException)
  const lifted = new Set(exceptions.map(({ claim }) => claim.source.index))
  const effective = included.filter(match => !isPass(match) && !isLifted(match, lifted))
  // Records answer beside the other claims: an exception decides that no ban does.
  const ruling = effective.filter(({ claim }) => claim.kind !== 'record')
  const decider = ruling.find(({ claim }) => !claim.monitor)
  const first = ruling[0]
  const record = effective.find(({ claim }) => claim.kind === 'record')
  const isBanned = decider?.claim.tier === TIER.ban
  const outcomeOf = (match: MatchedClaim): CandidateOutcome => {
    if (isBehindEncloser(match, applicable)) return 'behind an encloser'
    if (isExcluded(match, applicable)) return 'excluded by its list'
    if (isPass(match)) return 'passes'
    if (isLifted(match, lifted)) return 'lifted'
    if (match.claim.kind === 'record') return outcomeOfRecord(match, record!, isBanned)
    if (record !== undefined && match.claim.tier > TIER.record) return 'loses to a higher tier'
    return outcomeAgainst(match, match.claim.monitor ? first : decider)
  }
  const shown = all.filter(({ claim }) => !claim.source.isEncloser)
  return shown.map(match => {
    const { number, entry, label, isExact, claim } = match
    const matched = matchedRule(snapshot, number, entry, isExact)!
    const outcome = whyInapplicable(claim, context) ?? outcomeOf(match)
    return { claim: number, entry, label, matched, outcome }
  })
}

function isPass({ indexed }: MatchedClaim): boolean {
  return (indexed.flags & CLAIM_PASS) !== 0
}

/** An exception for an app or list removes the bans of that app or list, and no others. */
function isLifted({ claim }: MatchedClaim, lifted: ReadonlySet<number>): boolean {
  return claim.tier === TIER.ban && lifted.has(claim.source.index)
}

/** Whether a pass entry of the same list, for this name or one below it, excludes this claim. */
function isExcluded(match: MatchedClaim, applicable: readonly MatchedClaim[]): boolean {
  const { kind, id, isPass: isOwnPass } = match.claim.source
  if (isOwnPass) return false
  return applicable.some(other => {
    const { source } = other.claim
    return (
      isPass(other) &&
      !source.isEncloser &&
      source.kind === kind &&
      source.id === id &&
      other.depth <= match.depth &&
      !isBehindEncloser(other, applicable)
    )
  })
}

/** Whether the zone of this claim has an encloser between its name and the evaluated one. */
function isBehindEncloser(match: MatchedClaim, applicable: readonly MatchedClaim[]): boolean {
  const { kind, id, triggerRank } = match.claim.source
  return applicable.some(
    ({ claim: { source }, depth }) =>
      source.isEncloser &&
      source.kind === kind &&
      source.id === id &&
      source.triggerRank === triggerRank &&
      depth < match.depth
  )
}

function whyInapplicable(
  claim: Claim,
  { now, qtype }: ExplainContext
): CandidateOutcome | undefined {
  const { from, until, timetable, qtypes } = claim
  if (now < from) return 'not yet in force'
  if (until <= now) return 'expired'
  if (timetable !== undefined && !isActive(timetable, now)) return 'outside its hours'
  const isFor = qtypes === undefined || qtypes.types.includes(qtype) !== qtypes.except
  return isFor ? undefined : 'for other types'
}

/** @param first the records with the longest match */
function outcomeOfRecord(
  match: MatchedClaim,
  first: MatchedClaim,
  isBanned: boolean
): CandidateOutcome {
  if (isBanned) return 'loses to a higher tier'
  if (match === first) return 'answers'
  return first.depth < match.depth ? 'loses to a longer match' : 'loses to an earlier rule'
}

/** @param winner the claim with precedence over this one; this one itself if there is none */
function outcomeAgainst(match: MatchedClaim, winner: MatchedClaim | undefined): CandidateOutcome {
  const { claim, indexed } = match
  if (winner === undefined || winner === match) return claim.monitor ? 'monitors' : 'decides'
  if (winner.claim.tier < claim.tier) return 'loses to a higher tier'
  const isEarlierStep = winner.indexed.tier < indexed.tier
  if (winner.depth < match.depth && !isEarlierStep) return 'loses to a longer match'
  return 'loses to an earlier rule'
}

/** Every claim of a group for one entry, each once, without those over TCP only. */
function matchedClaims(snapshot: Snapshot, match: Match, group: number): MatchedClaim[] {
  const index = new ClaimIndex(snapshot.claims.index)
  const ignored = match.isExact ? COVER.below : COVER.exact
  const found = new Map<number, MatchedClaim>()
  for (const { ref } of entriesOf(snapshot).sourcesOf(match.entry)) {
    if (coverOf(ref) === ignored) continue
    for (const indexed of index.claimsOf(group, sourceOf(ref))) {
      if ((indexed.flags & CLAIM_TCP_ONLY) !== 0) continue
      const number = indexed.claim
      const claim = allClaims(snapshot).at(number)!
      if (!found.has(number)) found.set(number, { ...match, number, claim, indexed })
    }
  }
  return [...found.values()].filter(({ claim }) => !leavesToUpstream(snapshot, match, claim))
}

/** Whether these are local records that only end the search for a wildcard. */
function leavesToUpstream(snapshot: Snapshot, { entry, isExact }: Match, claim: Claim): boolean {
  if (claim.kind !== 'record') return false
  const records = new RecordTable(snapshot.sources)
  records.find(claim.source.index, entry, isExact)
  return records.isPass
}

function byPrecedence(a: MatchedClaim, b: MatchedClaim): number {
  return a.indexed.tier - b.indexed.tier || a.depth - b.depth || a.indexed.order - b.indexed.order
}
