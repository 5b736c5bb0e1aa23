import type { StreamHandler } from '../../src/base/bytes/byte-stream.js'
import { PREFACE, settingsFrame } from '../../src/wire/http2/frame.js'
import { FrameReader, type FrameHandler } from '../../src/wire/http2/frame-reader.js'
import type { ClientTlsStream } from '../../src/resolver/server/client-recognizer.js'
import { DohConnection, type DohContext } from '../../src/resolver/server/doh/doh-connection.js'
import { ADDRESS_SOURCE } from '../../src/resolver/server/trusted-proxies.js'
import type { Dice } from './dice.js'
import { nextPiece } from './http2-mutants.js'

/** Mutants in one connection: most end with an error before. */
const MOST = 40
const LARGEST_BLOCK = 100_000
const PEER = {
  client: Uint32Array.of(0, 0, 0xffff, 0x7f000001),
  addressSource: ADDRESS_SOURCE.peer,
  identity: undefined,
  budget: undefined
}

/** A connection without a socket, whose client reads its replies at times. */
export class MemoryStream implements ClientTlsStream {
  readonly servername = false
  readonly isHttp2 = true
  readonly written: Buffer[] = []
  readonly unsent = 0
  readonly backlog = -1
  destroyed = false
  isEnded = false
  needsDrain = false
  handler: StreamHandler | undefined

  start(handler: StreamHandler): void {
    this.handler = handler
  }

  write(octets: Uint8Array, start: number, end: number): void {
    this.written.push(Buffer.from(octets.subarray(start, end)))
  }

  pause(): void {
    // Nothing is sent while `needsDrain` is true.
  }

  resume(): void {
    // As above.
  }

  end(): void {
    this.isEnded = true
  }

  destroy(): void {
    this.destroyed = true
  }

  peerCertificate(): undefined {
    return undefined
  }
}

/** Reads what the server has written. */
const READER: FrameHandler = {
  headers: () => 0,
  data: () => 0,
  reset: () => 0,
  initialWindow: () => 0,
  streamLimit: () => 0,
  settingsEnd: () => 0,
  ping: () => 0,
  peerGoAway: () => 0,
  windowUpdate: () => 0
}

/**
 * Sends mutants to a connection for DNS over HTTPS, until it ends.
 *
 * @returns how many it has read
 * @throws Error if it has written something else than frames
 */
export function runInMemory(context: DohContext, dice: Dice): number {
  const stream = new MemoryStream()
  new DohConnection(stream, PEER, context)
  const feed = (octets: Buffer): void => {
    for (let at = 0; at < octets.length && !stream.isEnded;) {
      const end = Math.min(octets.length, at + 1 + dice.below(dice.pick([20, 400, 20_000])))
      if (stream.needsDrain) {
        stream.needsDrain = false
        stream.handler!.onDrain()
      }
      stream.handler!.receive(octets, at, end)
      stream.needsDrain = dice.chance(10)
      at = end
    }
  }
  feed(Buffer.concat([PREFACE, settingsFrame()]))
  let mutants = 0
  for (let i = 0; mutants < MOST && !stream.isEnded; i++) {
    const { octets, isMutant } = nextPiece(2 * i + 1, dice)
    if (isMutant) mutants++
    feed(octets)
  }
  stream.needsDrain = false
  stream.handler!.onDrain()
  stream.handler!.onEnd()
  stream.destroy()
  checkFrames(Buffer.concat(stream.written))
  return mutants
}

/** @throws Error unless these are whole frames, the first of them SETTINGS */
function checkFrames(octets: Buffer): void {
  const reader = new FrameReader(READER, LARGEST_BLOCK)
  for (let at = 0; at < octets.length;) {
    const next = reader.read(octets, at, octets.length)
    if (next < 0) throw new Error(`at ${at}, not a frame: ${octets.toString('hex', at, at + 32)}`)
    at = next
  }
}
