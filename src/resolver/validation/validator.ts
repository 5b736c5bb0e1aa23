import type { Milliseconds, Seconds } from '../../base/units.js'
import { InterdictError } from '../../base/errors/error.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { RRTYPE, showRrtype } from '../../wire/dns/registry/rrtype.js'
import { decodeSignedMessage } from '../../wire/dnssec/signed-message.js'
import { AnswerValidation } from './answer-validation.js'
import { ChainBuilder } from './chain-builder.js'
import type { ChainSource } from './chain-source.js'
import type { TrustAnchors } from './trust-anchors.js'
import {
  LimitReached,
  VALIDATION_LIMITS,
  ValidationBudget,
  type ValidationLimits
} from './validation-budget.js'
import { NO_EXCEPTIONS, type ValidationExceptions } from './validation-exceptions.js'
import { VerdictCache } from './verdict-cache.js'
import type { Finding, Validation } from './verdict.js'
import { ZoneCache } from './zone-cache.js'
import { ZoneFailures } from './zone-failures.js'

/** Of answers without signatures. */
const MAX_TTL: Seconds = 86_400
const SIGNATURES: ReadonlySet<number> = new Set([RRTYPE.RRSIG, RRTYPE.SIG])

export interface ValidatorOptions {
  readonly source: ChainSource
  readonly anchors: TrustAnchors
  /** Undefined: none. */
  readonly exceptions?: ValidationExceptions
  /** The time of day, in seconds since 1970. */
  readonly now: () => Seconds
  /** CPU time of this thread. */
  readonly cpuTime: () => Milliseconds
  readonly limits?: ValidationLimits
}

/**
 * Validates answers. It queries for each answer and for the keys of its zones by itself; what it learns of zones,
 * and failures, it keeps.
 */
export class Validator {
  private readonly zones: ZoneCache
  private readonly failures: ZoneFailures
  private readonly verdicts: VerdictCache
  private exceptions: ValidationExceptions

  constructor(private readonly options: ValidatorOptions) {
    this.exceptions = options.exceptions ?? NO_EXCEPTIONS
    this.zones = new ZoneCache(options.now)
    this.failures = new ZoneFailures(options.now)
    this.verdicts = new VerdictCache(options.now)
  }

  /** Replaces the negative trust anchors. What is known of answers may be wrong with them. */
  setExceptions(exceptions: ValidationExceptions): void {
    this.exceptions = exceptions
    this.verdicts.clear()
  }

  /** Validates the answer to a question. @param name in lower-cased wire form */
  async validate(name: Uint8Array, type: number): Promise<Validation> {
    if (SIGNATURES.has(type)) return unsignable(name, type)
    const known = this.verdicts.get(name, type)
    if (known !== undefined) return known
    const validation = await this.run(name, type)
    this.verdicts.set(name, type, validation)
    return validation
  }

  /** Validates a response that has come already. @param name in lower-cased wire form */
  validateMessage(name: Uint8Array, type: number, message: Uint8Array): Promise<Validation> {
    if (SIGNATURES.has(type)) return Promise.resolve(unsignable(name, type))
    return this.run(name, type, message)
  }

  private async run(name: Uint8Array, type: number, message?: Uint8Array): Promise<Validation> {
    const { exceptions } = this
    const { source, anchors, now, cpuTime, limits = VALIDATION_LIMITS } = this.options
    const session = source.open()
    const budget = new ValidationBudget(limits, this.failures, cpuTime)
    const context = { session, anchors, exceptions, cache: this.zones, budget, now: now() }
    const answer = new AnswerValidation(new ChainBuilder(context), context)
    try {
      if (message !== undefined) {
        await answer.validate(decodeSignedMessage(message), name, type)
        return { ...answer.result, work: budget.work }
      }
      budget.query()
      const response = await session.query(name, type)
      if (response.kind === 'failure') answer.add(unanswered(name, type, response.reason))
      else await answer.validate(response.message, name, type)
    } catch (error) {
      answer.add(findingOf(error))
    }
    return { ...answer.result, work: budget.work }
  }
}

/** @throws any error that is not about the answer */
function findingOf(error: unknown): Finding {
  if (error instanceof LimitReached) return error.finding
  if (!(error instanceof InterdictError)) throw error
  return { verdict: 'bogus', ede: EDE.DNSSEC_BOGUS, reason: error.message }
}

/** Signatures are not signed themselves. RFC 4035 §2.2. */
function unsignable(name: Uint8Array, type: number): Validation {
  const reason = `${showCanonical(showName(name))} ${showRrtype(type)}: signatures are not signed`
  const work = { queries: 0, verifications: 0, failedVerifications: 0, hashes: 0 }
  return { verdict: 'insecure', ede: undefined, reason, steps: [], ttl: 0, maxTtl: MAX_TTL, work }
}

function unanswered(name: Uint8Array, type: number, why: string): Finding {
  const reason = `${showCanonical(showName(name))} ${showRrtype(type)}: ${why}`
  return { verdict: 'indeterminate', ede: EDE.DNSSEC_INDETERMINATE, reason }
}
