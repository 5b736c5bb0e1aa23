import { writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import t from 'tap'
import { NatsChannel } from '../../src/fleet/channel/nats-channel.js'
import { eventually, Site } from '../daemon/site.js'
import { credentialsText } from './channel-rig.js'

const INFO = `INFO ${JSON.stringify({
  ...{ server_id: 'x', server_name: 'x', version: '2.10.27', proto: 1, headers: true },
  ...{ auth_required: true, nonce: 'abc', max_payload: 1_048_576 }
})}\r\n`

/** What a server does with a connection. */
type Manner = (socket: Socket) => void
const drops: Manner = socket => socket.destroy()
const isSilent: Manner = () => undefined
const stallsAfterInfo: Manner = socket => void socket.write(INFO)
const sendsGarbage: Manner = socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
/** As a server does that has not loaded an account yet: it is a reason for the client library to give up. */
const refuses: Manner = socket => {
  socket.write(INFO)
  socket.once('data', () => socket.end("-ERR 'Authorization Violation'\r\n"))
}
/** Answers PING. */
const accepts: Manner = socket => {
  socket.write(INFO)
  socket.on('data', octets => {
    if (octets.includes('PING')) socket.write('PONG\r\n')
  })
}
const acceptsAndDies: Manner = socket => {
  accepts(socket)
  socket.on('data', octets => {
    if (octets.includes('SUB ')) socket.destroy()
  })
}

t.test('a gateway connects again, whatever servers do and however often', async t => {
  const manners: Manner[] = [
    ...[drops, isSilent, stallsAfterInfo, sendsGarbage, acceptsAndDies],
    // More often than any limit of the client library.
    ...Array.from({ length: 25 }, () => refuses),
    ...[acceptsAndDies, drops, refuses, refuses, refuses, accepts]
  ]
  const { length } = manners
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    const manner = manners[connections++] ?? accepts
    manner(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const { folder } = new Site(t, {})
  const credentials = join(folder, 'fleet.creds')
  const servers = [`nats://127.0.0.1:${port}`]
  const errors: string[] = []
  let [connected, disconnected] = [0, 0]
  const channel = new NatsChannel(
    { ...FLEET, nats: undefined },
    { servers, credentials, caFile: undefined, certificate: undefined },
    {
      wanted: () => undefined,
      contact: () => undefined,
      connected: () => {
        connected++
      },
      disconnected: () => {
        disconnected++
      },
      dropped: () => undefined,
      failed: ({ code }) => void errors.push(code)
    },
    { reconnect: 1, jitter: 1, connect: 300 }
  )
  t.teardown(async () => {
    await channel.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  void channel.run()
  await eventually('missing credentials', () => errors.includes('FLEET_CREDENTIALS'))
  t.equal(connections, 0)
  writeFileSync(credentials, credentialsText(Buffer.from(createUser().getSeed()).toString()))
  await eventually(
    'the last connection',
    () => connections === length && channel.current !== undefined
  )
  t.equal(connected, 3)
  t.equal(disconnected, 2)
  t.ok(errors.filter(code => code === 'FLEET_CONNECT').length >= length - 3)
})

const FLEET = {
  ...{ name: 'gw', ring: 'canary', report: 1000, pull: undefined, reports: undefined },
  position: { file: '', line: 1, column: 1 }
}
