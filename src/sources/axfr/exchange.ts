import { connect } from 'node:net'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../../base/units.js'
import { signMessage, TsigVerifier } from '../../wire/tsig/tsig.js'
import {
  FRAME_HEAD,
  TcpMessageReader,
  writeFrameHead
} from '../../resolver/upstream/tcp/tcp-message-reader.js'
import type { Primary } from './primary.js'

/** A responsive primary accepts the connection at once; a longer silence means that it hangs. */
const IDLE_TIMEOUT: Milliseconds = 10_000

export interface ExchangeOptions {
  readonly primary: Primary
  /** Zone name as text. */
  readonly zone: string
  /** For the whole exchange. */
  readonly timeout: Milliseconds
  /** Maximum number of octets received. */
  readonly maxSize: Octets
  /** Wall-clock time, used by signatures. */
  readonly now: () => Milliseconds
}

/**
 * Sends one query over a connection of its own and receives the responses (RFC 7766 §8). With a
 * key, the query is signed and the responses must be.
 *
 * @param onMessage called with each message; returns whether it is the last
 * @throws InterdictError TRANSFER_CONNECT, TRANSFER_TIMEOUT, TRANSFER_LARGE, TRANSFER_TSIG,
 *   TRANSFER_BROKEN, and what `onMessage` throws
 */
export async function exchange(
  options: ExchangeOptions,
  query: Uint8Array,
  onMessage: (message: Uint8Array) => boolean
): Promise<void> {
  const { primary, zone, now } = options
  const seconds = (): Seconds => Math.floor(now() / MS_PER_SECOND)
  const signed = primary.key && signMessage(query, primary.key, seconds())
  const check = signed && new TsigVerifier(primary.key, signed.mac)
  const broken = (why: string) => failure('TRANSFER_BROKEN', zone, primary.id, why)
  const receive = (message: Uint8Array): boolean => {
    const why = check?.verify(message, seconds())
    if (why !== undefined) throw failure('TRANSFER_TSIG', primary.id, why)
    const isLast = onMessage(message)
    if (isLast && check?.isComplete === false) {
      throw failure('TRANSFER_TSIG', primary.id, 'the last message is not signed')
    }
    return isLast
  }
  await sendAndReceive(options, signed?.octets ?? query, message => {
    try {
      return receive(message)
    } catch (error) {
      const isMalformed =
        error instanceof InterdictError && (error as InterdictError).code.startsWith('WIRE_')
      throw isMalformed ? broken(error.message) : error
    }
  })
}

/** Sends one query and receives messages until `onMessage` returns true. */
function sendAndReceive(
  { primary, zone, timeout: time, maxSize: most }: ExchangeOptions,
  query: Uint8Array,
  onMessage: (message: Uint8Array) => boolean
): Promise<void> {
  const { id, address: host, port } = primary
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const timer = setTimeout(() => end(failure('TRANSFER_TIMEOUT', id, time)), time)
    let isOpen = false
    let isClosed = false
    let octets: Octets = 0
    const end = (error?: Error): void => {
      isClosed = true
      clearTimeout(timer)
      socket.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    const onEarlyEnd = (): void => {
      if (isClosed) return
      const why = 'connection closed before the end of the transfer'
      end(isOpen ? failure('TRANSFER_BROKEN', zone, id, why) : failure('TRANSFER_CONNECT', id, why))
    }
    const reader = new TcpMessageReader(message => {
      if (isClosed) return
      try {
        if (onMessage(message)) end()
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
      if (!isClosed) end(failure('TRANSFER_CONNECT', id, reasonOf(error)))
    })
    socket.on('end', onEarlyEnd)
    socket.on('close', onEarlyEnd)
  })
}
