import type { Seconds } from '../../base/units.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { isAtOrBelow, isSame, parentOf } from '../../wire/dnssec/canonical-name.js'
import type { CutProof, Proof } from '../../wire/dnssec/denial.js'
import {
  decodeNsec,
  nsecCut,
  nsecExpansion,
  nsecNameError,
  nsecNodata
} from '../../wire/dnssec/nsec.js'
import { decodeNsec3, MAX_ITERATIONS } from '../../wire/dnssec/nsec3.js'
import { Nsec3Proof } from '../../wire/dnssec/nsec3-proof.js'
import type { Nsec } from '../../wire/dnssec/nsec.js'
import type { Rrset } from '../../wire/dnssec/rrset.js'
import { isExpanded } from '../../wire/dnssec/verify-signature.js'
import { verifyRrset, type Unverified, type VerificationContext } from './verify-rrset.js'
import type { SecureZone } from './zone-trust.js'

/** Records of denial in one response that are read: two proofs need at most six. */
const MAX_RECORDS = 20

export function isDenial({ type }: Rrset): boolean {
  return type === RRTYPE.NSEC || type === RRTYPE.NSEC3
}

/** NSEC and NSEC3 records of a response whose signatures by one zone were verified. */
export class DenialRecords {
  readonly ttl: Seconds
  /** Why some records were not accepted; the first failure. */
  readonly rejected: Unverified | undefined
  /** Whether records of this very zone were among those. */
  readonly isDamaged: boolean
  private readonly nsecs: readonly Nsec[]
  private readonly nsec3: Nsec3Proof

  /** @param authority the section of the response @throws LimitReached */
  constructor(
    authority: readonly Rrset[],
    private readonly zone: SecureZone,
    context: VerificationContext
  ) {
    const accepted: Rrset[] = []
    let rejected: Unverified | undefined
    let isDamaged = false
    const own = authority.filter(rrset => isDenial(rrset) && isAtOrBelow(rrset.name, zone.name))
    for (const rrset of own.slice(0, MAX_RECORDS)) {
      const result = verifyRrset(rrset, zone, context)
      if (!result.isVerified) {
        rejected ??= result
        isDamaged ||= isOfZone(rrset, zone)
      }
      // A wildcard's own NSEC record must not be passed off as that of another name.
      else if (!isExpanded(rrset, result.signature)) accepted.push(rrset)
    }
    this.rejected = rejected
    this.isDamaged = isDamaged
    this.ttl = Math.min(...accepted.map(({ ttl }) => ttl), MAX_TTL)
    this.nsecs = accepted
      .filter(({ type }) => type === RRTYPE.NSEC)
      .map(({ name, rdata }) => decodeNsec(name, rdata[0]!))
      // One that reaches beyond its zone would deny names of other zones. RFC 4034 §4.1.1.
      .filter(({ next }) => isAtOrBelow(next, zone.name))
    const hashed = accepted
      .filter(({ type }) => type === RRTYPE.NSEC3)
      .flatMap(({ name, rdata }) => rdata.map(octets => decodeNsec3(name, octets)))
      .filter(record => record !== undefined)
    const onHash = <T>(hash: () => T): T => context.budget.hash(zone.text, hash)
    this.nsec3 = new Nsec3Proof(hashed, zone.name, onHash)
  }

  /** Why a proof is `insecure`. */
  get insecureReason(): { readonly ede: number | undefined; readonly reason: string } {
    const { text } = this.zone
    if (this.nsec3.isTooCostly)
      return {
        ede: EDE.UNSUPPORTED_NSEC3_ITERATIONS,
        reason: `NSEC3 of ${text} has more than ${MAX_ITERATIONS} iterations`
      }
    const reason = this.nsec3.isEmpty
      ? `NSEC of ${text} proves an unsigned delegation`
      : `NSEC3 of ${text} proves an unsigned delegation or has opt-out`
    return { ede: undefined, reason }
  }

  get kind(): string {
    return this.nsec3.isEmpty ? 'NSEC' : 'NSEC3'
  }

  nodata(name: Uint8Array, type: number): Proof {
    return this.first(nsecNodata(this.nsecs, name, type), () => this.nsec3.nodata(name, type))
  }

  nameError(name: Uint8Array): Proof {
    return this.first(nsecNameError(this.nsecs, name), () => this.nsec3.nameError(name))
  }

  expansion(name: Uint8Array, labels: number): Proof {
    const byNsec = nsecExpansion(this.nsecs, name, labels)
    return this.first(byNsec, () => this.nsec3.expansion(name, labels))
  }

  cut(name: Uint8Array): CutProof {
    return this.first(nsecCut(this.nsecs, name), () => this.nsec3.cut(name))
  }

  private first<T extends string>(byNsec: T | 'unproven', byNsec3: () => T): T | 'unproven' {
    if (byNsec !== 'unproven' || this.nsec3.isEmpty) return byNsec
    return byNsec3()
  }
}

const MAX_TTL: Seconds = 86_400

/** Whether a record of denial is of a zone, and not of an unsigned one below it. */
function isOfZone({ name, type, signatures }: Rrset, zone: SecureZone): boolean {
  if (signatures.some(({ signer }) => isSame(signer, zone.name))) return true
  return type === RRTYPE.NSEC3 && isSame(parentOf(name) ?? name, zone.name)
}
