import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { encodeEde } from '../../wire/dns/edns/ede-option.js'
import type { ClaimIndexBuffers } from './claim-index.js'
import {
  FACTS,
  isTimed,
  type Claim,
  type PreparedReply,
  type UnpreparedClaim,
  type UnpreparedReply
} from './claim.js'
import {
  ListPacker,
  packedValues,
  unpackList,
  type PackedList,
  type PackedListBuffers
} from './packed-list.js'
import { allSources, type SourceSummary, type SourceTable } from './source-table.js'
import type { Timetable } from './timetable.js'

/** The claims of all networks, and which of them apply to whom. */
export interface ClaimTable extends PackedClaims {
  /** For a group of client classes and a source: its claims in order of precedence. */
  readonly index: ClaimIndexBuffers
  /**
   * Every instant at which the term of some rule starts or ends: epoch seconds, sorted, no
   * duplicates. Weekly hours are not in it; see `Timetable`.
   */
  readonly changeTimes: readonly Seconds[]
}

export interface PackedClaims {
  /** In no particular order; a claim's number is its index here. See `allClaims`. */
  readonly list: PackedListBuffers
  readonly timed: TimedClaims
  readonly dated: DatedClaims
}

/** One claim of each ban and exception that has dates, in shared memory. */
export interface DatedClaims {
  /** Int32. */
  readonly numbers: SharedArrayBuffer
  /** Float64: from, until and review of each in epoch seconds; infinite if it has none. */
  readonly dates: SharedArrayBuffer
}

/** What says when claims are active, one element for each that has dates or weekly hours. */
export interface TimedClaims {
  readonly numbers: Int32Array
  readonly from: Float64Array
  readonly until: Float64Array
  /** Index in `timetables`; -1: at any hour. */
  readonly hours: Int32Array
  /** No two are equal. */
  readonly timetables: readonly Timetable[]
}

/** In place of an index in `timetables`: none. */
const NO_TIMETABLE = -1

/** Packs claims one by one: as objects, 200,000 of them would take most of the memory of a compilation. */
export class ClaimPacker {
  private readonly list = new ListPacker()
  private readonly numbers: number[] = []
  private readonly from: Seconds[] = []
  private readonly until: Seconds[] = []
  private readonly hours: number[] = []
  private readonly timetables = new Map<Timetable, number>()
  private readonly dated: number[] = []
  private readonly dates: Seconds[] = []

  /** @param isFirst of its rule @returns its number */
  add(claim: UnpreparedClaim, isFirst = true): number {
    const hours = this.indexOf(claim.timetable)
    const number = this.list.add(toRow(claim, hours))
    if (isFirst && (claim.kind === 'ban' || claim.kind === 'exception'))
      this.addDates(claim, number)
    if (isTimed(claim)) {
      this.numbers.push(number)
      this.from.push(claim.from)
      this.until.push(claim.until)
      this.hours.push(hours)
    }
    return number
  }

  finish(): PackedClaims {
    return {
      list: this.list.finish(),
      timed: {
        numbers: Int32Array.from(this.numbers),
        from: Float64Array.from(this.from),
        until: Float64Array.from(this.until),
        hours: Int32Array.from(this.hours),
        timetables: [...this.timetables.keys()]
      },
      dated: {
        numbers: sharedMemory(Int32Array.from(this.dated)),
        dates: sharedMemory(Float64Array.from(this.dates))
      }
    }
  }

  private addDates({ from, until, facts: { review } }: UnpreparedClaim, number: number): void {
    const reviewed = review === undefined ? Infinity : Date.parse(review) / MS_PER_SECOND
    if (![from, until, reviewed].some(Number.isFinite)) return
    this.dated.push(number)
    this.dates.push(from, until, reviewed)
  }

  private indexOf(timetable: Timetable | undefined): number {
    if (timetable === undefined) return NO_TIMETABLE
    const index = this.timetables.get(timetable) ?? this.timetables.size
    this.timetables.set(timetable, index)
    return index
  }
}

function sharedMemory(array: Int32Array | Float64Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(array.byteLength)
  new Uint8Array(memory).set(new Uint8Array(array.buffer))
  return memory
}

/** What claims are counted by, without decoding all of each. */
export function* countedClaims({ list }: Pick<PackedClaims, 'list'>): Generator<CountedClaim> {
  for (const row of packedValues(list)) {
    const [, kind, ruleId, , , , , until, , monitor, reply] = row as ClaimRow
    yield { kind, ruleId, until: until ?? Infinity, monitor, action: reply?.[0] }
  }
}

/** What claims say, without the place of the rule and its rank; equal if they are equal. */
export function* claimContents({
  claims: { list, timed },
  sources
}: Parameters<typeof allClaims>[0]): Generator<{
  readonly ruleId: string
  readonly content: string
}> {
  const bySource = allSources(sources)
  for (const row of packedValues(list)) {
    const [, kind, ruleId, , , index, from, until, hours, ...rest] = row as ClaimRow
    const { id, part, title } = bySource.at(index)!
    const when = [from, until, timed.timetables[hours]?.text]
    yield { ruleId, content: JSON.stringify([kind, id, part, title, when, rest]) }
  }
}

type CountedClaim = Pick<Claim, 'kind' | 'ruleId' | 'until' | 'monitor'> & {
  readonly action: PreparedReply['action'] | undefined
}

/** The claims of a snapshot, by number. */
export function allClaims({
  claims: { list, timed },
  sources
}: {
  readonly claims: PackedClaims
  readonly sources: Pick<SourceTable, 'list'>
}): PackedList<Claim> {
  const bySource = allSources(sources)
  return unpackList(list, (row: ClaimRow): Claim => {
    const [tier, kind, ruleId, ruleFile, ruleLine, index, from, until, hours, ...rest] = row
    const [monitor, reply, qtypes, ...values] = rest
    const source = bySource.at(index)!
    const facts = factsFrom(values)
    return {
      ...{ tier, kind, ruleId, ruleFile, ruleLine, source, monitor, facts },
      from: from ?? -Infinity,
      until: until ?? Infinity,
      timetable: hours === NO_TIMETABLE ? undefined : timed.timetables[hours],
      reply: reply === null ? undefined : prepare(reply, kind, facts, source),
      qtypes: qtypes ?? undefined
    }
  })
}

type ClaimRow = ReturnType<typeof toRow>

/** JSON has neither infinite numbers nor `undefined`: both are null. */
function toRow(claim: UnpreparedClaim, hours: number) {
  const { tier, kind, ruleId, ruleFile, ruleLine, source, monitor, facts } = claim
  const [from, until] = [finite(claim.from), finite(claim.until)]
  const reply = claim.reply === undefined ? null : replyRow(claim.reply)
  const qtypes = claim.qtypes ?? null
  const { authority, reference, referenceUrl, legalBasis, owner, review } = facts
  return [
    ...([tier, kind, ruleId, ruleFile, ruleLine, source.index, from, until, hours] as const),
    ...([monitor, reply, qtypes, authority, reference, referenceUrl, legalBasis] as const),
    ...([owner, review, facts.purpose, facts.approvedBy] as const)
  ] as const
}

function finite(instant: Seconds): Seconds | null {
  return Number.isFinite(instant) ? instant : null
}

function replyRow({ action, ttl, ipv4, ipv6, target, ede, explain }: UnpreparedReply) {
  return [action, ttl, toHex(ipv4), toHex(ipv6), toHex(target), ede, explain ?? null] as const
}

function prepare(
  [action, ttl, ipv4, ipv6, target, ede, explain]: ReturnType<typeof replyRow>,
  kind: Claim['kind'],
  facts: Claim['facts'],
  source: SourceSummary
): PreparedReply {
  const edeOption = encodeEde(ede, extraText(kind, facts, source))
  const octets = { ipv4: fromHex(ipv4), ipv6: fromHex(ipv6), target: fromHex(target) }
  return { action, ttl, ...octets, ede, edeOption, ...(explain === null ? {} : { explain }) }
}

function toHex(octets: Uint8Array | undefined): string | null {
  return octets === undefined ? null : Buffer.from(octets).toString('hex')
}

function fromHex(text: string | null): Uint8Array | undefined {
  return text === null ? undefined : Uint8Array.from(Buffer.from(text, 'hex'))
}

/** EXTRA-TEXT of the EDE: `TikTok: National Security Council advice, 10 March 2023` */
function extraText(
  kind: Claim['kind'],
  { reference, authority }: Claim['facts'],
  { title }: SourceSummary
): string {
  const reason = kind === 'ban' ? (reference ?? authority) : undefined
  return reason === undefined ? title : `${title}: ${reason}`
}

/** @param values in the order of `FACTS` */
function factsFrom(values: readonly (string | null | undefined)[]): Claim['facts'] {
  const facts: Record<string, string> = {}
  for (const [i, value] of values.entries()) if (value != null) facts[FACTS[i]!] = value
  return facts
}
