import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../../base/time/clock.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import type { Milliseconds } from '../../base/units.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import type { AnswerValidator, AnswerVerdict } from '../../resolver/validation/answer-verdict.js'

/** A response to validate. A worker sends those of one turn of its event loop together: a message between threads costs much. */
export interface ValidationRequest {
  readonly id: number
  readonly question: Uint8Array
  readonly message: Uint8Array
  /** Number of those that were queried: the chain of trust comes from them as well. */
  readonly forwarders: number
}

export interface ValidationBatch {
  readonly requests: readonly ValidationRequest[]
  /** Answers that were not accepted since the last batch, without a verdict. */
  readonly refused: number
}

export interface ValidationReply {
  readonly id: number
  readonly verdict: AnswerVerdict
}

/** What `ValidationLink` needs of a port. */
export type ValidationPort = Pick<MessagePort, 'on' | 'postMessage' | 'close'>

interface Waiting {
  readonly done: (verdict: AnswerVerdict) => void
  readonly until: Milliseconds
}

/** Responses of one worker that wait for their verdicts; more are refused at once. */
const MAX_WAITING = 4_000
/** How often to look for those that have waited too long. */
const INTERVAL: Milliseconds = 100

/**
 * A worker's link to the validation thread. Whatever goes wrong, an answer that was not validated is not accepted: the thread is
 * being restarted, has too much to do, or takes longer than an upstream may.
 */
export class ValidationLink implements AnswerValidator {
  private port: ValidationPort | undefined
  private readonly waiting = new Map<number, Waiting>()
  private lastId = 0
  private refused = 0
  private batch: ValidationRequest[] = []
  private timer: Timer | undefined

  /** @param patience may be changed: how long a verdict may take */
  constructor(
    public patience: Milliseconds,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  /** Takes a port to a validation thread, instead of the previous one's. */
  connect(port: ValidationPort): void {
    this.port?.close()
    this.rejectAll()
    this.port = port
    port.on('message', (replies: readonly ValidationReply[]) => {
      for (const { id, verdict } of replies) this.end(id, verdict)
    })
    port.on('close', () => {
      if (this.port === port) this.close()
    })
  }

  /** Nothing that waits will get a verdict. */
  close(): void {
    const { port } = this
    this.port = undefined
    port?.close()
    this.rejectAll()
  }

  validate(
    question: Uint8Array,
    message: Uint8Array,
    forwarders: number,
    done: (verdict: AnswerVerdict) => void
  ): void {
    const { port, waiting, clock } = this
    const id = ++this.lastId
    waiting.set(id, { done, until: clock.now() + this.patience })
    if (port === undefined || waiting.size > MAX_WAITING) {
      const why = port === undefined ? NOT_RUNNING : 'too many answers wait for validation'
      // Not within this call.
      queueMicrotask(() => this.refuse(id, why))
      return
    }
    if (this.batch.length === 0) queueMicrotask(this.sendBatch)
    this.batch.push({ id, question, message, forwarders })
    this.timer ??= this.timers.after(INTERVAL, this.check)
  }

  private readonly sendBatch = (): void => {
    const { port, refused, waiting } = this
    // A port that has just been replaced has had its requests refused.
    const requests = this.batch.filter(({ id }) => waiting.has(id))
    this.batch = []
    if (port === undefined || requests.length === 0) return
    this.refused = 0
    // This copies the messages, which are used again once their verdicts are known.
    port.postMessage({ requests, refused } satisfies ValidationBatch)
  }

  private end(id: number, verdict: AnswerVerdict): void {
    const { waiting } = this
    const done = waiting.get(id)?.done
    waiting.delete(id)
    done?.(verdict)
  }

  /** In the order in which they came, so the first are the oldest. */
  private readonly check = (): void => {
    const now = this.clock.now()
    for (const [id, { until }] of this.waiting) {
      if (until > now) break
      this.refuse(id, 'validation took too long')
    }
    this.timer = this.waiting.size > 0 ? this.timers.after(INTERVAL, this.check) : undefined
  }

  private rejectAll(): void {
    for (const id of [...this.waiting.keys()]) this.refuse(id, NOT_RUNNING)
  }

  private refuse(id: number, reason: string): void {
    if (!this.waiting.has(id)) return
    this.refused++
    this.end(id, { isAccepted: false, isBogus: false, ede: EDE.DNSSEC_INDETERMINATE, reason })
  }
}

const NOT_RUNNING = 'the validation thread is being restarted'
