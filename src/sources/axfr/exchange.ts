import { connect } from 'node:net'
import { failure, InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../../base/units.js'
import { signMessage, TsigVerifier } from '../../tsig/tsig.js'
import { FRAME_HEAD, FrameReader, writeFrameHead } from '../../upstream/tcp/frame-reader.js'
import type { Primary } from './primary.js'

/** A primary that is there takes the connection at once; over this, and with nothing sent, it hangs. */
const IDLE_TIMEOUT: Milliseconds = 10_000

export interface ExchangeOptions {
  readonly primary: Primary
  /** As people write it. */
  readonly zone: string
  /** For all of it. */
  readonly timeout: Milliseconds
  /** Most octets that are taken. */
  readonly maxSize: Octets
  /** By the calendar: signatures have a time. */
  readonly now: () => Milliseconds
}

/**
 * Sends one query over a connection of its own, and takes the messages that answer it (RFC 7766
 * §8). With a key the query is signed, and all that comes has to be.
 *
 * @param take called with each message; says whether it is the last
 * @throws InterdictError TRANSFER_CONNECT, TRANSFER_TIMEOUT, TRANSFER_LARGE, TRANSFER_TSIG,
 *   TRANSFER_BROKEN, and what `take` throws
 */
export async function exchange(
  parts: ExchangeOptions,
  query: Uint8Array,
  take: (message: Uint8Array) => boolean
): Promise<void> {
  const { primary, zone, now } = parts
  const seconds = (): Seconds => Math.floor(now() / MS_PER_SECOND)
  const signed = primary.key && signMessage(query, primary.key, seconds())
  const check = signed && new TsigVerifier(primary.key, signed.mac)
  const broken = (why: string) => failure('TRANSFER_BROKEN', zone, primary.id, why)
  const receive = (message: Uint8Array): boolean => {
    const why = check?.verify(message, seconds())
    if (why !== undefined) throw failure('TRANSFER_TSIG', primary.id, why)
    const isLast = take(message)
    if (isLast && check?.isComplete === false) {
      throw failure('TRANSFER_TSIG', primary.id, 'its last message is not signed')
    }
    return isLast
  }
  await sendAndReceive(parts, signed?.octets ?? query, message => {
    try {
      return receive(message)
    } catch (error) {
      const isOdd =
        error instanceof InterdictError && (error as InterdictError).code.startsWith('WIRE_')
      throw isOdd ? broken(error.message) : error
    }
  })
}

/** One query out, messages in, until `take` says that there is nothing more to come. */
function sendAndReceive(
  { primary, zone, timeout: time, maxSize: most }: ExchangeOptions,
  query: Uint8Array,
  take: (message: Uint8Array) => boolean
): Promise<void> {
  const { id, address: host, port } = primary
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const timer = setTimeout(() => end(failure('TRANSFER_TIMEOUT', id, time)), time)
    let isOpen = false
    let isOver = false
    let octets: Octets = 0
    const end = (error?: Error): void => {
      isOver = true
      clearTimeout(timer)
      socket.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    const early = (): void => {
      if (isOver) return
      const why = 'it ends too early'
      end(isOpen ? failure('TRANSFER_BROKEN', zone, id, why) : failure('TRANSFER_CONNECT', id, why))
    }
    const reader = new FrameReader(message => {
      if (isOver) return
      try {
        if (take(message)) end()
      } catch (error) {
        end(error as Error)
      }
    })
    socket.setTimeout(Math.min(IDLE_TIMEOUT, time), () => {
      end(failure('TRANSFER_TIMEOUT', id, Math.min(IDLE_TIMEOUT, time)))
    })
    socket.on('connect', () => {
      isOpen = true
      const frame = new Uint8Array(FRAME_HEAD + query.length)
      writeFrameHead(frame, query.length)
      frame.set(query, FRAME_HEAD)
      socket.write(frame)
    })
    socket.on('data', chunk => {
      octets += chunk.length
      if (octets > most) end(failure('TRANSFER_LARGE', zone, id, most))
      else reader.take(chunk)
    })
    socket.on('error', error => {
      if (!isOver) end(failure('TRANSFER_CONNECT', id, error.message))
    })
    socket.on('end', early)
    socket.on('close', early)
  })
}
