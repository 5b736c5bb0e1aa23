import type { Octets } from '../../base/units.js'
import { encodeEde } from '../../dns/edns/ede-option.js'
import { BAN_EDE } from '../../dns/registry/ede.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import type {
  Ban,
  Block,
  ListPart,
  ListReply,
  NameSource,
  QtypeSet,
  Reply,
  Rule
} from '../../rules/model/types.js'
import { defined } from '../../rules/networks/reply.js'
import { showInstant } from '../../rules/time/instant.js'
import { TIER, type Claim, type PreparedReply } from '../tables/claim.js'
import type { SourceSummary } from '../tables/source-table.js'
import { buildTimetable, type Timetable } from '../tables/timetable.js'

/**
 * Builds claims, each once. Equal replies and facts share one object: 220,000 claims with objects of their own take
 * nine times as long to encode and to decode.
 */
export class ClaimBuilder {
  readonly claims: Claim[] = []
  /** Numbers of claims, by source and by the id of the rule. */
  private readonly numbers: Map<string, number>[] = []
  /** By the id of the rule, of which these names are the only ones that are written in it. */
  private readonly inlineNumbers = new Map<string, number>()
  /** By the reply as it was written, and by the text for people. */
  private readonly replies = new Map<string, Map<string, PreparedReply>>()
  private readonly replyKeys = new WeakMap<FullReply, string>()
  private readonly facts = new Map<string, Claim['facts']>()
  private readonly edeOptions = new OctetSlabs()
  private readonly qtypes = new Map<string, QtypeSet>()
  private readonly timetables = new Map<string, Timetable>()

  /** Number of the claim of a rule on one of its sources, whose summary is `summary`. */
  numberOf(rule: Rule, source: NameSource, summary: SourceSummary): number {
    const isInline = summary.kind === 'inline'
    const numbers = isInline ? this.inlineNumbers : (this.numbers[summary.index] ??= new Map())
    const known = numbers.get(rule.id)
    if (known !== undefined) return known
    const number = this.claims.push(this.build(rule, source, summary)) - 1
    numbers.set(rule.id, number)
    return number
  }

  private build(rule: Rule, { part }: NameSource, source: SourceSummary): Claim {
    const isPass = part?.effect === 'pass'
    const hasReply = blocks(rule) && !isPass && part?.effect !== 'encloser'
    return {
      tier: tierOf(rule, source),
      kind: rule.kind,
      ruleId: rule.id,
      ruleFile: rule.position.file,
      ruleLine: rule.position.line,
      source,
      from: rule.from,
      until: rule.until,
      timetable: this.timetable(rule),
      monitor: hasReply && rule.mode === 'monitor',
      reply: hasReply ? this.reply(replyOf(rule, part), extraText(rule, source.title)) : undefined,
      qtypes: part?.qtypes && interned(this.qtypes, withAny(part.qtypes, isPass)),
      facts: interned(this.facts, factsOf(rule))
    }
  }

  private reply(reply: FullReply, text: string): PreparedReply {
    let key = this.replyKeys.get(reply)
    if (key === undefined) {
      key = JSON.stringify(reply)
      this.replyKeys.set(reply, key)
    }
    const replies = this.replies.get(key) ?? new Map<string, PreparedReply>()
    this.replies.set(key, replies)
    let prepared = replies.get(text)
    if (prepared === undefined) {
      const ede = BAN_EDE[reply.ede]
      prepared = prepare(reply, ede, this.edeOptions.copy(encodeEde(ede, text)))
      replies.set(text, prepared)
    }
    return prepared
  }

  private timetable({ schedule }: Rule): Timetable | undefined {
    if (schedule === undefined) return undefined
    const { text } = schedule
    const timetable = this.timetables.get(text) ?? buildTimetable(schedule)
    this.timetables.set(text, timetable)
    return timetable
  }
}

/** The reply that a client receives, from the rule and the list together. */
type FullReply = ListReply & Pick<Reply, 'ede' | 'ttl' | 'explain'>

/**
 * Whether a claim only excludes the names of a list part from what else that list contains. A pass
 * entry of a zone in an enforced block rule decides instead, as an allow rule would.
 */
export function removesOwnList(rule: Rule, { part }: NameSource): boolean {
  if (part?.effect === 'encloser') return true
  if (part?.effect !== 'pass') return false
  return part.stage === undefined || rule.kind !== 'block' || rule.mode === 'monitor'
}

/**
 * A part for some query types answers NODATA instead of NXDOMAIN: where other types of the name
 * exist, so does the name. RFC 8020 §2.
 */
function replyOf({ reply }: Ban | Block, part: ListPart | undefined): FullReply {
  const own = typeof part?.effect === 'object' && reply.overrides !== true ? part.effect : undefined
  const { ede, ttl, explain } = reply
  const full: FullReply = own === undefined ? reply : { ...own, ede, ttl, explain }
  const isNarrow = part?.qtypes !== undefined && full.action === 'nxdomain'
  return isNarrow ? { ...full, action: 'nodata' } : full
}

/** ANY asks for the blocked types as well, so passing ANY would reveal them. */
function withAny({ types, except }: QtypeSet, isPass: boolean): QtypeSet {
  const others = types.filter(type => type !== RRTYPE.ANY)
  return { types: isPass === except ? [...others, RRTYPE.ANY] : others, except }
}

function tierOf(rule: Rule, { kind }: SourceSummary): number {
  return rule.kind === 'exception' && kind !== 'inline' ? TIER.sourceException : TIER[rule.kind]
}

/** The first value with the same content. */
function interned<T>(known: Map<string, T>, value: T): T {
  const key = JSON.stringify(value)
  const equal = known.get(key)
  if (equal === undefined) known.set(key, value)
  return equal ?? value
}

const SLAB: Octets = 16_384

/** Copies of octets in a few buffers: with one for each, 100,000 of them take three times as long to make. */
class OctetSlabs {
  private slab = new Uint8Array(0)
  private used: Octets = 0

  copy(octets: Uint8Array): Uint8Array {
    if (this.used + octets.length > this.slab.length) {
      this.slab = new Uint8Array(SLAB)
      this.used = 0
    }
    this.slab.set(octets, this.used)
    this.used += octets.length
    return this.slab.subarray(this.used - octets.length, this.used)
  }
}

function blocks(rule: Rule): rule is Ban | Block {
  return rule.kind === 'ban' || rule.kind === 'block'
}

/** EXTRA-TEXT of the EDE: `TikTok: National Security Council advice, 10 March 2023` */
function extraText(rule: Ban | Block, title: string): string {
  const reason = rule.kind === 'ban' ? (rule.reference ?? rule.authority) : undefined
  return reason === undefined ? title : `${title}: ${reason}`
}

function prepare(reply: FullReply, ede: number, edeOption: Uint8Array): PreparedReply {
  const isNull = reply.action === 'null-address'
  return {
    action: reply.action,
    ttl: reply.ttl,
    ipv4: isNull ? new Uint8Array(4) : reply.sinkhole?.ipv4?.slice(12),
    ipv6: isNull ? new Uint8Array(16) : reply.sinkhole?.ipv6,
    target: reply.target,
    ede,
    edeOption,
    ...(reply.explain && { explain: reply.explain })
  }
}

function factsOf(rule: Rule): Record<string, string> {
  if (rule.kind === 'ban') {
    const { authority, reference, referenceUrl, legalBasis, owner, review } = rule
    const day = review === undefined ? undefined : showInstant(review, 'UTC')
    return defined({ authority, reference, referenceUrl, legalBasis, owner, review: day })
  }
  if (rule.kind === 'exception') {
    const { purpose, approvedBy, reference, referenceUrl } = rule
    return defined({ purpose, approvedBy, reference, referenceUrl })
  }
  return {}
}
