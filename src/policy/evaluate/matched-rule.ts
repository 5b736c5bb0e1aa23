import { showPrefix } from '../../base/address.js'
import type { Octets } from '../../base/units.js'
import { showCanonical, showName } from '../../dns/name/name.js'
import { COVER } from '../../rules/model/types.js'
import { Entries } from '../tables/entries.js'
import type { Claim, Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'

/** What a verdict rests on, for people: the rule, and the line of its source that matched. */
export interface MatchedRule {
  /** Id of the rule and where it is written; line 0: it is no rule, but an RFC. */
  readonly rule: string
  readonly file: string
  readonly line: number
  readonly source: { readonly id: string; readonly title: string }
  readonly sourceFile: string
  /** From 1; 0: as `line`. */
  readonly sourceLine: number
  /** As rule files have it: `a.example`, `=a.example`, `*.a.example`, `192.0.2.0/24`. */
  readonly pattern: string
  /** Octets of its name in wire form; 0: it is a prefix. */
  readonly length: Octets
}

/** Views of snapshots' shared memory, made once in a thread. */
const readers = new WeakMap<Snapshot, Entries>()

export function entriesOf(snapshot: Snapshot): Entries {
  const known = readers.get(snapshot)
  if (known !== undefined) return known
  const made = new Entries(snapshot.tables.names.records)
  readers.set(snapshot, made)
  return made
}

/**
 * The rule behind a verdict's claim and record; needs the snapshot alone, so any thread can tell.
 * Undefined where the two do not belong together.
 *
 * @param whole whether the name judged was the very one of the record, or one below: which line to
 *   tell where the source has both `=a.example` and `*.a.example`. Not given: the first
 */
export function matchedRule(
  snapshot: Snapshot,
  claim: number,
  record: number,
  whole?: boolean
): MatchedRule | undefined {
  const spoke = snapshot.claims[claim]
  if (spoke === undefined || record <= 0) return undefined
  const members = entriesOf(snapshot)
    .sourcesOf(record)
    .filter(({ ref: member }) => sourceOf(member) === spoke.source.index)
  const silent = whole === true ? COVER.below : COVER.exact
  const heard = members.find(({ ref: member }) => coverOf(member) !== silent)
  const found = (whole === undefined ? undefined : heard) ?? members[0]
  if (found === undefined) return undefined
  if (spoke.kind === 'local') return describeLocal(snapshot, spoke, record, coverOf(found.ref))
  const pattern = patternOf(snapshot, record, coverOf(found.ref))
  return describe(spoke, found.line, pattern, lengthOf(snapshot, record))
}

/** Octets of a record's name; 0 of a prefix. */
function lengthOf(snapshot: Snapshot, record: number): Octets {
  const content = entriesOf(snapshot).contentOf(record)
  return 'name' in content ? content.name.length : 0
}

/** Text of a record as rule files have it. */
export function patternOf(snapshot: Snapshot, record: number, cover: number): string {
  const content = entriesOf(snapshot).contentOf(record)
  if ('prefix' in content) return showPrefix(content.prefix)
  const name = showName(content.name)
  if (cover === COVER.below) return `*.${name}`
  return cover === COVER.exact ? `=${showCanonical(name)}` : showCanonical(name)
}

function describeLocal(
  snapshot: Snapshot,
  claim: Claim,
  record: number,
  cover: number
): MatchedRule {
  const reference = snapshot.locals.find(local => local.entry === record)?.reference ?? ''
  const pattern = patternOf(snapshot, record, cover)
  const matched = describe(claim, 0, pattern, lengthOf(snapshot, record))
  return { ...matched, file: reference, sourceFile: reference }
}

function describe(claim: Claim, line: number, pattern: string, length: Octets): MatchedRule {
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
