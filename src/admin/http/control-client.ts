import type { Milliseconds } from '../../base/units.js'
import type { FromHttp } from './http-messages.js'
import { PendingRequests } from '../../base/threads/pending-requests.js'
import type { AdminReply, ControlRequest } from '../../gateway/socket/admin-protocol.js'
import type { StatusReply } from '../../gateway/status/health.js'

/** The control thread waits up to two seconds for the other threads. */
const STATUS_TIMEOUT: Milliseconds = 3_000

/** Requests of the HTTP thread to the control thread. */
export class ControlClient {
  private readonly pending = new PendingRequests<AdminReply<unknown>>()

  constructor(private readonly post: (message: FromHttp) => void) {}

  onReply(id: number, reply: AdminReply<unknown>): void {
    this.pending.onReply(id, reply)
  }

  /** Undefined: no reply in time. */
  async request<Result>(
    request: ControlRequest,
    timeout: Milliseconds
  ): Promise<AdminReply<Result> | undefined> {
    const post = (id: number): void => this.post({ kind: 'request', id, request })
    const reply = await this.pending.send(post, timeout)
    return typeof reply === 'object' ? (reply as AdminReply<Result>) : undefined
  }

  /** Undefined: no reply in time, or an error, which the control thread has logged. */
  async status(): Promise<StatusReply | undefined> {
    const reply = await this.request<StatusReply>({ do: 'status' }, STATUS_TIMEOUT)
    return reply?.ok === true ? reply.result : undefined
  }
}
