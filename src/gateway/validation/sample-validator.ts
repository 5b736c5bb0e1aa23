import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { decompressName, showCanonical, showName } from '../../wire/dns/name/name.js'
import { qtypeOf } from '../../wire/dns/message/question.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import type { Validation, Verdict } from '../../resolver/validation/verdict.js'
import type { ValidationFailure, ValidationStatus } from './validation-status.js'

/** Answers validated at the same time: most of the time they wait for upstreams. */
const MAX_RUNNING = 8
const MAX_WAITING = 200
/** Failures in the status. */
const MAX_FAILURES = 100
/** The same failure is logged once in this time. */
const LOG_INTERVAL: Milliseconds = 3600 * MS_PER_SECOND
const MAX_LOGGED = 1000

export interface SampleValidatorOptions {
  readonly validate: (name: Uint8Array, type: number) => Promise<Validation>
  readonly log: ServiceLog
  /** Wall-clock time. */
  readonly wall: () => Milliseconds
  /** Called after each result. */
  readonly onChange: () => void
}

/** Validates samples, a few at a time, counts verdicts and logs failures. It changes no answer. */
export class SampleValidator {
  private readonly waiting: ValidationSample[] = []
  private running = 0
  private dropped = 0
  private readonly networks = new Map<string, Record<Verdict, number>>()
  private failures: ValidationFailure[] = []
  /** When each failure was logged. */
  private readonly logged = new Map<string, Milliseconds>()

  constructor(private readonly options: SampleValidatorOptions) {}

  get state(): Omit<ValidationStatus, 'since'> {
    const { networks, dropped, failures } = this
    return { networks: Object.fromEntries(networks), dropped, failures }
  }

  offer(sample: ValidationSample): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.dropped++
      this.options.onChange()
      return
    }
    this.waiting.push(sample)
    this.startNext()
  }

  private startNext(): void {
    if (this.running >= MAX_RUNNING) return
    const sample = this.waiting.shift()
    if (sample === undefined) return
    this.running++
    void this.validate(sample).finally(() => {
      this.running--
      this.startNext()
    })
  }

  private async validate({ network, question }: ValidationSample): Promise<void> {
    const lower: number[] = []
    decompressName(question, 0, lower)
    const name = Uint8Array.from(lower)
    const type = qtypeOf(question)
    const validation = await this.options.validate(name, type)
    this.count(network, validation.verdict)
    if (validation.verdict === 'bogus' || validation.verdict === 'indeterminate')
      this.addFailure(network, showCanonical(showName(name)), showRrtype(type), validation)
    this.options.onChange()
  }

  private count(network: string, verdict: Verdict): void {
    let counts = this.networks.get(network)
    if (counts === undefined)
      this.networks.set(network, (counts = { secure: 0, insecure: 0, bogus: 0, indeterminate: 0 }))
    counts[verdict]++
  }

  private addFailure(network: string, name: string, type: string, validation: Validation): void {
    const { log, wall } = this.options
    const { verdict, reason, ede = null } = validation
    const at = new Date(wall()).toISOString()
    const failure = { at, network, name, type, verdict, ede, reason }
    const others = this.failures.filter(
      it => it.network !== network || it.name !== name || it.type !== type
    )
    this.failures = [failure, ...others].slice(0, MAX_FAILURES)
    if (!this.isNews(`${network} ${reason}`)) return
    const fields = { network, name, type, verdict, ...(ede !== null && { ede }), reason }
    if (verdict === 'bogus') log.warn(fields, 'answer fails DNSSEC validation; it was not changed')
    else log.info(fields, 'answer could not be validated by DNSSEC; it was not changed')
  }

  private isNews(what: string): boolean {
    const { logged } = this
    const now = this.options.wall()
    const before = logged.get(what)
    if (before !== undefined && now - before < LOG_INTERVAL) return false
    logged.delete(what)
    if (logged.size >= MAX_LOGGED) logged.delete(logged.keys().next().value!)
    logged.set(what, now)
    return true
  }
}
