import type { Milliseconds } from '../../base/units.js'
import type { OutputConfig } from '../../config/output-config.js'
import { Stream, type Connection } from './connection.js'

/**
 * Frame Streams, as fstrm has it (fstrm/control.h): each frame behind its length; a length of 0
 * says that a control frame follows. With the handshake of both ways: READY, ACCEPT, START, and
 * at the end STOP, FINISH.
 */
const CONTROL = { accept: 1, start: 2, stop: 3, ready: 4, finish: 5 } as const
const FIELD_CONTENT_TYPE = 1
const CONTENT_TYPE = Buffer.from('protobuf:dnstap.Dnstap')
const PATIENCE: Milliseconds = 5_000
/** FSTRM_CONTROL_FRAME_LENGTH_MAX */
const LONGEST_CONTROL = 512

function words(...values: readonly number[]): Buffer {
  const octets = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => octets.writeUInt32BE(value, 4 * i))
  return octets
}

function control(type: number, withContent: boolean): Buffer {
  const field = withContent
    ? Buffer.concat([words(FIELD_CONTENT_TYPE, CONTENT_TYPE.length), CONTENT_TYPE])
    : Buffer.alloc(0)
  return Buffer.concat([words(0, 4 + field.length, type), field])
}

/** A frame of data, ready to be sent. */
export function frame(data: Uint8Array): Buffer {
  return Buffer.concat([words(data.length), data])
}

/** Opens a stream of dnstap messages; rejects where the other end does not speak this. */
export async function openFrames(options: OutputConfig): Promise<Connection> {
  const stream = await Stream.open(options)
  try {
    await stream.send([control(CONTROL.ready, true)])
    const accepted = await answer(stream, CONTROL.accept)
    if (!accepted.includes(CONTENT_TYPE)) throw new Error('it does not take dnstap')
    await stream.send([control(CONTROL.start, true)])
  } catch (error) {
    await stream.close()
    throw error
  }
  return {
    send: messages => stream.send(messages),
    close: async () => {
      try {
        await stream.send([control(CONTROL.stop, false)])
        await answer(stream, CONTROL.finish)
      } catch {
        // It is over either way.
      }
      await stream.close()
    }
  }
}

async function answer(stream: Stream, wanted: number): Promise<Buffer> {
  const head = await stream.read(8, PATIENCE)
  const length = head.readUInt32BE(4)
  if (head.readUInt32BE(0) !== 0 || length < 4 || length > LONGEST_CONTROL)
    throw new Error('it does not speak Frame Streams')
  const body = await stream.read(length, PATIENCE)
  if (body.readUInt32BE(0) !== wanted) throw new Error('it does not speak Frame Streams')
  return body.subarray(4)
}
