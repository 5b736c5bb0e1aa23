import { connect, type Socket } from 'node:net'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import {
  replySchema,
  type DenyChange,
  type DenyGroup,
  type HelperReply
} from './helper-protocol.js'
import { RequestLines } from './request-lines.js'

/** Between two attempts to connect. */
const RETRY: Milliseconds = 1000
/** The helper gives nft ten seconds for one transaction. */
const TIMEOUT: Milliseconds = 30_000

export interface HelperListener {
  /** It knows nothing yet, or has another gateway's table. */
  connected(): void
  /** Called at each attempt. */
  down(error: string): void
  /** Another program had changed the table, and the helper has written it again. */
  restored(what: string): void
}

interface Request {
  readonly done: () => void
  readonly fail: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** What writes the table. */
export type Helper = Pick<HelperClient, 'replace' | 'change' | 'start' | 'close'>

/** The gateway's side of the helper for denied addresses; it connects again when the helper is gone. */
export class HelperClient {
  private socket: Socket | undefined
  private timer: NodeJS.Timeout | undefined
  private lastId = 0
  private readonly requests = new Map<number, Request>()

  constructor(
    private readonly path: string,
    private readonly listener: HelperListener
  ) {}

  start(): void {
    const socket = connect(this.path)
    this.socket = socket
    let error = 'it closed the connection'
    const lines = new RequestLines(line => this.take(socket, line))
    socket.on('connect', () => this.listener.connected())
    socket.on('data', (chunk: Buffer) => {
      if (!lines.read(chunk)) socket.destroy(new Error('it sent a line that is too long'))
    })
    socket.on('error', cause => (error = reasonOf(cause)))
    socket.on('close', () => {
      if (this.socket !== socket) return
      this.failAll(error)
      this.listener.down(error)
      this.timer = setTimeout(() => this.start(), RETRY)
    })
  }

  close(): void {
    clearTimeout(this.timer)
    const { socket } = this
    this.socket = undefined
    socket?.destroy()
    this.failAll('the gateway ends')
  }

  /** Replaces the whole table. Rejects if that is not done. */
  replace(groups: readonly DenyGroup[]): Promise<void> {
    return this.request({ do: 'replace', groups })
  }

  /** Removes addresses, then adds or renews others. Rejects if that is not done. */
  change(change: DenyChange): Promise<void> {
    return this.request({ do: 'change', ...change })
  }

  private request(request: object): Promise<void> {
    const id = ++this.lastId
    return new Promise((done, fail) => {
      const { socket } = this
      if (socket?.writable !== true || socket.connecting) {
        fail(new Error('the helper is not connected'))
        return
      }
      // What it does with a request without an answer is not known: it begins again.
      const timer = setTimeout(() => socket.destroy(new Error('it does not answer')), TIMEOUT)
      this.requests.set(id, { done, fail, timer })
      socket.write(`${JSON.stringify({ id, ...request })}\n`)
    })
  }

  private take(socket: Socket, line: string): void {
    if (this.socket !== socket) return
    const reply = readReply(line)
    if (reply === undefined) socket.destroy(new Error('it sent what is not a reply'))
    else if ('restored' in reply) this.listener.restored(reply.restored)
    else {
      const request = this.requests.get(reply.id)
      this.requests.delete(reply.id)
      clearTimeout(request?.timer)
      if (reply.ok) request?.done()
      else request?.fail(new Error(reply.error ?? 'no reason given'))
    }
  }

  private failAll(error: string): void {
    const all = [...this.requests.values()]
    this.requests.clear()
    for (const { fail, timer } of all) {
      clearTimeout(timer)
      fail(new Error(error))
    }
  }
}

function readReply(line: string): HelperReply | undefined {
  try {
    return replySchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
