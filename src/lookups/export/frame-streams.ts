import type { Milliseconds } from '../../base/units.js'
import type { OutputConfig } from '../settings/output-config.js'
import { StreamConnection, type Connection } from './output-connection.js'

/**
 * Frame Streams as defined by fstrm (fstrm/control.h): each frame follows its length; a length of 0
 * announces a control frame. Bidirectional handshake: READY, ACCEPT, START, and at the end STOP,
 * FINISH.
 */
const CONTROL = { accept: 1, start: 2, stop: 3, ready: 4, finish: 5 } as const
const FIELD_CONTENT_TYPE = 1
const CONTENT_TYPE = Buffer.from('protobuf:dnstap.Dnstap')
const HANDSHAKE_TIMEOUT: Milliseconds = 5_000
/** FSTRM_CONTROL_FRAME_LENGTH_MAX */
const MAX_CONTROL_FRAME = 512

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

/** Encodes a data frame. */
export function frame(data: Uint8Array): Buffer {
  return Buffer.concat([words(data.length), data])
}

/** Opens a stream of dnstap messages; rejects if the receiver does not speak Frame Streams. */
export async function openFrameStream(options: OutputConfig): Promise<Connection> {
  const stream = await StreamConnection.open(options)
  try {
    await stream.send([control(CONTROL.ready, true)])
    const accepted = await readControl(stream, CONTROL.accept)
    if (!accepted.includes(CONTENT_TYPE)) throw new Error('the receiver does not accept dnstap')
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
        await readControl(stream, CONTROL.finish)
      } catch {
        // Closing anyway.
      }
      await stream.close()
    }
  }
}

async function readControl(stream: StreamConnection, expected: number): Promise<Buffer> {
  const head = await stream.read(8, HANDSHAKE_TIMEOUT)
  const length = head.readUInt32BE(4)
  if (head.readUInt32BE(0) !== 0 || length < 4 || length > MAX_CONTROL_FRAME)
    throw new Error('the receiver does not speak Frame Streams')
  const body = await stream.read(length, HANDSHAKE_TIMEOUT)
  if (body.readUInt32BE(0) !== expected)
    throw new Error('the receiver does not speak Frame Streams')
  return body.subarray(4)
}
