import type { Config } from '../../gateway/config/config.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { FromHttp, HttpInit, ToHttp } from '../http/http-messages.js'
import { Restarts } from '../../base/threads/restarts.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import { keepOptional } from '../../base/threads/start-file.js'
import type { Thread } from '../../base/threads/thread.js'
import type { AdminService, AdminServiceOptions } from '../../gateway/control/services.js'
import type { CountedRules } from '../../gateway/workers/rule-counters.js'
import {
  errorReply,
  type AdminReply,
  type ControlRequest,
  type PauseRequest
} from '../../gateway/socket/admin-protocol.js'

/** The control thread's handle of the HTTP thread, which is restarted when it dies. */
export class HttpHandle implements AdminService {
  private readonly restarts: Restarts
  private thread: Thread<ToHttp> | undefined
  private isClosed = false
  private rules: CountedRules | undefined
  endpoint: Endpoint | undefined

  private config: Config

  constructor(private readonly options: AdminServiceOptions) {
    this.config = options.config
    this.restarts = new Restarts(() => this.restart(), options.log)
  }

  async open(): Promise<readonly SerializedError[]> {
    const { http, tokens, dashboard } = this.options.config.admin
    if (http === undefined) return []
    if (tokens !== undefined) keepOptional('start-api.js')
    if (tokens !== undefined && dashboard) keepOptional('dashboard-assets.js')
    const error = await new Promise<SerializedError | undefined>(resolve =>
      this.start(http, resolve)
    )
    return error === undefined ? [] : [error]
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.restarts.cancel()
    await this.thread?.end()
  }

  configure(config: Config): void {
    this.config = { ...config, admin: this.options.config.admin }
    this.thread?.send({ kind: 'settings', config: this.config })
  }

  setRules(rules: CountedRules): void {
    this.rules = rules
    this.thread?.send({ kind: 'rules', rules })
  }

  recordPause(request: PauseRequest): void {
    this.thread?.send({ kind: 'paused', request })
  }

  private async reply(thread: Thread<ToHttp>, id: number, request: ControlRequest): Promise<void> {
    let reply: AdminReply<unknown>
    try {
      reply = { ok: true, result: await this.options.handle(request) }
    } catch (error) {
      reply = errorReply(error)
    }
    thread.send({ kind: 'reply', id, reply })
  }

  private restart(): void {
    const endpoint = this.endpoint ?? this.options.config.admin.http
    const { log } = this.options
    this.start(endpoint!, error => {
      if (error !== undefined) log.error({ error: error.message }, 'HTTP thread does not listen')
    })
  }

  /** @param opened called once: it listens, or why it does not */
  private start(endpoint: Endpoint, opened: (error?: SerializedError) => void): void {
    const { config } = this
    const { startThread, counters, log } = this.options
    this.restarts.onStart()
    const thread = startThread<ToHttp, FromHttp>(
      'http-main.js',
      { program: process.argv[1] ?? '', config, endpoint, counters } satisfies HttpInit,
      {
        message: message => {
          switch (message.kind) {
            case 'request':
              return void this.reply(thread, message.id, message.request)
            case 'log':
              return log[message.level](message.fields, message.message)
            case 'listening':
              this.endpoint = message.endpoint
              return opened()
            case 'failed':
              return opened(message.error)
          }
        },
        exited: error => {
          this.thread = undefined
          opened(serializeError(error ?? new Error('ended')))
          if (!this.isClosed) this.restarts.onExit(error, 'HTTP thread died; restarting it')
        }
      }
    )
    this.thread = thread
    if (this.rules !== undefined) thread.send({ kind: 'rules', rules: this.rules })
  }
}
