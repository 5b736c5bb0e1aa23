import type { Config } from '../../gateway/config/config.js'
import { isSameSetting } from '../../gateway/config/restart-keys.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { FromHttp, HttpInit, ToHttp } from '../http/http-messages.js'
import { Restarts } from '../../base/threads/restarts.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import { keepOptional } from '../../base/threads/start-file.js'
import type { Thread } from '../../base/threads/thread.js'
import type {
  AdminService,
  AdminServiceOptions,
  PreparedStep
} from '../../gateway/control/services.js'
import type { CountedRules } from '../../gateway/workers/rule-counters.js'
import {
  errorReply,
  type AdminReply,
  type ControlRequest,
  type PauseRequest
} from '../../gateway/socket/admin-protocol.js'

/** What one HTTP thread has from its start to its end. */
type Setup = Pick<Config['admin'], (typeof SETUP)[number]>
const SETUP = ['http', 'tls', 'tokens', 'dashboard', 'oidc'] as const

/** The control thread's handle of the HTTP thread, which is restarted when it dies. */
export class HttpHandle implements AdminService {
  private readonly restarts: Restarts
  private thread: Thread<ToHttp> | undefined
  private isClosed = false
  private rules: CountedRules | undefined
  endpoint: Endpoint | undefined
  private config: Config
  /** Until it has gone back to earlier settings. */
  private returning = Promise.resolve()

  constructor(private readonly options: AdminServiceOptions) {
    this.config = options.config
    this.restarts = new Restarts(() => this.restart(), options.log)
  }

  async open(): Promise<readonly SerializedError[]> {
    const error = await this.start(this.config)
    return error === undefined ? [] : [error]
  }

  async prepare(next: Config): Promise<PreparedStep> {
    await this.returning
    const { config } = this
    if (isSameSetting(setupOf(config), setupOf(next)))
      return { errors: [], commit: () => undefined, discard: () => undefined }
    const before = this.leave()
    const isSame = isSameSetting(config.admin.http, next.admin.http)
    // Two threads cannot listen on one address.
    if (isSame) await before.thread?.end()
    const error = await this.start(next, isSame ? before.endpoint : undefined)
    const goBack = async (): Promise<void> => {
      const { thread } = this.leave()
      this.config = config
      if (this.isClosed) {
        // The gateway is stopping.
        await Promise.all([thread?.end(), before.thread?.end()])
        return
      }
      if (isSame) {
        await thread?.end()
        await this.start(config, before.endpoint)
      } else {
        void thread?.end()
        Object.assign(this, before)
      }
    }
    if (error !== undefined) await goBack()
    return {
      errors: error === undefined ? [] : [error],
      commit: () => {
        if (!isSame) void before.thread?.end()
      },
      discard: () => {
        if (error === undefined) this.returning = goBack()
      }
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.restarts.cancel()
    await this.thread?.end()
  }

  configure(config: Config): void {
    this.config = config
    this.thread?.send({ kind: 'settings', config })
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

  /** Its thread is no longer that of this handle, whatever it does from now on. */
  private leave(): { readonly thread?: Thread<ToHttp>; readonly endpoint?: Endpoint } {
    this.restarts.cancel()
    const { thread, endpoint } = this
    this.thread = undefined
    this.endpoint = undefined
    return { ...(thread && { thread }), ...(endpoint && { endpoint }) }
  }

  private restart(): void {
    void this.start(this.config, this.endpoint).then(error => {
      if (error !== undefined)
        this.options.log.error({ error: error.message }, 'HTTP thread does not listen')
    })
  }

  /**
   * Starts a thread, unless the settings have none.
   *
   * @param endpoint of an earlier thread, with the port chosen for port 0
   * @returns why it does not listen
   */
  private async start(
    config: Config,
    endpoint: Endpoint | undefined = config.admin.http
  ): Promise<SerializedError | undefined> {
    const { tokens, dashboard } = config.admin
    if (endpoint === undefined || this.isClosed) return undefined
    try {
      if (tokens !== undefined) keepOptional('start-api.js')
      if (tokens !== undefined && dashboard) keepOptional('dashboard-assets.js')
    } catch (error) {
      return serializeError(error)
    }
    return new Promise(resolve => this.startThread(config, endpoint, resolve))
  }

  /** @param opened called once: it listens, or why it does not */
  private startThread(
    config: Config,
    endpoint: Endpoint,
    opened: (error?: SerializedError) => void
  ): void {
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
              if (this.thread === thread) this.endpoint = message.endpoint
              return opened()
            case 'failed':
              return opened(message.error)
          }
        },
        exited: error => {
          opened(serializeError(error ?? new Error('ended')))
          if (this.thread !== thread) return
          this.thread = undefined
          if (!this.isClosed) this.restarts.onExit(error, 'HTTP thread died; restarting it')
        }
      }
    )
    this.thread = thread
    if (this.rules !== undefined) thread.send({ kind: 'rules', rules: this.rules })
  }
}

function setupOf({ admin }: Config): Setup {
  return Object.fromEntries(SETUP.map(key => [key, admin[key]])) as unknown as Setup
}
