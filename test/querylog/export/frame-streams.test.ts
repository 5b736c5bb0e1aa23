import { once } from 'node:events'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { frame, openFrameStream } from '../../../src/lookups/export/frame-streams.js'
import { Site } from '../../daemon/site.js'
import { listenOn, output, portOf } from './sinks.js'

/** Control frames of fstrm (fstrm/control.h), in hexadecimal. */
const DNSTAP = '00000001 00000016 70726f746f6275663a646e737461702e446e73746170'
const READY = `00000000 00000022 00000004 ${DNSTAP}`
const ACCEPT = `00000000 00000022 00000001 ${DNSTAP}`
const START = `00000000 00000022 00000002 ${DNSTAP}`
const STOP = '00000000 00000004 00000003'
const FINISH = '00000000 00000004 00000005'

const plain = (hex: string): string => hex.replaceAll(' ', '')

/**
 * A receiver of frame streams.
 *
 * @param replies what it sends once it has received so many octets; after the last it closes
 */
async function receive(t: Test, replies: readonly (readonly [after: number, hex: string])[]) {
  const received: Buffer[] = []
  const server = createServer(socket => {
    let next = 0
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      received.push(chunk)
      const { length } = Buffer.concat(received)
      for (; next < replies.length && length >= replies[next]![0]; next++) {
        const octets = Buffer.from(plain(replies[next]![1]), 'hex')
        if (next === replies.length - 1) socket.end(octets)
        else socket.write(octets)
      }
    })
  })
  await listenOn(server, 0)
  t.teardown(() => server.close())
  const config = output(new Site(t, {}), { to: { port: portOf(server) } })
  return {
    config,
    server,
    received: () => Buffer.concat(received).toString('hex')
  }
}

t.test('opens a stream, sends frames, and ends it', async t => {
  const data = plain(`${READY}${START}00000003 616263`)
  const { config, server, received } = await receive(t, [
    [1, ACCEPT],
    [(data.length + plain(STOP).length) / 2, FINISH]
  ])
  const stream = await openFrameStream(config)
  await stream.send([frame(Buffer.from('abc'))])
  await stream.close()
  t.equal(received(), `${data}${plain(STOP)}`)
  const closed = once(server, 'close')
  server.close()
  await closed
})

const wrong = [
  {
    it: 'accepts another content',
    reply: ACCEPT.replaceAll('6e7374', '6e7375'),
    message: 'the receiver does not accept dnstap'
  },
  { it: 'sends no control frame', reply: '00000001 00000004 00000001' },
  { it: 'sends a control frame without a type', reply: '00000000 00000003 000000' },
  { it: 'sends a control frame above the limit', reply: '00000000 00000201 00000001' },
  { it: 'sends another control frame', reply: FINISH },
  {
    it: 'closes the connection',
    reply: '',
    message: 'the receiver closed the connection'
  }
]
for (const { it, reply, message = 'the receiver does not speak Frame Streams' } of wrong) {
  t.test(`opens no stream to a receiver that ${it}`, async t => {
    const { config } = await receive(t, [[1, reply]])
    await t.rejects(openFrameStream(config), { message })
  })
}

t.test('ends without the end of a receiver that is gone', async t => {
  const { config, received } = await receive(t, [
    [1, ACCEPT],
    [plain(`${READY}${START}`).length / 2, '']
  ])
  const stream = await openFrameStream(config)
  await stream.close()
  t.ok(received().startsWith(plain(`${READY}${START}`)))
})
