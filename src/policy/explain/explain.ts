import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { COVER } from '../../rules/model/types.js'
import { matchedRule, entriesOf, type MatchedRule } from '../evaluate/matched-rule.js'
import { AddressTable } from '../tables/address-table.js'
import { ClaimIndex, type IndexedClaim } from '../tables/claim-index.js'
import { NameTable } from '../tables/name-table.js'
import { TIER, type Claim, type Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import { isActive } from '../tables/timetable.js'

/**
 * What became of a claim that spoke.
 *
 * `decides`                  it is the verdict
 * `monitors`                 monitor mode: it would have been the verdict, and that is recorded
 * `not yet in force`         its `from` is to come
 * `expired`                  its `until` has passed
 * `outside its hours`        its schedule has it in force at other times of the week
 * `for other types`          it is not for the type of the question
 * `lifted`                   an exception takes the bans of its app or list away
 * `passes`                   its list lets the name pass: what else that list says is not heard
 * `let pass by its list`     and this is what is not heard
 * `loses to a higher tier`   one of a tier before its own speaks
 * `loses to a longer match`  in its tier, a longer name or prefix speaks
 * `loses to an earlier rule` in its tier and for this name, a rule before it speaks
 */
export type Outcome =
  | 'decides'
  | 'monitors'
  | 'not yet in force'
  | 'expired'
  | 'outside its hours'
  | 'for other types'
  | 'lifted'
  | 'passes'
  | 'let pass by its list'
  | 'loses to a higher tier'
  | 'loses to a longer match'
  | 'loses to an earlier rule'

/** One claim that speaks of the name or address asked about, whether or not it is heard. */
export interface Candidate {
  readonly claim: number
  readonly entry: number
  /** Label at which the matched suffix begins; 0 for an address. */
  readonly label: number
  readonly outcome: Outcome
  readonly matched: MatchedRule
}

/** A entry that matched; the lower `depth`, the longer the match. */
interface Match {
  readonly entry: number
  readonly depth: number
  readonly whole: boolean
  readonly label: number
}

interface MatchedClaim extends Match {
  readonly number: number
  readonly claim: Claim
  readonly cell: IndexedClaim
}

/** What is asked about, and when. */
export interface ExplainContext {
  readonly clientClass: number
  readonly qtype: number
  readonly now: Seconds
}

/**
 * Everything that speaks of a name for clients of a class, by precedence, read from the same
 * tables that `Policy.judge` reads.
 *
 * @param name hashed with the snapshot's seed
 */
export function explainName(
  snapshot: Snapshot,
  name: HashedName,
  question: ExplainContext
): readonly Candidate[] {
  const names = new NameTable(snapshot.tables.names)
  const matches: Match[] = []
  for (let label = 0; label < name.labels; label++) {
    const entry = names.find(name, label)
    if (entry !== 0) matches.push({ entry, depth: label, whole: label === 0, label })
  }
  const { labels } = name
  if (names.root !== 0) {
    matches.push({ entry: names.root, depth: labels, whole: labels === 0, label: labels })
  }
  return outcomes(snapshot, matches, question)
}

/** As `explain`, for an address in an answer: `words[at, at + 4)`. */
export function explainAddress(
  snapshot: Snapshot,
  words: Uint32Array,
  at: number,
  question: ExplainContext
): readonly Candidate[] {
  const addresses = new AddressTable(snapshot.tables.addresses)
  const entries = addresses.entriesIn(addresses.find(words, at))
  const matches = entries.map((entry, depth) => ({ entry, depth, whole: true, label: 0 }))
  return outcomes(snapshot, matches, question)
}

function outcomes(
  snapshot: Snapshot,
  matches: readonly Match[],
  question: ExplainContext
): Candidate[] {
  const group = snapshot.classGroups[question.clientClass]!
  const speakers = matches
    .flatMap(match => matchedClaims(snapshot, match, group))
    .sort(byPrecedence)
  const inForce = speakers.filter(({ claim }) => inapplicable(claim, question) === undefined)
  const spoken = inForce.filter(speaker => !isExcluded(speaker, inForce))
  const lifted = new Set(
    spoken
      .filter(({ claim }) => claim.tier === TIER.sourceException)
      .map(({ claim }) => claim.source.index)
  )
  const heard = spoken.filter(speaker => !speaker.cell.passes && !isLifted(speaker, lifted))
  const decider = heard.find(({ claim }) => !claim.monitor)
  const first = heard[0]
  return speakers.map(speaker => {
    const { number, entry, label, whole, claim, cell } = speaker
    const matched = matchedRule(snapshot, number, entry, whole)!
    const outcome = (): Outcome => {
      if (isExcluded(speaker, inForce)) return 'let pass by its list'
      if (cell.passes) return 'passes'
      if (isLifted(speaker, lifted)) return 'lifted'
      return lossOf(speaker, claim.monitor ? first : decider)
    }
    return {
      claim: number,
      entry,
      label,
      matched,
      outcome: inapplicable(claim, question) ?? outcome()
    }
  })
}

/** An exception through an app or list takes the bans of that app or list away, no others. */
function isLifted({ claim }: MatchedClaim, lifted: ReadonlySet<number>): boolean {
  return claim.tier === TIER.ban && lifted.has(claim.source.index)
}

/** Whether a list lets a name pass that another part of it means, or means a name above. */
function isExcluded(speaker: MatchedClaim, inForce: readonly MatchedClaim[]): boolean {
  const { kind, id, isPass: passes } = speaker.claim.source
  if (passes) return false
  return inForce.some(({ cell, depth, claim: { source } }) => {
    return cell.passes && source.kind === kind && source.id === id && depth <= speaker.depth
  })
}

function inapplicable(claim: Claim, { now, qtype }: ExplainContext): Outcome | undefined {
  const { from, until, timetable, qtypes } = claim
  if (now < from) return 'not yet in force'
  if (until <= now) return 'expired'
  if (timetable !== undefined && !isActive(timetable, now)) return 'outside its hours'
  const isFor = qtypes === undefined || qtypes.types.includes(qtype) !== qtypes.except
  return isFor ? undefined : 'for other types'
}

/** @param winner the one that keeps it from speaking; itself where none does */
function lossOf(speaker: MatchedClaim, winner: MatchedClaim | undefined): Outcome {
  const { claim, cell } = speaker
  if (winner === undefined || winner === speaker) return claim.monitor ? 'monitors' : 'decides'
  if (winner.claim.tier < claim.tier) return 'loses to a higher tier'
  const sooner = winner.cell.tier < cell.tier
  if (winner.depth < speaker.depth && !sooner) return 'loses to a longer match'
  return 'loses to an earlier rule'
}

/** Every claim of a group that one entry gives rise to, each once. */
function matchedClaims(snapshot: Snapshot, match: Match, group: number): MatchedClaim[] {
  const cells = new ClaimIndex(snapshot.tables.cells)
  const silent = match.whole ? COVER.below : COVER.exact
  const speakers = new Map<number, MatchedClaim>()
  for (const { ref: member } of entriesOf(snapshot).sourcesOf(match.entry)) {
    if (coverOf(member) === silent) continue
    for (const cell of cells.claimsIn(cells.find(group, sourceOf(member)))) {
      const number = cell.claim
      const claim = snapshot.claims[number]!
      if (!speakers.has(number)) speakers.set(number, { ...match, number, claim, cell })
    }
  }
  return [...speakers.values()]
}

function byPrecedence(a: MatchedClaim, b: MatchedClaim): number {
  return a.cell.tier - b.cell.tier || a.depth - b.depth || a.cell.order - b.cell.order
}
