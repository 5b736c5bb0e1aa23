import { createCipheriv, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { Duplex } from 'node:stream'

/** RFC 8446 §5.1: types of records. */
export const RECORD_TYPE = { alert: 21, handshake: 22, data: 23 } as const
/** RFC 8446 §4.6.3: type, length and `update_not_requested`. */
export const KEY_UPDATE = Buffer.of(24, 0, 0, 1, 0)

/**
 * A client of TLS 1.3 that encrypts any record under the keys of its connection: what no library sends, with a valid
 * tag. Its handshake is Node's.
 */
export class SecretClient {
  /** Octets that the server has sent after the handshake, encrypted. */
  received = 0
  /** The server has closed its side. */
  ended = false
  private sequence = 0

  private constructor(
    readonly socket: Socket,
    private readonly key: Buffer,
    private readonly iv: Buffer
  ) {}

  /** @param localAddress of the client */
  static async open(port: number, localAddress = '127.0.0.1'): Promise<SecretClient> {
    const manners = { noDelay: true, allowHalfOpen: true }
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress, ...manners })
    socket.on('error', () => undefined)
    const wire = new Duplex({
      read: () => undefined,
      write(octets: Buffer, _, done) {
        socket.write(octets)
        done()
      }
    })
    socket.on('data', (octets: Buffer) => void wire.push(octets))
    const tls = connect({
      socket: wire,
      minVersion: 'TLSv1.3',
      ciphers: 'TLS_AES_128_GCM_SHA256',
      rejectUnauthorized: false
    })
    const closed = new Promise<never>((_, reject) =>
      socket.once('close', () => reject(new Error('closed during the handshake')))
    )
    closed.catch(() => undefined)
    tls.on('error', () => undefined)
    let secret = Buffer.alloc(0)
    tls.on('keylog', (line: Buffer) => {
      const [label, , value] = line.toString('latin1').trim().split(' ')
      if (label === 'CLIENT_TRAFFIC_SECRET_0') secret = Buffer.from(value!, 'hex')
    })
    await Promise.race([once(tls, 'secureConnect'), closed])
    const client = new SecretClient(socket, expand(secret, 'key', 16), expand(secret, 'iv', 12))
    socket.removeAllListeners('data').on('data', octets => (client.received += octets.length))
    for (const event of ['end', 'close']) socket.once(event, () => (client.ended = true))
    return client
  }

  /** The next record, with a valid tag. */
  record(content: Uint8Array, type: number = RECORD_TYPE.data): Buffer {
    const head = Buffer.of(RECORD_TYPE.data, 3, 3, 0, 0)
    head.writeUInt16BE(content.length + 17, 3)
    const nonce = Buffer.from(this.iv)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.sequence++) >>> 0, 8)
    const cipher = createCipheriv('aes-128-gcm', this.key, nonce)
    cipher.setAAD(head)
    const body = [cipher.update(content), cipher.update(Buffer.of(type)), cipher.final()]
    return Buffer.concat([head, ...body, cipher.getAuthTag()])
  }
}

/** HKDF-Expand-Label of RFC 8446 §7.1, for at most one block of SHA-256. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const full = `tls13 ${label}`
  const info = Buffer.concat([
    Buffer.of(0, length, full.length),
    Buffer.from(full, 'latin1'),
    Buffer.of(0, 1)
  ])
  return createHmac('sha256', secret).update(info).digest().subarray(0, length)
}
