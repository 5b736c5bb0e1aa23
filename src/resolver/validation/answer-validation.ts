import type { Seconds } from '../../base/units.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { MAX_NAME } from '../../wire/dns/name/hashed-name.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { RRTYPE, showRrtype } from '../../wire/dns/registry/rrtype.js'
import {
  countLabels,
  isAtOrBelow,
  isBelow,
  isSame,
  parentOf
} from '../../wire/dnssec/canonical-name.js'
import type { Rrset } from '../../wire/dnssec/rrset.js'
import { secondsLeft, type Rrsig } from '../../wire/dnssec/rrsig.js'
import type { SignedMessage } from '../../wire/dnssec/signed-message.js'
import { isExpanded } from '../../wire/dnssec/verify-signature.js'
import { signedStep, type ChainBuilder } from './chain-builder.js'
import { DenialRecords, isDenial } from './denial-records.js'
import { isWorse, type ChainStep, type Finding, type Validation } from './verdict.js'
import { verifyRrset, type VerificationContext } from './verify-rrset.js'
import type { SecureZone, ZoneStatus } from './zone-trust.js'

/** Aliases in one answer. */
const MAX_ALIASES = 16
/** Zones by which the signatures of one RRset claim to be made: more than two is an attack. */
const MAX_SIGNERS = 2
const MAX_TTL: Seconds = 86_400

/** Validates one response: each alias, the records or their absence. RFC 4035 §5. */
export class AnswerValidation {
  private worst: Finding | undefined
  private readonly steps: ChainStep[] = []
  private readonly shownZones = new Set<string>()
  private ttl = MAX_TTL
  private maxTtl = MAX_TTL
  /** RRsets of ANSWER that are part of the answer. */
  private readonly visited = new Set<Rrset>()

  constructor(
    private readonly chain: ChainBuilder,
    private readonly context: VerificationContext
  ) {}

  get result(): Omit<Validation, 'work'> {
    const { worst, steps, ttl, maxTtl } = this
    const { verdict, ede, reason } = worst ?? { verdict: 'secure', ede: undefined, reason: '' }
    return { verdict, ede, reason, steps, ttl, maxTtl }
  }

  add(finding: Finding): void {
    if (this.worst === undefined || isWorse(finding.verdict, this.worst.verdict))
      this.worst = finding
  }

  /** @throws LimitReached */
  async validate(message: SignedMessage, qname: Uint8Array, qtype: number): Promise<void> {
    await this.followChain(message, qname, qtype)
    // Records that nobody has verified must not reach a client beside those that are secure.
    const other = message.answer.find(rrset => !this.visited.has(rrset))
    if (this.worst !== undefined || other === undefined) return
    const subject = `${show(other.name)} ${showRrtype(other.type)}`
    this.bogus(subject, EDE.DNSSEC_BOGUS, `${subject}: does not belong to the answer`)
  }

  private async followChain(
    message: SignedMessage,
    qname: Uint8Array,
    qtype: number
  ): Promise<void> {
    let name: Uint8Array = qname
    for (let aliases = 0; this.worst?.verdict !== 'bogus'; aliases++) {
      const own = message.answer.filter(rrset => isSame(rrset.name, name))
      const wanted = own.filter(({ type }) => qtype === RRTYPE.ANY || type === qtype)
      for (const rrset of wanted) await this.checkRrset(rrset, message)
      if (wanted.length > 0) {
        this.checkRcode(message, name)
        return
      }
      const target = await this.followAlias(message, name, own)
      if (target === undefined) return this.checkDenial(message, name, qtype)
      if (aliases === MAX_ALIASES) {
        const reason = `more than ${MAX_ALIASES} aliases from ${show(qname)}`
        this.add({ verdict: 'bogus', ede: EDE.DNSSEC_BOGUS, reason })
        return
      }
      name = target
    }
  }

  /** The RCODE is not signed: what is signed must not contradict it. */
  private checkRcode({ rcode }: SignedMessage, name: Uint8Array): void {
    if (rcode !== RCODE.NXDOMAIN) return
    const subject = `${show(name)} NXDOMAIN`
    this.bogus(subject, EDE.DNSSEC_BOGUS, `${subject}: the name has records`)
  }

  /** The target of the alias at a name. Undefined: there is none. */
  private async followAlias(
    message: SignedMessage,
    name: Uint8Array,
    own: readonly Rrset[]
  ): Promise<Uint8Array | undefined> {
    const cname = own.find(({ type }) => type === RRTYPE.CNAME)
    const dname = message.answer.find(
      rrset => rrset.type === RRTYPE.DNAME && isBelow(name, rrset.name)
    )
    if (dname === undefined) {
      if (cname === undefined) return undefined
      await this.checkRrset(cname, message)
      return cname.rdata[0]
    }
    const signature = await this.checkRrset(dname, message)
    // It would stand for names that the zone never had. RFC 6672 §3.3.
    if (signature !== undefined && isExpanded(dname, signature)) {
      const subject = `${show(dname.name)} DNAME`
      this.bogus(subject, EDE.DNSSEC_BOGUS, `${subject}: expanded from a wildcard`)
    }
    if (cname !== undefined) this.visited.add(cname)
    // The CNAME made from it has no signature of its own. RFC 6672 §5.3.1.
    const target = substitute(name, dname)
    if (target === undefined || (cname !== undefined && !isSame(cname.rdata[0]!, target))) {
      const reason = `${show(name)} CNAME: differs from what DNAME of ${show(dname.name)} makes of it`
      this.bogus(`${show(name)} CNAME`, EDE.DNSSEC_BOGUS, reason)
    }
    return target ?? cname?.rdata[0]
  }

  /** Returns the signature that verified, if any. */
  private async checkRrset(rrset: Rrset, message: SignedMessage): Promise<Rrsig | undefined> {
    const subject = `${show(rrset.name)} ${showRrtype(rrset.type)}`
    this.visited.add(rrset)
    this.ttl = Math.min(this.ttl, rrset.ttl)
    const zone = await this.zoneOfRrset(rrset)
    this.showChain(zone)
    if (zone.kind === 'untrusted') {
      this.inherit(subject, zone.finding)
      return undefined
    }
    const result = verifyRrset(rrset, zone, this.context)
    if (!result.isVerified) {
      this.bogus(subject, result.ede, `${subject}: ${result.reason}`)
      return undefined
    }
    this.steps.push(signedStep(rrset.name, showRrtype(rrset.type), result, zone.text))
    const { signature } = result
    this.ttl = Math.min(this.ttl, signature.originalTtl)
    const left = secondsLeft(signature, this.context.now)
    this.maxTtl = Math.min(this.maxTtl, signature.originalTtl, left)
    if (isExpanded(rrset, signature)) this.checkExpansion(subject, rrset, signature, zone, message)
    return signature
  }

  /**
   * The zone by whose keys an RRset is to be verified: the one that its signatures name, if it is secure; else the one
   * that its owner is in.
   */
  private async zoneOfRrset({ name, type, signatures }: Rrset): Promise<ZoneStatus> {
    const signers = this.possibleSigners(signatures, name, type)
    for (const signer of signers.slice(0, MAX_SIGNERS)) {
      const zone = await this.chain.zoneOf(signer)
      if (zone.kind === 'untrusted' || isSame(zone.name, signer)) return zone
    }
    // DS belongs to the parent zone.
    return this.chain.zoneOf(type === RRTYPE.DS ? (parentOf(name) ?? name) : name)
  }

  /** An answer from a wildcard needs proof that no closer name exists. RFC 4035 §5.3.4; RFC 5155 §8.8. */
  private checkExpansion(
    subject: string,
    { name }: Rrset,
    { labels }: Rrsig,
    zone: SecureZone,
    { authority }: SignedMessage
  ): void {
    const denial = new DenialRecords(authority, zone, this.context)
    const proof = denial.expansion(name, labels)
    if (proof === 'unproven') {
      const { ede, reason } = denial.rejected ?? {
        ede: EDE.NSEC_MISSING,
        reason: `expanded from a wildcard of ${zone.text} without proof that no closer name exists`
      }
      return this.bogus(subject, ede, `${subject}: ${reason}`)
    }
    const text = `${denial.kind} of ${zone.text} proves that no name is closer than the wildcard`
    if (proof === 'proven') this.steps.push({ subject, verdict: 'secure', text })
    else this.insecure(subject, denial.insecureReason)
  }

  /** NXDOMAIN or NODATA. */
  private async checkDenial(message: SignedMessage, name: Uint8Array, type: number): Promise<void> {
    const { rcode, authority } = message
    const isNameError = rcode === RCODE.NXDOMAIN
    const subject = `${show(name)} ${isNameError ? 'NXDOMAIN' : `${showRrtype(type)} NODATA`}`
    const zone = await this.zoneOfDenial(authority, name, type)
    this.showChain(zone)
    if (zone.kind === 'untrusted') {
      this.inherit(subject, zone.finding)
      return
    }
    const denial = new DenialRecords(authority, zone, this.context)
    const proof = isNameError ? denial.nameError(name) : denial.nodata(name, type)
    this.ttl = Math.min(this.ttl, denial.ttl)
    this.maxTtl = Math.min(this.maxTtl, denial.ttl)
    if (proof === 'proven') {
      const what = isNameError ? 'that the name does not exist' : 'that there is no such record'
      const text = `${denial.kind} of ${zone.text} proves ${what}`
      this.steps.push({ subject, verdict: 'secure', text })
    } else if (proof === 'insecure') this.insecure(subject, denial.insecureReason)
    else {
      const isOfZone = authority.some(one => one.type === RRTYPE.SOA && isSame(one.name, zone.name))
      await this.unprovenDenial(subject, name, type, zone, denial, isOfZone)
    }
  }

  /** @param isOfZone the response has the SOA record of this zone, and not that of an unsigned one below */
  private async unprovenDenial(
    subject: string,
    name: Uint8Array,
    type: number,
    zone: SecureZone,
    { rejected, isDamaged }: DenialRecords,
    isOfZone: boolean
  ): Promise<void> {
    const nearest = await this.chain.zoneOf(type === RRTYPE.DS ? (parentOf(name) ?? name) : name)
    // Damaged proof, and what the zone itself denies without proof, is not excused by opt-out, which makes any name insecure.
    if (nearest.kind === 'untrusted' && !isDamaged && !isOfZone) {
      this.showChain(nearest)
      this.inherit(subject, nearest.finding)
      return
    }
    const { ede, reason } = rejected ?? {
      ede: EDE.NSEC_MISSING,
      reason: `no NSEC or NSEC3 of ${zone.text} proves it`
    }
    this.bogus(subject, ede, `${subject}: ${reason}`)
  }

  private async zoneOfDenial(
    authority: readonly Rrset[],
    name: Uint8Array,
    type: number
  ): Promise<ZoneStatus> {
    const signatures = authority.filter(isDenial).flatMap(({ signatures }) => signatures)
    const signers = this.possibleSigners(signatures, name, type).sort(
      (a, b) => countLabels(b) - countLabels(a)
    )
    for (const signer of signers.slice(0, MAX_SIGNERS)) {
      const zone = await this.chain.zoneOf(signer)
      if (zone.kind === 'untrusted' || isSame(zone.name, signer)) return zone
    }
    return this.chain.zoneOf(type === RRTYPE.DS ? (parentOf(name) ?? name) : name)
  }

  /** The zones that signatures name, as far as they may sign for a name. DS belongs to the parent zone. */
  private possibleSigners(
    signatures: readonly Rrsig[],
    name: Uint8Array,
    type: number
  ): Uint8Array[] {
    const isDs = type === RRTYPE.DS
    const place = isDs ? (parentOf(name) ?? name) : name
    const isPossible = (signer: Uint8Array): boolean =>
      isAtOrBelow(place, signer) && this.chain.maySign(signer, place)
    return distinct(signatures.map(({ signer }) => signer).filter(isPossible))
  }

  /** The verdict of a zone holds for what is in it. */
  private inherit(subject: string, finding: Finding): void {
    this.steps.push({ subject, verdict: finding.verdict, text: 'not validated: see above' })
    this.add(finding)
  }

  private insecure(subject: string, why: { ede: number | undefined; reason: string }): void {
    this.steps.push({ subject, verdict: 'insecure', text: why.reason })
    this.add({ verdict: 'insecure', ede: why.ede, reason: `${subject}: ${why.reason}` })
  }

  private bogus(subject: string, ede: number, reason: string): void {
    const text = reason.startsWith(`${subject}: `) ? reason.slice(subject.length + 2) : reason
    this.steps.push({ subject, verdict: 'bogus', text })
    this.add({ verdict: 'bogus', ede, reason })
  }

  /** Adds the steps to a zone, each once. */
  private showChain({ steps, expires }: ZoneStatus): void {
    this.ttl = Math.min(this.ttl, Math.max(0, expires - this.context.now))
    for (const step of steps) {
      if (this.shownZones.has(step.subject)) continue
      this.shownZones.add(step.subject)
      this.steps.push(step)
    }
  }
}

const show = (name: Uint8Array): string => showCanonical(showName(name))

function distinct(names: readonly Uint8Array[]): Uint8Array[] {
  return names.filter((name, i) => names.findIndex(other => isSame(other, name)) === i)
}

/** What a DNAME makes of a name below its owner. RFC 6672 §2.2. Undefined: the result is too long. */
function substitute(name: Uint8Array, { name: owner, rdata }: Rrset): Uint8Array | undefined {
  const prefix = name.subarray(0, name.length - owner.length)
  const target = Uint8Array.of(...prefix, ...rdata[0]!)
  return target.length > MAX_NAME ? undefined : target
}
