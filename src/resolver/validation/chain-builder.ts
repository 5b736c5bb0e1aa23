import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { showAlgorithm } from '../../wire/dnssec/algorithms.js'
import {
  ancestorWith,
  countLabels,
  isAtOrBelow,
  isBelow,
  isSame
} from '../../wire/dnssec/canonical-name.js'
import { decodeDnskey, type Dnskey } from '../../wire/dnssec/dnskey.js'
import { decodeDs, isSupportedDs, matchesKey, type Ds } from '../../wire/dnssec/ds.js'
import type { Rrset } from '../../wire/dnssec/rrset.js'
import { secondsLeft } from '../../wire/dnssec/rrsig.js'
import { isExpanded } from '../../wire/dnssec/verify-signature.js'
import type { ChainSession } from './chain-source.js'
import { DenialRecords } from './denial-records.js'
import type { UnvalidatedName } from '../../policy/tables/snapshot.js'
import type { TrustAnchor } from '../../wire/dnssec/trust-anchor.js'
import type { TrustAnchors } from './trust-anchors.js'
import type { ValidationExceptions } from './validation-exceptions.js'
import type { ValidationBudget } from './validation-budget.js'
import type { ChainStep, Finding } from './verdict.js'
import { verifyRrset, type Verified } from './verify-rrset.js'
import type { ZoneCache } from './zone-cache.js'
import type { NoCut, SecureZone, ZoneStatus } from './zone-trust.js'

/** DNSKEY records of a zone that are tried; large zones have fewer than ten. */
const MAX_KEYS = 32
/** How long what is known of a zone is used at most. */
const MAX_TTL: Seconds = 86_400
/** How long a zone whose chain failed counts as bogus, as in Unbound. */
const BOGUS_TTL: Seconds = 60
/** How long no upstream is queried again for records that it did not return. */
const INDETERMINATE_TTL: Seconds = 5

export interface ChainDependencies {
  readonly session: ChainSession
  readonly anchors: TrustAnchors
  readonly exceptions: ValidationExceptions
  readonly cache: ZoneCache
  readonly budget: ValidationBudget
  readonly now: Seconds
}

/** Finds the zone of a name and its keys, from a trust anchor down: DS and DNSKEY of each zone. RFC 4035 §5. */
export class ChainBuilder {
  constructor(private readonly dependencies: ChainDependencies) {}

  /** The zone that a name is in, as far as there is a chain. @throws LimitReached */
  async zoneOf(name: Uint8Array): Promise<ZoneStatus> {
    const anchor = this.dependencies.anchors.find(name)
    if (anchor === undefined) return this.unanchored(name)
    const exception = this.dependencies.exceptions.find(name, anchor.zone, this.dependencies.now)
    if (exception !== undefined) return this.excepted(exception)
    let zone = await this.anchored(anchor)
    const last = countLabels(name)
    for (let labels = countLabels(anchor.zone) + 1; labels <= last; labels++) {
      if (zone.kind === 'untrusted') return zone
      const status = await this.cutAt(ancestorWith(name, labels), zone)
      if (status.kind !== 'no-cut') zone = status
    }
    return zone
  }

  /** Whether the trust anchor nearest to a name lets a zone sign for it: zones above that anchor do not. */
  maySign(signer: Uint8Array, name: Uint8Array): boolean {
    const anchor = this.dependencies.anchors.find(name)
    return anchor === undefined || isAtOrBelow(signer, anchor.zone)
  }

  private unanchored(name: Uint8Array): ZoneStatus {
    const text = showCanonical(showName(name))
    const reason = `no trust anchor for ${text}`
    return this.untrusted(name, [], { verdict: 'indeterminate', ede: undefined, reason }, 0)
  }

  private excepted({ name, text, purpose, approvedBy, until }: UnvalidatedName): ZoneStatus {
    const end = new Date(until * MS_PER_SECOND).toISOString()
    const reason = `${text} is not validated until ${end}: ${purpose}, approved by ${approvedBy}`
    const left = Math.max(0, until - this.dependencies.now)
    return this.untrusted(name, [], { verdict: 'insecure', ede: undefined, reason }, left)
  }

  private async anchored(anchor: TrustAnchor): Promise<ZoneStatus> {
    const { cache } = this.dependencies
    const known = cache.get(anchor.zone)
    if (known !== undefined && known.kind !== 'no-cut') return known
    const status = await this.fetchKeys(anchor.zone, anchor.ds, 'the trust anchor', [], MAX_TTL)
    cache.set(anchor.zone, status)
    return status
  }

  private async cutAt(name: Uint8Array, parent: SecureZone): Promise<ZoneStatus | NoCut> {
    const { cache } = this.dependencies
    const known = cache.get(name)
    if (known !== undefined) return known
    const status = await this.fetchCut(name, parent)
    cache.set(name, status)
    return status
  }

  /** Whether a zone begins at a name, by its DS in the parent zone or the proof that there is none. */
  private async fetchCut(name: Uint8Array, parent: SecureZone): Promise<ZoneStatus | NoCut> {
    const { budget, session } = this.dependencies
    budget.query()
    const response = await session.query(name, RRTYPE.DS)
    if (response.kind === 'failure')
      return this.unreachable(name, 'DS', response.reason, parent.steps)
    const { answer, authority } = response.message
    const ds = answer.find(rrset => rrset.type === RRTYPE.DS && isSame(rrset.name, name))
    if (ds !== undefined) return this.signedCut(ds, parent)
    const alias = answer.find(rrset => isAliasOf(rrset, name))
    return alias === undefined
      ? this.deniedCut(name, authority, parent)
      : this.aliasedName(name, alias, parent)
  }

  /** The DS of a child zone. */
  private async signedCut(ds: Rrset, parent: SecureZone): Promise<ZoneStatus> {
    const { name } = ds
    const result = verifyRrset(ds, parent, this.dependencies)
    if (!result.isVerified || isExpanded(ds, result.signature)) {
      const failed = result.isVerified
        ? { ede: EDE.DNSSEC_BOGUS, reason: 'expanded from a wildcard' }
        : result
      return this.bogus(name, 'DS', failed.ede, failed.reason, parent.steps)
    }
    const step = signedStep(name, 'DS', result, parent.text)
    const steps = [...parent.steps, step]
    const all = ds.rdata.filter(isWhole).map(decodeDs)
    const usable = all.filter(isSupportedDs)
    const ttl = this.lifetime(ds, result)
    if (usable.length === 0) return this.unsupported(name, all, steps, ttl)
    return this.fetchKeys(name, usable, `DS in ${parent.text}`, steps, ttl)
  }

  /** Only algorithms or digests that are not supported: as if it were not signed. RFC 4035 §5.2. */
  private unsupported(
    name: Uint8Array,
    ds: readonly Ds[],
    steps: readonly ChainStep[],
    ttl: Seconds
  ): ZoneStatus {
    const all = [
      ...new Set(
        ds.map(({ algorithm, digestType }) => {
          return `${showAlgorithm(algorithm)} with digest ${digestType}`
        })
      )
    ]
    const ede = ds.some(({ digestType }) => digestType === 2 || digestType === 4)
      ? EDE.UNSUPPORTED_DNSKEY_ALGORITHM
      : EDE.UNSUPPORTED_DS_DIGEST
    const text = showCanonical(showName(name))
    const reason = `DS of ${text} has only ${all.slice(0, 4).join(', ')}, which is not supported`
    const step: ChainStep = { subject: `${text} DS`, verdict: 'insecure', text: reason }
    return this.untrusted(name, [...steps, step], { verdict: 'insecure', ede, reason }, ttl)
  }

  /** An alias at the name belongs to the parent zone, so no zone begins there. RFC 1034 §3.6.2. */
  private aliasedName(name: Uint8Array, alias: Rrset, parent: SecureZone): ZoneStatus | NoCut {
    const result = verifyRrset(alias, parent, this.dependencies)
    if (!result.isVerified) return this.bogus(name, 'DS', result.ede, result.reason, parent.steps)
    return this.noCut(this.lifetime(alias, result))
  }

  private deniedCut(
    name: Uint8Array,
    authority: readonly Rrset[],
    parent: SecureZone
  ): ZoneStatus | NoCut {
    const denial = new DenialRecords(authority, parent, this.dependencies)
    const proof = denial.cut(name)
    if (proof === 'no-cut') return this.noCut(denial.ttl)
    const text = showCanonical(showName(name))
    if (proof === 'insecure') {
      const { ede, reason } = denial.insecureReason
      const step: ChainStep = {
        subject: `${text} DS`,
        verdict: 'insecure',
        text: `absent: ${reason}`
      }
      const finding: Finding = {
        verdict: 'insecure',
        ede,
        reason: `${text} is not signed: ${reason}`
      }
      return this.untrusted(name, [...parent.steps, step], finding, denial.ttl)
    }
    const { ede, reason } = denial.rejected ?? {
      ede: EDE.NSEC_MISSING,
      reason: `${parent.text} neither has DS of ${text} nor proves that there is none`
    }
    return this.bogus(name, 'DS', ede, reason, parent.steps)
  }

  /**
   * The keys of a zone, which the DS have to match.
   *
   * @param origin of the DS, human-readable
   */
  private async fetchKeys(
    name: Uint8Array,
    ds: readonly Ds[],
    origin: string,
    steps: readonly ChainStep[],
    maxTtl: Seconds
  ): Promise<ZoneStatus> {
    const { budget, session } = this.dependencies
    const text = showCanonical(showName(name))
    budget.query()
    const response = await session.query(name, RRTYPE.DNSKEY)
    if (response.kind === 'failure') return this.unreachable(name, 'DNSKEY', response.reason, steps)
    const { answer } = response.message
    const rrset = answer.find(it => it.type === RRTYPE.DNSKEY && isSame(it.name, name))
    if (rrset === undefined)
      return this.bogus(name, 'DNSKEY', EDE.DNSKEY_MISSING, `${text} has no DNSKEY`, steps)
    const keys = rrset.rdata.slice(0, MAX_KEYS).filter(isWhole).map(decodeDnskey)
    const entries = this.entryKeys(name, keys, ds)
    if (entries.length === 0) {
      const tags = [...new Set(ds.map(({ keyTag }) => keyTag))].join(', ')
      const reason = `no DNSKEY of ${text} matches ${origin} (key ${tags})`
      return this.bogus(name, 'DNSKEY', EDE.DNSKEY_MISSING, reason, steps)
    }
    const result = verifyRrset(rrset, { name, text, keys: entries }, this.dependencies)
    if (!result.isVerified) {
      const reason = `no key that matches ${origin} signed DNSKEY: ${result.reason}`
      return this.bogus(name, 'DNSKEY', result.ede, reason, steps)
    }
    const step = keyStep(text, result, origin)
    const expires = this.expiry(Math.min(maxTtl, this.lifetime(rrset, result)))
    return { kind: 'secure', name, text, keys, steps: [...steps, step], expires }
  }

  /** Keys that a DS matches. RFC 4035 §5.2. */
  private entryKeys(name: Uint8Array, keys: readonly Dnskey[], ds: readonly Ds[]): Dnskey[] {
    const { budget } = this.dependencies
    const text = showCanonical(showName(name))
    return keys.filter(key =>
      ds.some(
        it =>
          it.keyTag === key.keyTag &&
          it.algorithm === key.algorithm &&
          key.isZoneKey &&
          budget.verify(text, () => matchesKey(it, name, key))
      )
    )
  }

  private noCut(ttl: Seconds): NoCut {
    return { kind: 'no-cut', expires: this.expiry(ttl) }
  }

  private bogus(
    name: Uint8Array,
    type: string,
    ede: number,
    why: string,
    steps: readonly ChainStep[]
  ): ZoneStatus {
    const text = showCanonical(showName(name))
    const step: ChainStep = { subject: `${text} ${type}`, verdict: 'bogus', text: why }
    const finding: Finding = { verdict: 'bogus', ede, reason: `${text} ${type}: ${why}` }
    return this.untrusted(name, [...steps, step], finding, BOGUS_TTL)
  }

  private unreachable(
    name: Uint8Array,
    type: string,
    why: string,
    steps: readonly ChainStep[]
  ): ZoneStatus {
    const subject = `${showCanonical(showName(name))} ${type}`
    const step: ChainStep = { subject, verdict: 'indeterminate', text: why }
    const ede = EDE.DNSSEC_INDETERMINATE
    const finding: Finding = { verdict: 'indeterminate', ede, reason: `${subject}: ${why}` }
    return this.untrusted(name, [...steps, step], finding, INDETERMINATE_TTL)
  }

  private untrusted(
    name: Uint8Array,
    steps: readonly ChainStep[],
    finding: Finding,
    ttl: Seconds
  ): ZoneStatus {
    const text = showCanonical(showName(name))
    return { kind: 'untrusted', name, text, finding, steps, expires: this.expiry(ttl) }
  }

  /** How long a verified RRset can be used. RFC 4035 §5.3.3. */
  private lifetime({ ttl }: Rrset, { signature }: Verified): Seconds {
    const left = secondsLeft(signature, this.dependencies.now)
    return Math.min(ttl, signature.originalTtl, left)
  }

  private expiry(ttl: Seconds): Seconds {
    return this.dependencies.now + Math.min(ttl, MAX_TTL)
  }
}

/** Whether RDATA of DS or DNSKEY has a digest or key after its numbers; others are ignored. */
function isWhole(rdata: Uint8Array): boolean {
  return rdata.length > 4
}

function isAliasOf({ type, name: owner }: Rrset, name: Uint8Array): boolean {
  if (type === RRTYPE.DNAME) return isBelow(name, owner)
  return type === RRTYPE.CNAME && isSame(owner, name)
}

/** What signed an RRset. */
export function signedStep(
  name: Uint8Array,
  type: string,
  { signature, key }: Verified,
  zone: string
): ChainStep {
  const text = `signed by key ${key.keyTag} (${showAlgorithm(signature.algorithm)}) of ${zone}`
  return { subject: `${showCanonical(showName(name))} ${type}`, verdict: 'secure', text }
}

function keyStep(zone: string, { key }: Verified, origin: string): ChainStep {
  const signer = `key ${key.keyTag} (${showAlgorithm(key.algorithm)})`
  return {
    subject: `${zone} DNSKEY`,
    verdict: 'secure',
    text: `signed by ${signer}, which matches ${origin}`
  }
}
