import { showPrefix } from '../../base/values/address.js'
import type { Octets } from '../../base/units.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { COVER, type CoverCode } from '../rules/model/types.js'
import { allClaims } from '../tables/claim-table.js'
import { sourceOfClaim, type Claim } from '../tables/claim.js'
import { entriesOf } from '../tables/entries.js'
import type { Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import { allSources } from '../tables/source-table.js'

/** Human-readable explanation of a decision: the rule, and the line of its source that matched. */
export interface MatchedRule {
  /** Id of the rule and where it is written; line 0: not a rule but an RFC. */
  readonly rule: string
  readonly file: string
  readonly line: number
  readonly source: { readonly id: string; readonly title: string }
  readonly sourceFile: string
  /** From 1; 0 as for `line`. */
  readonly sourceLine: number
  /** As in rule files: `a.example`, `=a.example`, `*.a.example`, `192.0.2.0/24`. */
  readonly pattern: string
  /** Length of its name in wire form; 0 for a prefix. */
  readonly length: Octets
}

/**
 * The rule behind a decision's claim and entry. Needs the snapshot alone, so any thread can call it.
 *
 * @param claim or a number made by `claimOfSource`: then there is no rule
 * @param isExact whether the evaluated name is that of the entry or one below it, which decides
 *   between the lines if the source has both `=a.example` and `*.a.example`. If not given, the first
 * @returns undefined if the claim and the entry do not belong together
 */
export function matchedRule(
  snapshot: Snapshot,
  claim: number,
  entry: number,
  isExact?: boolean
): MatchedRule | undefined {
  const logged = sourceOfClaim(claim)
  const matched = logged === -1 ? allClaims(snapshot).at(claim) : ofSource(snapshot, logged)
  if (matched === undefined || entry <= 0) return undefined
  const lines = entriesOf(snapshot)
    .sourcesOf(entry)
    .filter(({ ref }) => sourceOf(ref) === matched.source.index)
  const ignored = isExact === true ? COVER.below : COVER.exact
  const covering = lines.find(({ ref }) => coverOf(ref) !== ignored)
  const found = (isExact === undefined ? undefined : covering) ?? lines[0]
  if (found === undefined) return undefined
  const pattern = patternOf(snapshot, entry, coverOf(found.ref))
  const rule = describe(matched, found.line, pattern, lengthOf(snapshot, entry))
  if (matched.kind !== 'local') return rule
  const reference = snapshot.specialUse.find(name => name.entry === entry)?.reference ?? ''
  return { ...rule, file: reference, sourceFile: reference }
}

/** Length of an entry's name; 0 for a prefix. */
function lengthOf(snapshot: Snapshot, entry: number): Octets {
  const content = entriesOf(snapshot).contentOf(entry)
  return 'name' in content ? content.name.length : 0
}

/** Text of an entry as in rule files. */
export function patternOf(snapshot: Snapshot, entry: number, cover: CoverCode): string {
  const content = entriesOf(snapshot).contentOf(entry)
  if ('prefix' in content) return showPrefix(content.prefix)
  const name = showName(content.name)
  if (cover === COVER.below) return `*.${name}`
  return cover === COVER.exact ? `=${showCanonical(name)}` : showCanonical(name)
}

type Matched = Pick<Claim, 'kind' | 'ruleId' | 'ruleFile' | 'ruleLine' | 'source'>

/** No rule decided: see `claimOfSource`. */
function ofSource({ sources }: Snapshot, index: number): Matched | undefined {
  const source = allSources(sources).at(index)
  return source && { kind: 'ban', ruleId: '', ruleFile: '', ruleLine: 0, source }
}

function describe(claim: Matched, line: number, pattern: string, length: Octets): MatchedRule {
  const { id, title, file } = claim.source
  return {
    rule: claim.ruleId,
    file: claim.ruleFile,
    line: claim.ruleLine,
    source: { id, title },
    sourceFile: file,
    sourceLine: line,
    pattern,
    length
  }
}
