import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { AdminSocketConfig } from '../config/config.js'
import { NameScope } from '../../resolver/cache/name-scope.js'
import { readName } from '../../wire/dns/name/name.js'
import type { WantedPause } from '../reload/rule-pauses.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { ReloadStatus } from '../reload/reload-reporter.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import type { SharedCache } from '../workers/shared-cache.js'
import type { WorkerPool } from '../workers/worker-pool.js'
import type {
  ApplyResult,
  FlushResult,
  PauseResult,
  FlushRequest,
  PauseRequest,
  ControlRequest,
  RulesRequest,
  UpgradeResult
} from './admin-protocol.js'
import type { ConfirmResult } from '../reload/unconfirmed-changes.js'
import { AdminServer } from './admin-server.js'
import { statusSocket } from '../config/default-paths.js'
import { GROUP_UMASK, openAdminSocket, type AdminSocket } from './admin-socket.js'
import { withHealth } from '../status/health.js'
import type { FetchRequest } from '../egress/denied-export.js'
import type { FetchResult } from '../egress/observation-messages.js'
import type { PushedBindings, PushResult } from '../bindings/binding-messages.js'
import type { OctetReply } from '../status/rules-in-force.js'
import type { Status } from '../status/status.js'

/** Workers clear their shelves between two batches of queries; one that takes longer than this hangs. */
const FLUSH_TIMEOUT: Milliseconds = 60_000

/** What operators may do besides. */
export interface Operations {
  /** Reads the rules again. */
  reload(by?: string): Promise<ReloadStatus>
  /** Closes the query log file, so that it can be archived. @returns whether there was anything in it */
  rotate(): Promise<{ readonly rotated: boolean }>
  /** As `RulesReloader.apply`. */
  apply(sha256: string | undefined, by: string | undefined): Promise<ApplyResult>
  /** The rules in force, with all names. */
  rulesInForce(): Promise<OctetReply>
  /** As `RulesReloader.pause`. */
  pause(wanted: WantedPause): Promise<PauseResult>
  /** As `BindingsHandle.push`. */
  pushBindings(pushed: PushedBindings): Promise<PushResult>
  /** As `ObservationHandle.fetchDenied`. */
  fetchDenied(request: FetchRequest): Promise<FetchResult>
  /** As `RulesReloader.confirmList`. */
  confirm(list: string): ConfirmResult
}

export interface AdminOptions {
  /** Undefined: the admin socket is off. */
  readonly socket: AdminSocketConfig | undefined
  readonly workerPool: Pick<WorkerPool, 'request'>
  readonly cache: Pick<SharedCache, 'flush'>
  readonly status: () => Promise<Status>
  /** Undefined: this gateway is not a process of its own. */
  readonly upgrade?: (() => Promise<UpgradeResult>) | undefined
  readonly operations: Operations
  /** A client of the socket has paused a block, or ended its pause. */
  readonly onPause?: (request: PauseRequest) => void
  readonly log: ServiceLog
}

/** The places by default: a run folder is not made, since it belongs to the service manager. */
function usablePaths({ paths }: AdminSocketConfig): readonly string[] {
  return paths.filter((path, i) => i === paths.length - 1 || isWritable(dirname(path)))
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The admin socket: accepts requests and runs them; also runs the requests of the HTTP API. */
export class AdminInterface {
  private readonly server = new AdminServer(async request => {
    const result = await this.handle(request)
    if (request.do === 'pause') this.options.onPause?.(request)
    return result
  })
  private readonly statusServer = new AdminServer(async request => {
    if (request.do !== 'status') throw failure('ADMIN_STATUS_ONLY')
    return this.handle(request)
  })
  private socket: AdminSocket | undefined
  /** Socket for the group of the process. */
  private status: AdminSocket | undefined
  private config: AdminSocketConfig | undefined
  private isClosed = false

  constructor(private readonly options: AdminOptions) {
    this.config = options.socket
  }

  /**
   * Opens the socket, unless it is off in the settings. If it cannot be opened where it is by default, the
   * gateway serves without, with a warning.
   *
   * @returns the errors that prevent the start
   */
  async open(): Promise<readonly SerializedError[]> {
    const { socket, errors } = await this.openAt(this.options.socket)
    this.socket = socket
    if (errors.length === 0) this.status = await this.openStatus(socket)
    return errors
  }

  /**
   * Opens the socket of other settings beside the present one. Clients of the present one are answered.
   *
   * @returns the errors that prevent it; `commit` closes the previous socket, `discard` the new one
   */
  async prepare(config: AdminSocketConfig | undefined) {
    const open = this.socket?.path
    const isSame =
      open === undefined
        ? isDeepStrictEqual(config?.paths, this.config?.paths)
        : (config?.paths.includes(open) ?? false)
    const { socket, errors } = isSame
      ? { socket: this.socket, errors: [] }
      : await this.openAt(config)
    return {
      errors,
      commit: () => {
        if (!isSame) this.socket?.close()
        this.socket = socket
        this.config = config
        if (!isSame) void this.moveStatus(socket)
      },
      discard: () => {
        if (!isSame) socket?.close()
      }
    }
  }

  private async openAt(config: AdminSocketConfig | undefined): Promise<{
    readonly socket: AdminSocket | undefined
    readonly errors: readonly SerializedError[]
  }> {
    if (config === undefined) return { socket: undefined, errors: [] }
    const { position } = config
    const isDefault = position === undefined
    const errors: SerializedError[] = []
    let socket: AdminSocket | undefined
    for (const path of isDefault ? usablePaths(config) : config.paths) {
      try {
        socket = await openAdminSocket({ path, position }, this.server.accept)
        break
      } catch (error) {
        errors.push(serializeError(error))
      }
    }
    if (!isDefault) return { socket, errors }
    const then = socket === undefined ? '; serving without it' : ''
    for (const { code, message } of errors) this.options.log.warn({ code }, `${message}${then}`)
    return { socket, errors: [] }
  }

  /** Opens the status socket. If this fails, the gateway serves without it. */
  private async openStatus(admin: AdminSocket | undefined): Promise<AdminSocket | undefined> {
    if (admin === undefined) return undefined
    try {
      const path = statusSocket(admin.path)
      return await openAdminSocket({ path }, this.statusServer.accept, GROUP_UMASK)
    } catch (error) {
      const { code, message } = serializeError(error)
      this.options.log.warn({ code }, `${message}; serving without it`)
      return undefined
    }
  }

  private async moveStatus(admin: AdminSocket | undefined): Promise<void> {
    if (admin !== undefined && statusSocket(admin.path) === this.status?.path) return
    this.status?.close()
    this.status = await this.openStatus(admin)
    if (this.isClosed) this.status?.close()
  }

  close(): void {
    this.isClosed = true
    this.socket?.close()
    this.status?.close()
    this.server.close()
    this.statusServer.close()
  }

  /** Runs a request, of a client of the socket or of the HTTP API. @throws InterdictError */
  async handle(request: Exclude<ControlRequest, RulesRequest>): Promise<unknown> {
    try {
      return await this.run(request)
    } catch (error) {
      if (!(error instanceof InterdictError)) {
        this.options.log.error({ error: serializeError(error).message }, 'admin request failed')
      }
      throw error
    }
  }

  private run(request: Exclude<ControlRequest, RulesRequest>): Promise<unknown> {
    switch (request.do) {
      case 'flush':
        return this.flush(request)
      case 'status':
        return this.options.status().then(withHealth)
      case 'confirm':
        return Promise.resolve(this.options.operations.confirm(request.list))
      case 'upgrade':
        return this.upgrade()
      case 'apply':
        return this.options.operations.apply(request.sha256, request.by)
      case 'rules-in-force':
        return this.options.operations.rulesInForce()
      case 'reload':
        return this.options.operations.reload(request.by)
      case 'rotate':
        return this.options.operations.rotate()
      case 'denied':
        return this.options.operations.fetchDenied(request)
      case 'bindings':
        return this.options.operations.pushBindings(request)
      case 'pause':
        return this.options.operations.pause(request)
    }
  }

  private upgrade(): Promise<UpgradeResult> {
    const { upgrade } = this.options
    if (upgrade === undefined)
      throw failure('UPGRADE_UNAVAILABLE', 'it is not a process of its own')
    return upgrade()
  }

  /**
   * Flushes the cache, then the shelves of the workers, which have copies. A worker that dies meanwhile
   * counts as flushed: its shelf is gone, and a new one starts empty.
   */
  async flush({ name, subtree }: Omit<FlushRequest, 'do'>): Promise<FlushResult> {
    const { workerPool, cache, log } = this.options
    const dropped = await cache.flush(new NameScope(readName(name), subtree))
    const responses = await workerPool.request({ kind: 'clear-shelf' }, FLUSH_TIMEOUT)
    const silent = responses.flatMap(({ worker, reply }) => (reply === 'timeout' ? [worker] : []))
    log.info({ name, subtree, dropped }, 'cache flushed')
    return { dropped, silent }
  }
}
