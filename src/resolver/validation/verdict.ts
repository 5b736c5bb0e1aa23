import type { Seconds } from '../../base/units.js'

/** What validation says of an answer. RFC 4035 §4.3; RFC 4033 §5. */
export type Verdict =
  /** Signed, by an unbroken chain from a trust anchor. */
  | 'secure'
  /** It is proven that the zone is not signed, or not in a way that is supported. */
  | 'insecure'
  /** It should be signed, but that fails: forged, expired or misconfigured. */
  | 'bogus'
  /** Records are missing that would be needed to know, or validating them took too much. */
  | 'indeterminate'

/** A verdict that is not `secure`, and why. */
export interface Finding {
  readonly verdict: Exclude<Verdict, 'secure'>
  /** INFO-CODE. RFC 8914 §4. Undefined: no error. */
  readonly ede: number | undefined
  /** Names the zone, the key and what failed. */
  readonly reason: string
}

/** One RRset or proof of a chain. */
export interface ChainStep {
  /** `example.com DNSKEY` */
  readonly subject: string
  readonly verdict: Verdict
  /** What signed it, or what failed. */
  readonly text: string
}

/** The work that validation took. */
export interface ValidationWork {
  readonly queries: number
  readonly verifications: number
  readonly failedVerifications: number
  readonly hashes: number
}

export interface Validation {
  readonly verdict: Verdict
  readonly ede: number | undefined
  /** Empty if secure. */
  readonly reason: string
  /** From the trust anchor to the answer. */
  readonly steps: readonly ChainStep[]
  /** How long the verdict is valid. */
  readonly ttl: Seconds
  /** The longest TTL that records of the answer may have: none outlives its signature. RFC 4035 §5.3.3. */
  readonly maxTtl: Seconds
  readonly work: ValidationWork
}

const RANK: Readonly<Record<Verdict, number>> = {
  secure: 0,
  insecure: 1,
  indeterminate: 2,
  bogus: 3
}

export function isWorse(a: Verdict, b: Verdict): boolean {
  return RANK[a] > RANK[b]
}
