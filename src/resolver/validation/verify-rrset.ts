import type { Seconds } from '../../base/units.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { isSupportedAlgorithm, showAlgorithm } from '../../wire/dnssec/algorithms.js'
import { countSignedLabels, isSame } from '../../wire/dnssec/canonical-name.js'
import type { Dnskey } from '../../wire/dnssec/dnskey.js'
import type { Rrset } from '../../wire/dnssec/rrset.js'
import { periodOf, showSignatureTime, type Rrsig } from '../../wire/dnssec/rrsig.js'
import { verifySignature } from '../../wire/dnssec/verify-signature.js'
import type { ValidationBudget } from './validation-budget.js'
import type { SecureZone } from './zone-trust.js'

/** Signatures of one RRset that are tried, as in Unbound. */
const MAX_SIGNATURES = 8

/** The signature that verified, and its key. */
export interface Verified {
  readonly isVerified: true
  readonly signature: Rrsig
  readonly key: Dnskey
}

/** Why no signature verified. */
export interface Unverified {
  readonly isVerified: false
  readonly ede: number
  readonly reason: string
}

/** Of several failures the one most worth reporting: the earliest here. */
const SEVERITY: readonly number[] = [
  EDE.DNSSEC_BOGUS,
  EDE.SIGNATURE_EXPIRED,
  EDE.SIGNATURE_NOT_YET_VALID,
  EDE.NO_ZONE_KEY_BIT,
  EDE.DNSKEY_MISSING,
  EDE.RRSIGS_MISSING
]

/** What verification needs besides the RRset. */
export interface VerificationContext {
  readonly budget: ValidationBudget
  readonly now: Seconds
}

/** Verifies that one of the zone's keys signed an RRset. RFC 4035 §5.3. @throws LimitReached */
export function verifyRrset(
  rrset: Rrset,
  zone: Pick<SecureZone, 'name' | 'text' | 'keys'>,
  context: VerificationContext
): Verified | Unverified {
  const own = rrset.signatures.filter(({ signer }) => isSame(signer, zone.name))
  let worst: Unverified | undefined
  for (const signature of own.slice(0, MAX_SIGNATURES)) {
    const result = verifyOne(rrset, signature, zone, context)
    if (result.isVerified) return result
    if (worst === undefined || SEVERITY.indexOf(result.ede) < SEVERITY.indexOf(worst.ede))
      worst = result
  }
  return worst ?? missing(rrset, zone.text)
}

function missing({ signatures }: Rrset, zone: string): Unverified {
  const others = [...new Set(signatures.map(({ signer }) => showCanonical(showName(signer))))]
  const reason =
    others.length === 0
      ? `no RRSIG, although ${zone} is signed; a server on the way may remove DNSSEC records`
      : `no RRSIG of ${zone}, only of ${others.slice(0, 3).join(', ')}`
  return { isVerified: false, ede: EDE.RRSIGS_MISSING, reason }
}

function verifyOne(
  rrset: Rrset,
  signature: Rrsig,
  zone: Pick<SecureZone, 'text' | 'keys'>,
  { budget, now }: VerificationContext
): Verified | Unverified {
  const { keyTag, algorithm } = signature
  const what = `signature of key ${keyTag} (${showAlgorithm(algorithm)}) of ${zone.text}`
  const reject = (ede: number, reason: string): Unverified => ({ isVerified: false, ede, reason })
  if (!isSupportedAlgorithm(algorithm))
    return reject(EDE.RRSIGS_MISSING, `${what} is not supported`)
  if (signature.labels > countSignedLabels(rrset.name))
    return reject(EDE.DNSSEC_BOGUS, `${what} is for a longer name`)
  const period = periodOf(signature, now)
  if (period !== 'valid') return outOfPeriod(what, signature, period, now)
  const sameTag = zone.keys.filter(key => key.keyTag === keyTag && key.algorithm === algorithm)
  if (sameTag.length === 0)
    return reject(EDE.DNSKEY_MISSING, `${what}: ${zone.text} has no such DNSKEY`)
  const keys = sameTag.filter(({ isZoneKey }) => isZoneKey)
  if (keys.length === 0)
    return reject(EDE.NO_ZONE_KEY_BIT, `${what}: the key is revoked or not a zone key`)
  const isSigned = (key: Dnskey) =>
    budget.verify(zone.text, () => verifySignature(rrset, signature, key))
  const key = keys.find(isSigned)
  return key === undefined
    ? reject(EDE.DNSSEC_BOGUS, `${what} does not verify`)
    : { isVerified: true, signature, key }
}

function outOfPeriod(
  what: string,
  signature: Rrsig,
  period: 'expired' | 'not yet valid' | 'inverted',
  now: Seconds
): Unverified {
  const { inception, expiration } = signature
  const [from, until] = [inception, expiration].map(time => showSignatureTime(time, now))
  const clock = `; the clock of this machine says ${showSignatureTime(now, now)}`
  if (period === 'expired') {
    const reason = `${what} expired on ${until}${clock}`
    return { isVerified: false, ede: EDE.SIGNATURE_EXPIRED, reason }
  }
  if (period === 'not yet valid') {
    const reason = `${what} is not valid before ${from}${clock}`
    return { isVerified: false, ede: EDE.SIGNATURE_NOT_YET_VALID, reason }
  }
  const reason = `${what} expires (${until}) before it begins (${from})`
  return { isVerified: false, ede: EDE.DNSSEC_BOGUS, reason }
}
