import { InterdictError } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { AdminSocketConfig } from '../../config/config.js'
import { readName } from '../../dns/name/name.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { Trouble } from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import type { Fleet } from '../workers/worker-pool.js'
import { AdminDoor } from './admin-door.js'
import type { Flushed, FlushRequest, Request } from './admin-protocol.js'
import { openAdminSocket, type AdminSocket } from './admin-socket.js'
import type { Status } from './status.js'

/** A cache of 64 GB takes some 20 s, while the worker answers queries. */
const FLUSH_PATIENCE: Milliseconds = 60_000

export interface AdminParts {
  /** Undefined: there is no door. */
  readonly where: AdminSocketConfig | undefined
  readonly fleet: Pick<Fleet, 'ask'>
  readonly status: () => Promise<Status>
  readonly log: ServiceLog
}

/** Does what is asked for through the admin socket. */
export class Admin {
  private readonly door = new AdminDoor(request => this.serve(request))
  private socket: AdminSocket | undefined

  constructor(private readonly parts: AdminParts) {}

  /** @returns what stands in the way; empty: it is open, or there is none */
  async open(): Promise<readonly Trouble[]> {
    const { where } = this.parts
    if (where === undefined) return []
    try {
      this.socket = await openAdminSocket(where, this.door.accept)
      return []
    } catch (error) {
      return [troubleOf(error)]
    }
  }

  close(): void {
    this.socket?.close()
    this.door.close()
  }

  private async serve(request: Request): Promise<unknown> {
    try {
      return await this.serveNow(request)
    } catch (error) {
      if (!(error instanceof InterdictError)) {
        this.parts.log.error({ error: troubleOf(error).message }, 'an admin request failed')
      }
      throw error
    }
  }

  private serveNow(request: Request): Promise<unknown> {
    switch (request.do) {
      case 'flush':
        return this.flush(request)
      case 'status':
        return this.parts.status()
    }
  }

  /** A worker that dies meanwhile holds nothing any more, and its successor nothing yet. */
  private async flush({ name, subtree }: FlushRequest): Promise<Flushed> {
    const { fleet, log } = this.parts
    const question = { kind: 'flush', name: readName(name), below: subtree } as const
    const said = await fleet.ask(question, FLUSH_PATIENCE)
    const dropped = said.reduce(
      (sum, { reply }) => sum + (typeof reply === 'object' ? reply.dropped : 0),
      0
    )
    const silent = said.flatMap(({ worker, reply }) => (reply === 'silent' ? [worker] : []))
    log.info({ name, subtree, dropped }, 'dropped what was held, as asked')
    return { dropped, silent }
  }
}
