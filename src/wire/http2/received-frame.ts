import type { Octets } from '../../base/units.js'
import { FLAG } from './frame.js'

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

  /** The client sends nothing more on the stream. */
  get isLast(): boolean {
    return this.has(FLAG.END_STREAM)
  }
}
