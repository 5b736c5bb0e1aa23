import { createServer, type Server, type Socket } from 'node:net'
import { lstatSync, rmSync } from 'node:fs'
import { reasonOf } from '../../base/errors/reason.js'
import { RequestLines } from './request-lines.js'
import type { DenyTable } from './deny-table.js'
import { requestSchema, type HelperReply, type HelperRequest } from './helper-protocol.js'

/** What the server logs; a line each. */
export type HelperLog = (level: 'info' | 'warn', message: string) => void

/** Serves one gateway at a time over a Unix socket: a new connection replaces the previous one. */
export class HelperServer {
  private readonly server: Server
  private client: Socket | undefined

  constructor(
    private readonly table: Pick<DenyTable, 'replace' | 'change'>,
    private readonly log: HelperLog
  ) {
    this.server = createServer(socket => this.accept(socket))
  }

  /** @param path a socket there is removed first: the previous helper has left it */
  async listen(path: string): Promise<void> {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path)
    await new Promise<void>((done, fail) => {
      this.server.once('error', fail)
      this.server.listen(path, done)
    })
  }

  close(): void {
    this.client?.destroy()
    this.server.close()
  }

  /** Tells the gateway, if one is connected. */
  send(reply: HelperReply): void {
    this.client?.write(`${JSON.stringify(reply)}\n`)
  }

  private accept(socket: Socket): void {
    this.client?.destroy()
    this.client = socket
    this.log('info', 'gateway connected')
    const lines = new RequestLines(line => void this.handle(socket, line))
    socket.on('data', (chunk: Buffer) => {
      if (!lines.read(chunk)) this.refuse(socket, 'line too long')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.client !== socket) return
      this.client = undefined
      this.log('warn', 'gateway disconnected; the table stays as it is')
    })
  }

  private async handle(socket: Socket, line: string): Promise<void> {
    const request = readRequest(line)
    if (request === undefined) {
      this.refuse(socket, 'invalid request')
      return
    }
    const { id } = request
    const reply = await this.apply(request).then(
      (): HelperReply => ({ id, ok: true }),
      (error: unknown): HelperReply => ({ id, ok: false, error: reasonOf(error).slice(0, 2_000) })
    )
    if ('error' in reply) this.log('warn', `nft refused a change: ${reply.error}`)
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`)
  }

  private apply(request: HelperRequest): Promise<void> {
    return request.do === 'replace'
      ? this.table.replace(request.groups)
      : this.table.change(request)
  }

  /** What sends such lines is no gateway of this version. */
  private refuse(socket: Socket, why: string): void {
    this.log('warn', `${why}; disconnected`)
    socket.destroy()
  }
}

function readRequest(line: string): HelperRequest | undefined {
  try {
    return requestSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
