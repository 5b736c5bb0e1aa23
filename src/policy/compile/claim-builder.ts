import { BAN_EDE } from '../../wire/dns/registry/ede.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { Ban, Block, ListPart, NameSource, QtypeSet, Rule } from '../rules/model/types.js'
import { showInstant } from '../../base/time/instant.js'
import {
  CLAIM_MONITOR,
  CLAIM_RECORD,
  CLAIM_TIMED,
  CLAIM_TYPED,
  CLAIM_UDP_ONLY,
  type IndexedClaim
} from '../tables/claim-index.js'
import type { Phase } from './claim-order.js'
import { ClaimPacker, type PackedClaims } from '../tables/claim-table.js'
import { isTimed, TIER } from '../tables/claim.js'
import type { Facts, UnpreparedClaim, UnpreparedReply } from '../tables/claim.js'
import type { SourceSummary } from '../tables/source-table.js'
import { buildTimetable, type Timetable } from '../tables/timetable.js'

/** A claim by its number, with what the index holds of it. */
export type BuiltClaim = Pick<IndexedClaim, 'claim' | 'flags' | 'tier'>

/** Builds claims, each once. */
export class ClaimBuilder {
  private readonly packer = new ClaimPacker()
  /** The claims of each rule, by source. */
  private readonly built = new Map<Rule, BuiltClaim[]>()
  private readonly timetables = new Map<string, Timetable>()

  /** The claim of a rule on its source number `nth`, whose summary is `summary`. */
  claimOf(rule: Rule, nth: number, summary: SourceSummary, phase?: Phase): BuiltClaim {
    let claims = this.built.get(rule)
    if (claims === undefined) this.built.set(rule, (claims = []))
    const isFirst = claims.length === 0
    const at = phase === 'after' ? nth + rule.sources.length : nth
    return (claims[at] ??= this.add(this.build(rule, rule.sources[nth]!, summary, phase), isFirst))
  }

  /** @param isFirst of its rule */
  add(claim: UnpreparedClaim, isFirst = true): BuiltClaim {
    return { claim: this.packer.add(claim, isFirst), flags: flagsOf(claim), tier: claim.tier }
  }

  finish(): PackedClaims {
    return this.packer.finish()
  }

  private build(
    rule: Rule,
    { part, monitoredUntil = -Infinity }: NameSource,
    source: SourceSummary,
    phase?: Phase
  ): UnpreparedClaim {
    const isPass = part?.effect === 'pass'
    const hasReply = blocks(rule) && !isPass && part?.effect !== 'encloser'
    return {
      tier: tierOf(rule, source),
      kind: rule.kind,
      ruleId: rule.id,
      ruleFile: rule.position.file,
      ruleLine: rule.position.line,
      source,
      from: phase === 'after' ? Math.max(rule.from, monitoredUntil) : rule.from,
      until: phase === 'before' ? Math.min(rule.until, monitoredUntil) : rule.until,
      timetable: this.timetable(rule),
      monitor: hasReply && (rule.mode === 'monitor' || phase === 'before'),
      reply: hasReply ? replyOf(rule, part) : undefined,
      qtypes: part?.qtypes && withAny(part.qtypes, isPass),
      facts: factsOf(rule)
    }
  }

  private timetable({ schedule }: Rule): Timetable | undefined {
    if (schedule === undefined) return undefined
    const { text } = schedule
    const timetable = this.timetables.get(text) ?? buildTimetable(schedule)
    this.timetables.set(text, timetable)
    return timetable
  }
}

function flagsOf(claim: UnpreparedClaim): number {
  return (
    (isTimed(claim) ? CLAIM_TIMED : 0) |
    (claim.monitor ? CLAIM_MONITOR : 0) |
    (claim.kind === 'record' ? CLAIM_RECORD : 0) |
    (claim.qtypes === undefined ? 0 : CLAIM_TYPED) |
    (claim.reply?.action === 'truncate' ? CLAIM_UDP_ONLY : 0)
  )
}

/**
 * Whether a claim only excludes the names of a list part from what else that list contains. A pass
 * entry of a zone in an enforced block rule decides instead, as an allow rule would.
 */
export function removesOwnList(rule: Rule, { part }: NameSource): boolean {
  if (part?.effect === 'encloser') return true
  if (part?.effect !== 'pass') return false
  return part.triggerRank === undefined || rule.kind !== 'block' || rule.mode === 'monitor'
}

/**
 * A part for some query types answers NODATA instead of NXDOMAIN: where other types of the name
 * exist, so does the name. RFC 8020 §2.
 */
function replyOf({ reply }: Ban | Block, part: ListPart | undefined): UnpreparedReply {
  const own = typeof part?.effect === 'object' && reply.overrides !== true ? part.effect : undefined
  const { action, sinkhole, target } = own ?? reply
  const isNull = action === 'null-address'
  return {
    action: part?.qtypes !== undefined && action === 'nxdomain' ? 'nodata' : action,
    ttl: reply.ttl,
    ipv4: isNull ? new Uint8Array(4) : sinkhole?.ipv4?.slice(12),
    ipv6: isNull ? new Uint8Array(16) : sinkhole?.ipv6,
    target,
    ede: BAN_EDE[reply.ede],
    explain: reply.explain
  }
}

/** ANY asks for the blocked types as well, so passing ANY would reveal them. */
function withAny({ types, except }: QtypeSet, isPass: boolean): QtypeSet {
  const others = types.filter(type => type !== RRTYPE.ANY)
  return { types: isPass === except ? [...others, RRTYPE.ANY] : others, except }
}

function tierOf(rule: Rule, { kind }: SourceSummary): number {
  return rule.kind === 'exception' && kind !== 'inline' ? TIER.sourceException : TIER[rule.kind]
}

function blocks(rule: Rule): rule is Ban | Block {
  return rule.kind === 'ban' || rule.kind === 'block'
}

function factsOf(rule: Rule): Facts {
  if (rule.kind === 'ban') {
    const { authority, reference, referenceUrl, legalBasis, owner, review } = rule
    const day = review === undefined ? undefined : showInstant(review, 'UTC')
    return { authority, reference, referenceUrl, legalBasis, owner, review: day }
  }
  if (rule.kind === 'exception') {
    const { purpose, approvedBy, reference, referenceUrl } = rule
    return { purpose, approvedBy, reference, referenceUrl }
  }
  return {}
}
