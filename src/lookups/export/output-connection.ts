import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContextOptions } from 'node:tls'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { trackDatagramSocket } from '../../base/threads/datagram-sockets.js'
import type { Milliseconds } from '../../base/units.js'
import type { OutputConfig } from '../settings/output-config.js'

/** A connection to an output. Any failure rejects; the connection is then unusable. */
export interface Connection {
  /**
   * Resolves when all messages were passed to the kernel or, with a protocol that responds,
   * accepted by the receiver.
   */
  send(messages: readonly Uint8Array[]): Promise<void>
  close(): Promise<void>
}

const CONNECT_TIMEOUT: Milliseconds = 10_000
/** A receiver that accepts nothing for this long is considered down. */
export const SEND_TIMEOUT: Milliseconds = 30_000

/** The receiver asks to retry later. */
export class RetryLater extends Error {
  /** @param after minimum delay */
  constructor(
    message: string,
    readonly after: Milliseconds
  ) {
    super(message)
  }
}

/** The receiver rejects some of the lookups permanently; it accepted all others. */
export class RejectedLookups extends Error {
  constructor(
    message: string,
    readonly count: number
  ) {
    super(message)
  }
}

/** Rejects if the promise does not settle within `timeout`. */
export function withTimeout<T>(
  timeout: Milliseconds,
  what: string,
  promise: Promise<T>
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what} timed out after ${timeout / 1000} s`)),
      timeout
    )
    void promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** A byte stream that buffers incoming data and reports when it ends. */
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
    socket.on('close', () => end(new Error('the receiver closed the connection')))
    socket.on('end', () => end(new Error('the receiver closed the connection')))
    socket.on('data', (chunk: Buffer) => {
      // Only a handshake is read: 4 KiB is many times its size.
      this.received = Buffer.concat([this.received, chunk]).subarray(0, 4096)
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

  /** Reads the next octets sent by the receiver. */
  async read(octets: number, timeout: Milliseconds): Promise<Buffer> {
    const arrived = new Promise<void>((resolve, reject) => {
      this.onChange = () => {
        if (this.received.length >= octets) resolve()
        else if (this.failed !== undefined) reject(this.failed)
      }
      this.onChange()
    })
    await withTimeout(timeout, 'waiting for a response', arrived)
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

/** Read for each connection, so that renewed credentials take effect. */
export function readCredentials({ ca, cert, key }: OutputConfig['tls']): SecureContextOptions {
  return {
    ...(ca !== '' && { ca: readBoundedFileSync(ca, MAX_SECRET_FILE) }),
    ...(cert !== '' && { cert: readBoundedFileSync(cert, MAX_SECRET_FILE) }),
    ...(key !== '' && { key: readBoundedFileSync(key, MAX_SECRET_FILE) }),
    minVersion: 'TLSv1.2'
  }
}

/** One message per datagram, without confirmation of delivery. RFC 5426. */
export async function openDatagrams({ to }: OutputConfig): Promise<Connection> {
  const socket = trackDatagramSocket(createSocket(to.host.includes(':') ? 'udp6' : 'udp4'))
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
  // ICMP port unreachable.
  socket.on('error', error => (failed = error))
  const sendOne = (message: Uint8Array): Promise<void> =>
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
        await sendOne(message)
      }
    },
    close: async () => {
      if (failed !== undefined) return
      await new Promise<void>(resolve => socket.close(() => resolve()))
    }
  }
}
