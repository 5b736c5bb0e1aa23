import { cpuTime } from '../../base/system/cpu-time.js'
import { MS_PER_SECOND } from '../../base/units.js'
import { COMMON_SET } from '../../policy/tables/forwarder-sets.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { answerVerdict, type AnswerVerdict } from '../../resolver/validation/answer-verdict.js'
import { trustAnchorsWith } from '../../resolver/validation/trust-anchors.js'
import { ValidatingForwarder } from '../../resolver/validation/validating-forwarder.js'
import { ValidationExceptions } from '../../resolver/validation/validation-exceptions.js'
import { Validator } from '../../resolver/validation/validator.js'
import type { Validation } from '../../resolver/validation/verdict.js'
import type { Forwarder } from '../../resolver/upstream/forwarder.js'
import { decompressName } from '../../wire/dns/name/name.js'
import { qtypeOf } from '../../wire/dns/message/question.js'
import type { Config } from '../config/config.js'
import { openChainSource } from './own-chain-source.js'

/** Validates answers outside the validation thread, by settings and rules, for one query. */
export class OwnValidator {
  private readonly validators = new Map<number, Validator>()
  private readonly closers: (() => void)[] = []

  constructor(
    private readonly config: Config,
    private readonly snapshot: Snapshot
  ) {}

  /** The chain of an answer, queried now. @param forwarders `ForwarderSet.id` of the client's network */
  validate(name: Uint8Array, type: number, forwarders: number): Promise<Validation> {
    return this.of(forwarders).validate(name, type)
  }

  /** Validates what a forwarder returns to clients of networks that enforce DNSSEC, as a worker does. */
  enforcing(forwarder: Forwarder): Forwarder {
    const validate = (
      question: Uint8Array,
      message: Uint8Array,
      forwarders: number,
      done: (verdict: AnswerVerdict) => void
    ): void => {
      const lower: number[] = []
      decompressName(question, 0, lower)
      const name = Uint8Array.from(lower)
      const validation = this.of(forwarders).validateMessage(name, qtypeOf(question), message)
      void validation.then(found => done(answerVerdict(found)))
    }
    return new ValidatingForwarder(forwarder, { validate })
  }

  close(): void {
    for (const close of this.closers) close()
  }

  private of(forwarders: number): Validator {
    const known = this.validators.get(forwarders)
    if (known !== undefined) return known
    const { config, snapshot } = this
    const set = snapshot.forwarders.find(({ id }) => id === forwarders && id !== COMMON_SET)
    const source = openChainSource(config, set)
    this.closers.push(() => source.close())
    const validator = new Validator({
      source,
      anchors: trustAnchorsWith(config.dnssec.trustAnchors, snapshot.origin.trustAnchors),
      exceptions: new ValidationExceptions(snapshot.origin.dnssecExceptions ?? []),
      now: () => Math.floor(Date.now() / MS_PER_SECOND),
      cpuTime
    })
    this.validators.set(forwarders, validator)
    return validator
  }
}
