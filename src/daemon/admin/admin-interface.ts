import { InterdictError } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { AdminSocketConfig } from '../../config/config.js'
import { NameScope } from '../../cache/name-scope.js'
import { readName } from '../../dns/name/name.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { serializeError, type SerializedError } from '../threads/serialized-error.js'
import type { SharedCache } from '../workers/shared-cache.js'
import type { WorkerPool } from '../workers/worker-pool.js'
import type { FlushResult, FlushRequest, AdminRequest } from './admin-protocol.js'
import { AdminServer } from './admin-server.js'
import { openAdminSocket, type AdminSocket } from './admin-socket.js'
import { withHealth } from './health.js'
import type { Status } from './status.js'

/** Workers clear their shelves between two batches of queries; one that takes longer than this hangs. */
const FLUSH_TIMEOUT: Milliseconds = 60_000

export interface AdminOptions {
  /** Undefined: the admin socket is off. */
  readonly socket: AdminSocketConfig | undefined
  readonly workerPool: Pick<WorkerPool, 'request'>
  readonly cache: Pick<SharedCache, 'flush'>
  readonly status: () => Promise<Status>
  readonly log: ServiceLog
}

/** The admin socket: accepts requests and runs them. */
export class AdminInterface {
  private readonly server = new AdminServer(request => this.handle(request))
  private socket: AdminSocket | undefined

  constructor(private readonly options: AdminOptions) {}

  /** Opens the socket, if the settings have one. @returns the errors that prevent it */
  async open(): Promise<readonly SerializedError[]> {
    const { socket } = this.options
    if (socket === undefined) return []
    try {
      this.socket = await openAdminSocket(socket, this.server.accept)
      return []
    } catch (error) {
      return [serializeError(error)]
    }
  }

  close(): void {
    this.socket?.close()
    this.server.close()
  }

  private async handle(request: AdminRequest): Promise<unknown> {
    try {
      return await this.run(request)
    } catch (error) {
      if (!(error instanceof InterdictError)) {
        this.options.log.error({ error: serializeError(error).message }, 'admin request failed')
      }
      throw error
    }
  }

  private run(request: AdminRequest): Promise<unknown> {
    switch (request.do) {
      case 'flush':
        return this.flush(request)
      case 'status':
        return this.options.status().then(withHealth)
    }
  }

  /**
   * Flushes the cache, then the shelves of the workers, which have copies. A worker that dies meanwhile
   * counts as flushed: its shelf is gone, and a new one starts empty.
   */
  private async flush({ name, subtree }: FlushRequest): Promise<FlushResult> {
    const { workerPool, cache, log } = this.options
    const dropped = await cache.flush(new NameScope(readName(name), subtree))
    const responses = await workerPool.request({ kind: 'clear-shelf' }, FLUSH_TIMEOUT)
    const silent = responses.flatMap(({ worker, reply }) => (reply === 'timeout' ? [worker] : []))
    log.info({ name, subtree, dropped }, 'cache flushed')
    return { dropped, silent }
  }
}
