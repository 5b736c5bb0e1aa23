import type { Milliseconds } from '../../base/units.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import type { Finding, ValidationWork } from './verdict.js'
import type { ZoneFailures } from './zone-failures.js'

/** Limits for the validation of one answer. */
export interface ValidationLimits {
  /** Signatures and DS digests that do not match. CVE-2023-50387 (KeyTrap). */
  readonly failedVerifications: number
  /** Hashes of names for NSEC3, each with all its iterations. CVE-2023-50868. */
  readonly hashes: number
  /** CPU time of signatures and hashes; waits for upstreams do not count. */
  readonly cpu: Milliseconds
  /** Queries to upstreams. */
  readonly queries: number
}

export const VALIDATION_LIMITS: ValidationLimits = {
  failedVerifications: 16,
  hashes: 128,
  cpu: 50,
  queries: 64
}

/**
 * Failed verifications of one answer that its zone is not charged with. A zone in which single records are wrong must not fail
 * as a whole because clients query for many of those.
 */
const UNCHARGED = 2

/** Thrown when a limit is reached: the finding is the verdict of the whole answer. */
export class LimitReached extends Error {
  constructor(readonly finding: Finding) {
    super(finding.reason)
  }
}

/** Counts the work for one answer, and ends it at the limits. */
export class ValidationBudget {
  private queries = 0
  private verifications = 0
  private failedVerifications = 0
  private hashes = 0
  private cpu: Milliseconds = 0

  /** @param cpuTime of this thread */
  constructor(
    private readonly limits: ValidationLimits,
    private readonly zones: ZoneFailures,
    private readonly cpuTime: () => Milliseconds
  ) {}

  get work(): ValidationWork {
    const { queries, verifications, failedVerifications, hashes } = this
    return { queries, verifications, failedVerifications, hashes }
  }

  /** Verifies a signature or a digest. @param zone whose key it is @throws LimitReached */
  verify(zone: string, isValid: () => boolean): boolean {
    const { limits, zones } = this
    if (zones.isExhausted(zone))
      throw bogus(`too many signatures of ${zone} failed within a minute; not validated further`)
    this.verifications++
    const isGood = this.measure(isValid)
    if (isGood) return true
    if (++this.failedVerifications > UNCHARGED) zones.add(zone)
    if (this.failedVerifications >= limits.failedVerifications)
      throw bogus(`${limits.failedVerifications} signatures failed, the last in ${zone}`)
    return false
  }

  /** Hashes a name for NSEC3. @throws LimitReached */
  hash<T>(zone: string, hash: () => T): T {
    const { limits } = this
    if (this.hashes >= limits.hashes)
      throw bogus(`NSEC3 of ${zone} needs more than ${limits.hashes} hashes`)
    this.hashes++
    return this.measure(hash)
  }

  /** Counts a query to an upstream. @throws LimitReached */
  query(): void {
    const { limits } = this
    if (this.queries >= limits.queries)
      throw indeterminate(`the chain needs more than ${limits.queries} queries`)
    this.queries++
  }

  private measure<T>(work: () => T): T {
    const { limits } = this
    if (this.cpu > limits.cpu)
      throw indeterminate(`validation took more than ${limits.cpu} ms of CPU time`)
    const start = this.cpuTime()
    const result = work()
    this.cpu += this.cpuTime() - start
    return result
  }
}

function bogus(reason: string): LimitReached {
  return new LimitReached({ verdict: 'bogus', ede: EDE.DNSSEC_BOGUS, reason })
}

function indeterminate(reason: string): LimitReached {
  return new LimitReached({ verdict: 'indeterminate', ede: EDE.DNSSEC_INDETERMINATE, reason })
}
