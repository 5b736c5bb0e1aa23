import type {
  ChainResponse,
  ChainSession,
  ChainSource
} from '../../src/resolver/validation/chain-source.js'
import { decodeSignedMessage } from '../../src/wire/dnssec/signed-message.js'
import { encode, text } from '../dnssec/world.js'
import { covers, TYPE, within, type Rr } from '../dnssec/zone.js'
import type { RplEntry, RplRange } from './rpl-file.js'
import { readRecord, Resigner, typeOf } from './rpl-records.js'

const MAX_ALIASES = 12
const ANY = 255
const REFUSED = 5
const RCODES: Readonly<Record<string, number>> = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 }

interface Found {
  readonly rcode: number
  readonly answer: readonly Rr[]
  readonly authority: readonly Rr[]
}

/**
 * The authoritative servers of a scenario behind one recursive resolver, as an upstream with DO and CD would have it:
 * delegations are left out, and aliases are followed from one server to the next.
 */
export class RplResolver implements ChainSource {
  step = 0
  private readonly resigner = new Resigner()
  private readonly ranges: readonly (Omit<RplRange, 'entries'> & {
    readonly entries: readonly { readonly entry: RplEntry; readonly found: Found }[]
  })[]

  /** @throws Error for records that the reader does not know */
  constructor(ranges: readonly RplRange[]) {
    const read = ranges.map(range => ({
      ...range,
      entries: range.entries.map(entry => ({
        entry,
        ...inPlace(
          entry.sections.ANSWER.map(readRecord),
          entry.sections.AUTHORITY.map(readRecord),
          entry.sections.ADDITIONAL.filter(text => text.includes('RRSIG')).map(readRecord)
        )
      }))
    }))
    for (const { entries } of read)
      for (const { answer, authority } of entries) this.resigner.learn([...answer, ...authority])
    this.ranges = read.map(range => ({
      ...range,
      entries: range.entries.map(({ entry, answer, authority }) => ({
        entry,
        found: {
          rcode: RCODES[entry.reply.find(word => word in RCODES) ?? ''] ?? 0,
          answer: this.resigner.resign(answer),
          authority: this.resigner.resign(authority)
        }
      }))
    }))
  }

  /** A time at which signatures are valid. */
  get validTime(): number {
    const all = this.ranges.flatMap(({ entries }) => entries.flatMap(({ found }) => found.answer))
    const signatures = all.filter(({ type }) => type === TYPE.RRSIG)
    return Math.max(...signatures.map(({ rdata }) => Buffer.from(rdata).readUInt32BE(12))) + 1
  }

  /** A trust anchor, for the key that the zone has here. */
  anchor(given: string): string {
    const rr = readRecord(given)
    this.resigner.learn([rr])
    this.resigner.learnAnchor(rr)
    const [{ name, type, rdata }] = this.resigner.resign([rr]) as [Rr]
    const octets = Buffer.from(rdata)
    const data = octets.subarray(4).toString(type === TYPE.DS ? 'hex' : 'base64')
    const first = octets.readUInt16BE(0)
    const kind = type === TYPE.DS ? 'DS' : 'DNSKEY'
    return `${name} ${kind} ${first} ${octets[2]} ${octets[3]} ${data}`
  }

  open(): ChainSession {
    return {
      query: (octets, type) => Promise.resolve(this.respond(text(octets), type))
    }
  }

  private respond(name: string, type: number): ChainResponse {
    const found = this.resolve(name, type)
    if (found === undefined || found.rcode === 2 || found.rcode === 5)
      return { kind: 'failure', reason: 'no upstream answers' }
    const { rcode, answer, authority } = found
    const octets = encode(name, type, { rcode, answer: [...answer], authority: [...authority] })
    return { kind: 'response', message: decodeSignedMessage(octets), upstream: 'test' }
  }

  private resolve(name: string, type: number): Found | undefined {
    const answer: Rr[] = []
    const authority: Rr[] = []
    let target = name
    for (let i = 0; i < MAX_ALIASES; i++) {
      const found = this.find(target, type)
      if (found === undefined) return i === 0 ? undefined : { rcode: 2, answer, authority }
      answer.push(...found.answer.filter(rr => !answer.some(other => isEqual(rr, other))))
      authority.push(...found.authority)
      const alias = aliasIn(answer, target, type)
      if (alias === undefined) return { rcode: found.rcode, answer, authority }
      target = alias
    }
    return { rcode: 2, answer, authority }
  }

  /** The entry that answers a question; one that only delegates it does not. */
  private find(name: string, type: number): Found | undefined {
    const entries = this.ranges
      .filter(({ from, to }) => from <= this.step && this.step <= to)
      .flatMap(({ entries }) => entries)
    const answers = entries.filter(({ found }) => found.rcode !== REFUSED && !isReferral(found))
    const isFor = ({ name: own, match }: RplEntry): boolean =>
      match.includes('subdomain') ? within(name, own) : name === own
    const own = answers.find(
      ({ entry }) => isFor(entry) && (!entry.match.includes('qtype') || typeOf(entry.type) === type)
    )?.found
    if (own !== undefined || type !== TYPE.DS) return own
    // A recursive resolver has them from the referral to the zone.
    const referral = entries.find(
      ({ found }) => isReferral(found) && found.authority.some(rr => isNsOf(rr, name))
    )
    return referral && fromReferral(referral.found, name)
  }
}

/** Moves signatures of the answer that are in other sections, as a recursive resolver does, and drops those of nothing. */
function inPlace(answer: readonly Rr[], authority: readonly Rr[], additional: readonly Rr[]) {
  const all = [...answer, ...authority, ...additional].filter(({ type }) => type === TYPE.RRSIG)
  const inAnswer = answer.filter(({ type }) => type !== TYPE.RRSIG)
  const inAuthority = authority.filter(({ type }) => type !== TYPE.RRSIG)
  const of = (section: readonly Rr[]): Rr[] =>
    all.filter(it => section.some(rr => rr.name === it.name && covers(it, rr.type)))
  return {
    answer: [...inAnswer, ...distinct(of(inAnswer))],
    authority: [...inAuthority, ...distinct(of(inAuthority))]
  }
}

const distinct = (rrs: readonly Rr[]): Rr[] =>
  rrs.filter((rr, i) => rrs.findIndex(other => isEqual(rr, other)) === i)

const isNsOf = (rr: Rr, name: string): boolean => rr.type === TYPE.NS && rr.name === name

/** DS of a zone in the referral to it, or the proof that there is none. */
function fromReferral({ authority }: Found, name: string): Found | undefined {
  const answer = authority.filter(
    rr => rr.name === name && (rr.type === TYPE.DS || covers(rr, TYPE.DS))
  )
  if (answer.length > 0) return { rcode: 0, answer, authority: [] }
  const isProof = (type: number): boolean => type === TYPE.NSEC || type === TYPE.NSEC3
  const proof = authority.filter(
    rr => isProof(rr.type) || covers(rr, TYPE.NSEC) || covers(rr, TYPE.NSEC3)
  )
  return proof.length === 0 ? undefined : { rcode: 0, answer: [], authority: proof }
}

function isReferral({ answer, authority }: Found): boolean {
  const has = (type: number): boolean => authority.some(rr => rr.type === type)
  return answer.length === 0 && has(TYPE.NS) && !has(TYPE.SOA)
}

const isEqual = (a: Rr, b: Rr): boolean =>
  a.name === b.name && a.type === b.type && Buffer.compare(a.rdata, b.rdata) === 0

/** The end of the chain of aliases that begins with a name, if the records do not go on there. */
function aliasIn(answer: readonly Rr[], name: string, type: number): string | undefined {
  if (type === TYPE.CNAME || type === ANY) return undefined
  let at = name
  for (let i = 0; i < MAX_ALIASES; i++) {
    if (answer.some(rr => rr.name === at && rr.type === type)) return undefined
    const alias = answer.find(rr => rr.name === at && rr.type === TYPE.CNAME)
    if (alias === undefined) return i === 0 ? undefined : at
    at = text(alias.rdata)
  }
  return undefined
}
