import type { ServiceLog } from '../../../querylog/record/service-log.js'
import type { Endpoint } from '../../../udp/datagram.js'
import { Backoff } from '../../threads/backoff.js'
import type { FromHttp, HttpInit, ToHttp } from '../../threads/messages.js'
import { serializeError, type SerializedError } from '../../threads/serialized-error.js'
import type { StartThread, Thread } from '../../threads/thread.js'
import type { CountedRules } from '../../workers/rule-counters.js'
import type { StatusReply } from '../health.js'

/** The control thread's handle of the HTTP thread, which is restarted when it dies. */
export class HttpHandle {
  private readonly backoff = new Backoff()
  private thread: Thread<ToHttp> | undefined
  private timer: NodeJS.Timeout | undefined
  private isClosed = false
  private rules: CountedRules | undefined
  /** Where it listens, with the port chosen for port 0. */
  endpoint: Endpoint | undefined

  /**
   * @param wanted undefined: `admin.http` is off
   * @param counters see `HttpInit`
   */
  constructor(
    private readonly startThread: StartThread,
    private readonly wanted: Endpoint | undefined,
    private readonly counters: SharedArrayBuffer,
    private readonly status: () => Promise<StatusReply>,
    private readonly log: ServiceLog
  ) {}

  /** Starts to listen, if the settings say so. @returns the errors that prevent it */
  async open(): Promise<readonly SerializedError[]> {
    const { wanted } = this
    if (wanted === undefined) return []
    const error = await new Promise<SerializedError | undefined>(resolve =>
      this.start(wanted, resolve)
    )
    return error === undefined ? [] : [error]
  }

  async close(): Promise<void> {
    this.isClosed = true
    clearTimeout(this.timer)
    await this.thread?.end()
  }

  /** Replaces the rules whose counters are shown. */
  setRules(rules: CountedRules): void {
    this.rules = rules
    this.thread?.send({ kind: 'rules', rules })
  }

  /** Without a reply the thread says that there is none. */
  private async reply(thread: Thread<ToHttp>, id: number): Promise<void> {
    try {
      thread.send({ kind: 'reply', id, reply: await this.status() })
    } catch (error) {
      this.log.error({ error: serializeError(error).message }, 'no status for HTTP')
    }
  }

  /** @param opened called once: it listens, or why it does not */
  private start(endpoint: Endpoint, opened: (error?: SerializedError) => void): void {
    const startedAt = performance.now()
    const thread = this.startThread<ToHttp, FromHttp>(
      'http-main.js',
      { endpoint, counters: this.counters } satisfies HttpInit,
      {
        message: message => {
          if (message.kind === 'request') {
            void this.reply(thread, message.id)
          } else if (message.kind === 'listening') {
            this.endpoint = message.endpoint
            opened()
          } else opened(message.error)
        },
        exited: error => {
          this.thread = undefined
          const reason = serializeError(error ?? new Error('ended'))
          opened(reason)
          if (this.isClosed) return
          const delay = this.backoff.next(performance.now() - startedAt)
          const fields = { error: reason.message, restartMs: delay }
          this.log.error(fields, 'HTTP thread died; restarting it')
          const retry = (failed?: SerializedError): void => {
            if (failed !== undefined)
              this.log.error({ error: failed.message }, 'HTTP thread does not listen')
          }
          this.timer = setTimeout(() => this.start(this.endpoint ?? endpoint, retry), delay)
        }
      }
    )
    this.thread = thread
    if (this.rules !== undefined) thread.send({ kind: 'rules', rules: this.rules })
  }
}
