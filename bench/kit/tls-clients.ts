import { once } from 'node:events'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import packet from 'dns-packet'
import { TcpMessageReader } from '../../src/resolver/upstream/tcp/tcp-message-reader.js'
import { allowedName } from './names.js'
import { LOOPBACK } from './place.js'

/** Opens a connection with TLS. */
export function openTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: LOOPBACK, port, rejectUnauthorized: false, ...options })
    socket.once('error', reject).once('secureConnect', () => resolve(socket))
  })
}

/**
 * Connections one after the other, each with one query: with its answer, the server has certainly finished its part of the
 * handshake. @returns how many
 */
export async function handshakes(
  port: number,
  seconds: number,
  isResumed: boolean,
  options: ConnectionOptions = {}
): Promise<number> {
  const query = framedQuery(0, allowedName(0))
  let session: Buffer | undefined
  const one = async (): Promise<void> => {
    const socket = await openTls(port, { ...options, ...(session && { session }) })
    if (socket.isSessionReused() !== (session !== undefined))
      throw new Error(`port ${port}: not resumed`)
    if (isResumed) socket.once('session', (latest: Buffer) => (session = latest))
    socket.write(query)
    // The ticket is in front of it.
    await once(socket, 'data')
    socket.destroy()
  }
  if (isResumed) await one()
  let count = 0
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; count++) await one()
  return count
}

/** A query over TCP or TLS. */
export function framedQuery(id: number, name: string): Uint8Array {
  const questions = [{ type: 'A' as const, name }]
  return packet.streamEncode({ type: 'query', id, flags: packet.RECURSION_DESIRED, questions })
}

/** Sends framed queries on several connections, again as soon as all of a connection are answered. @returns answers */
export async function pipelined(
  port: number,
  seconds: number,
  connections: number,
  queries: readonly Uint8Array[],
  options: ConnectionOptions = {}
): Promise<number> {
  const batch = Buffer.concat(queries)
  const until = performance.now() + 1000 * seconds
  let answers = 0
  const one = async (): Promise<void> => {
    const socket = await openTls(port, options)
    await new Promise<void>((resolve, reject) => {
      const reader = new TcpMessageReader(() => {
        answers++
        if (--missing > 0) return
        if (performance.now() < until) send()
        else resolve()
      })
      let missing = 0
      const send = (): void => {
        missing = queries.length
        socket.write(batch)
      }
      socket.on('data', (octets: Buffer) => reader.take(octets))
      socket.once('close', () => reject(new Error(`port ${port}: closed`)))
      send()
    })
    socket.removeAllListeners('close').destroy()
  }
  await Promise.all(Array.from({ length: connections }, one))
  return answers
}
