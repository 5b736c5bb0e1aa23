import { InterdictError } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { AdminSocketConfig } from '../../config/config.js'
import { readName } from '../../dns/name/name.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { serializeError } from '../threads/serialized-error.js'
import type { SerializedError } from '../threads/serialized-error.js'
import type { WorkerPool } from '../workers/worker-pool.js'
import type { FlushResult, FlushRequest, AdminRequest } from './admin-protocol.js'
import { AdminServer } from './admin-server.js'
import { openAdminSocket, type AdminSocket } from './admin-socket.js'
import type { Status } from './status.js'

/** A cache of 64 GB takes some 20 s, while the worker answers queries. */
const FLUSH_TIMEOUT: Milliseconds = 60_000

export interface AdminOptions {
  /** Undefined: there is no door. */
  readonly socket: AdminSocketConfig | undefined
  readonly workerPool: Pick<WorkerPool, 'request'>
  readonly status: () => Promise<Status>
  readonly log: ServiceLog
}

/** Does what is asked for through the admin socket. */
export class AdminInterface {
  private readonly server = new AdminServer(request => this.handle(request))
  private socket: AdminSocket | undefined

  constructor(private readonly options: AdminOptions) {}

  /** @returns what stands in the way; empty: it is open, or there is none */
  async open(): Promise<readonly SerializedError[]> {
    const { socket: where } = this.options
    if (where === undefined) return []
    try {
      this.socket = await openAdminSocket(where, this.server.accept)
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
        this.options.log.error({ error: serializeError(error).message }, 'an admin request failed')
      }
      throw error
    }
  }

  private run(request: AdminRequest): Promise<unknown> {
    switch (request.do) {
      case 'flush':
        return this.flush(request)
      case 'status':
        return this.options.status()
    }
  }

  /** A worker that dies meanwhile holds nothing any more, and its successor nothing yet. */
  private async flush({ name, subtree }: FlushRequest): Promise<FlushResult> {
    const { workerPool: fleet, log } = this.options
    const question = { kind: 'flush', name: readName(name), below: subtree } as const
    const said = await fleet.request(question, FLUSH_TIMEOUT)
    const dropped = said.reduce(
      (sum, { reply }) => sum + (typeof reply === 'object' ? reply.dropped : 0),
      0
    )
    const silent = said.flatMap(({ worker, reply }) => (reply === 'silent' ? [worker] : []))
    log.info({ name, subtree, dropped }, 'dropped what was held, as asked')
    return { dropped, silent }
  }
}
