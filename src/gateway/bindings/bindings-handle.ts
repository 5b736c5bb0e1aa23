import { dirname } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { PendingRequests } from '../../base/threads/pending-requests.js'
import type { Milliseconds } from '../../base/units.js'
import { Restarts } from '../../base/threads/restarts.js'
import { keepIfPresent } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, type StartThread, type Thread } from '../../base/threads/thread.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { allocateDeviceTable, DeviceTableWriter } from '../../policy/bindings/device-table.js'
import type { ClientTable } from '../../policy/tables/client-table.js'
import type { Config } from '../config/config.js'
import type {
  BindingsInit,
  BindingsState,
  FromBindings,
  PushedBindings,
  PushResult,
  ToBindings
} from './binding-messages.js'

/** A large body takes a second or two. */
const PUSH_TIMEOUT: Milliseconds = 15_000

export interface BindingsOptions {
  readonly startThread: StartThread
  readonly config: Config
  readonly log: ServiceLog
}

/**
 * The control thread's handle of the thread that follows the feeds of bindings; it runs if the settings have feeds. If it dies, no
 * device is certain until it has restarted and the feeds are read.
 */
export class BindingsHandle {
  /** Memory of the devices behind addresses; undefined: there are no feeds. */
  readonly devices: SharedArrayBuffer | undefined
  private readonly restarts: Restarts
  private thread: Thread<ToBindings> | undefined
  private clients: ClientTable | undefined
  private state: BindingsState | undefined
  private pending = new PendingRequests<PushResult>()

  constructor(private readonly options: BindingsOptions) {
    const { feeds, limit } = options.config.bindings
    this.devices = feeds.length === 0 ? undefined : allocateDeviceTable(limit)
    this.restarts = new Restarts(() => this.startThread(), options.log)
  }

  /** Null: there are no feeds. */
  get status(): BindingsState | null {
    if (this.devices === undefined) return null
    const feeds = this.options.config.bindings.feeds.map(({ name }) => {
      return { name, up: false, error: null }
    })
    return this.state ?? { feeds, bindings: 0, refused: 0 }
  }

  /** The gateway has the lock of the query log. */
  start(): void {
    if (this.devices !== undefined) this.startThread()
  }

  /** The rules in force. */
  setRules(clients: ClientTable): void {
    this.clients = clients
    this.thread?.send({ kind: 'rules', clients })
  }

  /** Passes JSON lines on to a feed. @throws InterdictError BINDINGS_FEED */
  async push(pushed: PushedBindings): Promise<PushResult> {
    const { thread } = this
    const reply = await (thread === undefined
      ? 'exited'
      : this.pending.send(id => thread.send({ kind: 'push', id, pushed }), PUSH_TIMEOUT))
    if (typeof reply === 'object') return reply
    const why = reply === 'timeout' ? 'no reply in time' : 'its thread is restarting'
    throw failure('BINDINGS_FEED', pushed.feed, why)
  }

  async close(): Promise<void> {
    this.restarts.cancel()
    const { thread } = this
    this.thread = undefined
    this.pending.close()
    await thread?.end(EXIT_TIMEOUT)
  }

  private startThread(): void {
    const { devices, clients, options } = this
    const { config, startThread, log } = options
    const { which, path, privacy } = config.log.queries
    this.restarts.onStart()
    const folder = which === 'none' ? undefined : dirname(path)
    const init: BindingsInit = {
      ...{ config: config.bindings, devices: devices!, clients, folder, privacy }
    }
    keepIfPresent('bindings-main.js')
    const thread = startThread<ToBindings, FromBindings>('bindings-main.js', init, {
      message: message => {
        if (this.thread !== thread) return
        if (message.kind === 'state') this.state = message.state
        else if (message.kind === 'pushed') this.pending.onReply(message.id, message.result)
        else log[message.level](message.fields, message.message)
      },
      exited: error => {
        if (this.thread !== thread) return
        this.thread = undefined
        this.state = undefined
        this.pending.close()
        this.pending = new PendingRequests()
        new DeviceTableWriter(devices!).trustUntil(0)
        this.restarts.onExit(
          error,
          'bindings thread died; restarting it, no device is known meanwhile'
        )
      }
    })
    this.thread = thread
  }
}
