import type { Octets } from '../../base/units.js'
import { FLAG, FRAME, FRAME_HEADER, writeFrameHeader } from './frame.js'

/** The frame that is being read. One object serves all connections of a thread, since each frame is handled at once. */
export class ReceivedFrame {
  /** The payload is `octets[start, end)`. */
  octets: Buffer = Buffer.alloc(0)
  start: Octets = 0
  end: Octets = 0
  type = 0
  flags = 0
  /** 0: the connection. */
  stream = 0

  get length(): Octets {
    return this.end - this.start
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }

  /** The peer sends nothing more on the stream. */
  get isLast(): boolean {
    return this.has(FLAG.END_STREAM)
  }
}

/** Sends the payload of a PING frame back: RFC 9113 §6.7. */
export function pingReply({ octets, start, end }: ReceivedFrame): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER + end - start)
  const payload = writeFrameHeader(frame, 0, end - start, FRAME.PING, FLAG.ACK, 0)
  frame.set(octets.subarray(start, end), payload)
  return frame
}
