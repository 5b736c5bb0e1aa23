import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContextOptions } from 'node:tls'
import type { Milliseconds } from '../../base/units.js'
import type { OutputConfig } from '../../config/output-config.js'

/** A sink that is connected. Whatever goes wrong rejects; then it is of no more use. */
export interface Connection {
  /** Resolves when all of them are with the kernel, or who answers has taken them. */
  send(messages: readonly Uint8Array[]): Promise<void>
  close(): Promise<void>
}

const CONNECT_TIMEOUT: Milliseconds = 10_000
/** Who takes nothing for so long is gone, or as good as that. */
export const SEND_TIMEOUT: Milliseconds = 30_000

/** It took nothing, and says when it is to be tried again. */
export class RetryLater extends Error {
  /** @param after not before so long */
  constructor(
    message: string,
    readonly after: Milliseconds
  ) {
    super(message)
  }
}

/** Some of what it was sent it does not take, however often it is sent; of the others it took all. */
export class RejectedLookups extends Error {
  constructor(
    message: string,
    readonly count: number
  ) {
    super(message)
  }
}

/** A promise that gives up after `patience`. */
export function withTimeout<T>(
  timeout: Milliseconds,
  what: string,
  promise: Promise<T>
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what}: nothing for ${timeout / 1000} s`)),
      timeout
    )
    void promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** A stream, with what its other end says and when it ends. */
export class StreamConnection implements Connection {
  private failed: Error | undefined
  private received = Buffer.alloc(0)
  private onChange: () => void = () => undefined

  private constructor(private readonly socket: Socket) {
    const end = (error: Error): void => {
      this.failed ??= error
      this.onChange()
    }
    socket.on('error', end)
    socket.on('close', () => end(new Error('the other end closed the connection')))
    socket.on('end', () => end(new Error('the other end closed the connection')))
    socket.on('data', (piece: Buffer) => {
      // Only what a handshake waits for is kept: 4 KiB are many times that.
      this.received = Buffer.concat([this.received, piece]).subarray(0, 4096)
      this.onChange()
    })
    socket.setKeepAlive(true, 30_000)
  }

  static async open(options: OutputConfig): Promise<StreamConnection> {
    const socket = connectSocket(options)
    const event = options.to.kind === 'tls' ? 'secureConnect' : 'connect'
    const connected = new Promise<void>((resolve, reject) => {
      socket.once(event, resolve)
      socket.once('error', reject)
    })
    try {
      await withTimeout(CONNECT_TIMEOUT, 'connecting', connected)
    } catch (error) {
      socket.on('error', () => undefined)
      socket.destroy()
      throw error
    }
    return new StreamConnection(socket)
  }

  async send(messages: readonly Uint8Array[]): Promise<void> {
    if (this.failed !== undefined) throw this.failed
    const written = new Promise<void>((resolve, reject) => {
      this.onChange = () => {
        if (this.failed !== undefined) reject(this.failed)
      }
      this.socket.write(Buffer.concat(messages), error => {
        if (error) reject(error)
        else resolve()
      })
    })
    try {
      await withTimeout(SEND_TIMEOUT, 'sending', written)
    } catch (error) {
      this.socket.destroy()
      throw error
    }
  }

  /** The next octets that the other end sends. */
  async read(octets: number, timeout: Milliseconds): Promise<Buffer> {
    const come = new Promise<void>((resolve, reject) => {
      this.onChange = () => {
        if (this.received.length >= octets) resolve()
        else if (this.failed !== undefined) reject(this.failed)
      }
      this.onChange()
    })
    await withTimeout(timeout, 'its answer', come)
    const read = this.received.subarray(0, octets)
    this.received = this.received.subarray(octets)
    return read
  }

  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.socket.once('close', () => resolve()))
    if (this.socket.closed) return
    this.socket.end()
    await withTimeout(1000, 'closing', closed).catch(() => this.socket.destroy())
  }
}

function connectSocket({ to, tls }: OutputConfig): Socket {
  if (to.kind === 'unix') return connect({ path: to.host })
  if (to.kind === 'tcp') return connect({ host: to.host, port: to.port })
  const address = { host: to.host, port: to.port, servername: tls.serverName }
  return connectTls({ ...address, ...readCredentials(tls) })
}

/** Read at each connection, so that renewed ones hold. */
export function readCredentials({ ca, cert, key }: OutputConfig['tls']): SecureContextOptions {
  return {
    ...(ca !== '' && { ca: readFileSync(ca) }),
    ...(cert !== '' && { cert: readFileSync(cert) }),
    ...(key !== '' && { key: readFileSync(key) }),
    minVersion: 'TLSv1.2'
  }
}

/** One message a datagram: RFC 5426. That it arrives, nobody says. */
export async function openDatagrams({ to }: OutputConfig): Promise<Connection> {
  const socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4')
  let failed: Error | undefined
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(to.port, to.host, resolve)
  })
  try {
    await withTimeout(CONNECT_TIMEOUT, 'connecting', connected)
  } catch (error) {
    socket.on('error', () => undefined)
    socket.close()
    throw error
  }
  // ICMP says that nobody listens there.
  socket.on('error', error => (failed = error))
  const one = (message: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(message, error => {
        if (error === null) resolve()
        else reject(error)
      })
    })
  return {
    send: async messages => {
      for (const message of messages) {
        if (failed !== undefined) throw failed
        await one(message)
      }
    },
    close: async () => {
      if (failed !== undefined) return
      await new Promise<void>(resolve => socket.close(() => resolve()))
    }
  }
}
