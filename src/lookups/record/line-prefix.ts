import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../../base/units.js'
import { ascii } from '../event/line-buffer.js'
import { SCHEMA_VERSION } from '../event/schema.js'

const START = `{"v":${SCHEMA_VERSION},"time":"`
/** Position of the three digits. */
const MILLISECONDS_AT: Octets = START.length + '2023-03-13T09:26:53.'.length
const ZERO = 0x30

/**
 * The start of a line, up to the client field. It is the same for all lookups of one millisecond,
 * and differs in only three digits within one second.
 */
export class LinePrefix {
  private octets = new Uint8Array(0)
  private head: Uint8Array | undefined
  private time: Milliseconds = NaN
  private second: Seconds = NaN

  /**
   * @param head what follows the time; compared by identity
   * @returns octets that the next call overwrites
   */
  get(head: Uint8Array, wall: Milliseconds): Uint8Array {
    if (wall !== this.time || head !== this.head) this.build(head, wall)
    return this.octets
  }

  private build(head: Uint8Array, wall: Milliseconds): void {
    const second = Math.floor(wall / MS_PER_SECOND)
    if (second !== this.second || head !== this.head) {
      const time = new Date(second * MS_PER_SECOND).toISOString().slice(0, -'Z'.length)
      this.octets = Uint8Array.of(...ascii(START + time), ...head)
    }
    const digits = Math.floor(wall) - second * MS_PER_SECOND
    this.octets[MILLISECONDS_AT] = ZERO + Math.floor(digits / 100)
    this.octets[MILLISECONDS_AT + 1] = ZERO + (Math.floor(digits / 10) % 10)
    this.octets[MILLISECONDS_AT + 2] = ZERO + (digits % 10)
    this.head = head
    this.time = wall
    this.second = second
  }
}
