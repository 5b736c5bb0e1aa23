import { FLAG, FRAME, settingsFrame } from '../../src/wire/http2/frame.js'
import { block, frame, getOf, POST } from '../server/doh-client.js'
import { query } from '../server/fake-responder.js'
import type { Dice } from './dice.js'

const BLOCKS = {
  post: block(POST),
  get: block(getOf(query('now'))),
  big: block(getOf(query('big'))),
  later: block(getOf(query('later')))
}
const LAST = FLAG.END_HEADERS | FLAG.END_STREAM

/** A request with a query in its body. */
export function post(stream: number): Buffer {
  return Buffer.concat([
    frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, BLOCKS.post),
    frame(FRAME.DATA, FLAG.END_STREAM, stream, query('now'))
  ])
}

/** Frames and requests to change, by the number of a stream: each is valid on its own. */
const VALID: Readonly<Record<string, (stream: number, dice: Dice) => Buffer>> = {
  post,
  get: stream => frame(FRAME.HEADERS, LAST, stream, BLOCKS.get),
  big: stream => frame(FRAME.HEADERS, LAST, stream, BLOCKS.big),
  continued: stream =>
    Buffer.concat([
      frame(FRAME.HEADERS, FLAG.END_STREAM, stream, BLOCKS.later.subarray(0, 30)),
      frame(FRAME.CONTINUATION, FLAG.END_HEADERS, stream, BLOCKS.later.subarray(30))
    ]),
  settings: (_, dice) => Buffer.from(settingsFrame([1 + dice.below(6), dice.below(2 ** 31)])),
  ping: (_, dice) => frame(FRAME.PING, 0, 0, randomOctets(8, dice)),
  window: (stream, dice) =>
    frame(FRAME.WINDOW_UPDATE, 0, dice.pick([0, stream]), Buffer.of(0, dice.below(256), 255, 255)),
  reset: stream => frame(FRAME.RST_STREAM, 0, Math.max(1, stream - 2), Buffer.of(0, 0, 0, 8)),
  priority: stream => frame(FRAME.PRIORITY, 0, stream, Buffer.alloc(5))
}
const NAMES = Object.keys(VALID)

/** Frames that are valid, unless they were changed. */
export interface Piece {
  readonly octets: Buffer
  readonly isMutant: boolean
}

/** The next frames of a connection: one time of ten of any type and content, otherwise valid ones, some changed. */
export function nextPiece(stream: number, dice: Dice): Piece {
  if (dice.chance(10)) {
    const payload = randomOctets(dice.below(64), dice)
    const octets = frame(dice.below(12), dice.below(256), dice.pick([0, 1, stream]), payload)
    return { octets, isMutant: true }
  }
  const valid = VALID[dice.pick(NAMES)]!(stream, dice)
  const octets = mutated(valid, dice)
  return { octets, isMutant: octets !== valid }
}

/** Changes octets, their number, or the length of a frame; three times of four nothing. */
export function mutated(octets: Buffer, dice: Dice): Buffer {
  if (dice.chance(75)) return octets
  const copy = Buffer.from(octets)
  for (let left = 1 + dice.below(3); left > 0; left--) {
    copy[dice.below(copy.length)] = dice.chance(30)
      ? dice.pick([0, 0x7f, 0x80, 0xff])
      : dice.below(256)
  }
  if (dice.chance(10)) return copy.subarray(0, dice.below(copy.length))
  return dice.chance(10) ? Buffer.concat([copy, randomOctets(dice.below(20), dice)]) : copy
}

export function randomOctets(size: number, dice: Dice): Buffer {
  return Buffer.from(Array.from({ length: size }, () => dice.below(256)))
}
