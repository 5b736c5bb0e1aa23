import type { Seconds } from '../../base/units.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { COVER } from '../../rules/model/types.js'
import { matchedRule, recordsOf, type MatchedRule } from '../evaluate/matched-rule.js'
import { AddressTable } from '../tables/address-table.js'
import { Cells, type Cell } from '../tables/cells.js'
import { coverOf, sourceOf } from '../tables/member-sets.js'
import { NameTable } from '../tables/name-table.js'
import { TIER, type Claim, type Snapshot } from '../tables/snapshot.js'
import { isOpen } from '../tables/timetable.js'

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
export type Fate =
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
  readonly record: number
  /** Label at which the matched suffix begins; 0 for an address. */
  readonly label: number
  readonly fate: Fate
  readonly matched: MatchedRule
}

/** A record that matched; the lower `nth`, the longer the match. */
interface Match {
  readonly record: number
  readonly nth: number
  readonly whole: boolean
  readonly label: number
}

interface Speaker extends Match {
  readonly number: number
  readonly claim: Claim
  readonly cell: Cell
}

/** What is asked about, and when. */
export interface Question {
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
export function explain(
  snapshot: Snapshot,
  name: HashedName,
  question: Question
): readonly Candidate[] {
  const names = new NameTable(snapshot.tables.names)
  const matches: Match[] = []
  for (let label = 0; label < name.labels; label++) {
    const record = names.find(name, label)
    if (record !== 0) matches.push({ record, nth: label, whole: label === 0, label })
  }
  const { labels } = name
  if (names.root !== 0) {
    matches.push({ record: names.root, nth: labels, whole: labels === 0, label: labels })
  }
  return fates(snapshot, matches, question)
}

/** As `explain`, for an address in an answer: `words[at, at + 4)`. */
export function explainAddress(
  snapshot: Snapshot,
  words: Uint32Array,
  at: number,
  question: Question
): readonly Candidate[] {
  const addresses = new AddressTable(snapshot.tables.addresses)
  const records = addresses.recordsIn(addresses.find(words, at))
  const matches = records.map((record, nth) => ({ record, nth, whole: true, label: 0 }))
  return fates(snapshot, matches, question)
}

function fates(snapshot: Snapshot, matches: readonly Match[], question: Question): Candidate[] {
  const group = snapshot.classGroups[question.clientClass]!
  const speakers = matches.flatMap(match => speakersOf(snapshot, match, group)).sort(byPrecedence)
  const inForce = speakers.filter(({ claim }) => outOfPlay(claim, question) === undefined)
  const spoken = inForce.filter(speaker => !isLetPass(speaker, inForce))
  const lifted = new Set(
    spoken.filter(({ claim }) => claim.tier === TIER.lift).map(({ claim }) => claim.source.index)
  )
  const heard = spoken.filter(speaker => !speaker.cell.passes && !isLifted(speaker, lifted))
  const decider = heard.find(({ claim }) => !claim.monitor)
  const first = heard[0]
  return speakers.map(speaker => {
    const { number, record, label, whole, claim, cell } = speaker
    const matched = matchedRule(snapshot, number, record, whole)!
    const fate = (): Fate => {
      if (isLetPass(speaker, inForce)) return 'let pass by its list'
      if (cell.passes) return 'passes'
      if (isLifted(speaker, lifted)) return 'lifted'
      return fateOf(speaker, claim.monitor ? first : decider)
    }
    return { claim: number, record, label, matched, fate: outOfPlay(claim, question) ?? fate() }
  })
}

/** An exception through an app or list takes the bans of that app or list away, no others. */
function isLifted({ claim }: Speaker, lifted: ReadonlySet<number>): boolean {
  return claim.tier === TIER.ban && lifted.has(claim.source.index)
}

/** Whether a list lets a name pass that another part of it means, or means a name above. */
function isLetPass(speaker: Speaker, inForce: readonly Speaker[]): boolean {
  const { kind, id, passes } = speaker.claim.source
  if (passes) return false
  return inForce.some(({ cell, nth, claim: { source } }) => {
    return cell.passes && source.kind === kind && source.id === id && nth <= speaker.nth
  })
}

function outOfPlay(claim: Claim, { now, qtype }: Question): Fate | undefined {
  const { from, until, timetable, qtypes } = claim
  if (now < from) return 'not yet in force'
  if (until <= now) return 'expired'
  if (timetable !== undefined && !isOpen(timetable, now)) return 'outside its hours'
  const isFor = qtypes === undefined || qtypes.types.includes(qtype) !== qtypes.except
  return isFor ? undefined : 'for other types'
}

/** @param winner the one that keeps it from speaking; itself where none does */
function fateOf(speaker: Speaker, winner: Speaker | undefined): Fate {
  const { claim, cell } = speaker
  if (winner === undefined || winner === speaker) return claim.monitor ? 'monitors' : 'decides'
  if (winner.claim.tier < claim.tier) return 'loses to a higher tier'
  const sooner = winner.cell.tier < cell.tier
  if (winner.nth < speaker.nth && !sooner) return 'loses to a longer match'
  return 'loses to an earlier rule'
}

/** Every claim of a group that one record gives rise to, each once. */
function speakersOf(snapshot: Snapshot, match: Match, group: number): Speaker[] {
  const cells = new Cells(snapshot.tables.cells)
  const silent = match.whole ? COVER.below : COVER.exact
  const speakers = new Map<number, Speaker>()
  for (const { member } of recordsOf(snapshot).membersOf(match.record)) {
    if (coverOf(member) === silent) continue
    for (const cell of cells.claimsIn(cells.find(group, sourceOf(member)))) {
      const number = cell.claim
      const claim = snapshot.claims[number]!
      if (!speakers.has(number)) speakers.set(number, { ...match, number, claim, cell })
    }
  }
  return [...speakers.values()]
}

function byPrecedence(a: Speaker, b: Speaker): number {
  return a.cell.tier - b.cell.tier || a.nth - b.nth || a.cell.order - b.cell.order
}
