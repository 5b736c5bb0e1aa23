import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { FLAG, FRAME, PREFACE, settingsFrame } from '../../src/wire/http2/frame.js'
import { block, frame, getOf } from '../../test/server/doh-client.js'
import { allowedName } from './names.js'
import { framedQuery, openTls } from './tls-clients.js'

/**
 * A process with idle connections: its arguments are port, protocol and how many. It says how many are open; then, for each
 * message, it sends a query on each and says how many were answered.
 */
const [port, protocol, count] = process.argv.slice(2)
const isDoh = protocol === 'doh'
/** Handshakes in progress. */
const AT_ONCE = 8

const query = Buffer.from(framedQuery(0, allowedName(0)))
/** RFC 1035 §4.1.2: what follows length and header, and is in the answer too. */
const question = query.subarray(14)
const flags = FLAG.END_HEADERS | FLAG.END_STREAM
const request = isDoh ? frame(FRAME.HEADERS, flags, 1, block(getOf(query.subarray(2)))) : query

async function open(): Promise<TLSSocket> {
  const socket = await openTls(Number(port), isDoh ? { ALPNProtocols: ['h2'] } : {})
  if (isDoh) {
    socket.write(Buffer.concat([PREFACE, settingsFrame()]))
    await once(socket, 'data')
  }
  return socket
}

function ask(socket: TLSSocket): Promise<boolean> {
  return new Promise(resolve => {
    // The server may have closed it because it was idle.
    if (socket.destroyed) return resolve(false)
    let received = Buffer.alloc(0)
    socket.on('close', () => resolve(false))
    socket.on('data', (octets: Buffer) => {
      received = Buffer.concat([received, octets])
      if (received.includes(question)) resolve(true)
    })
    socket.write(request)
  })
}

const sockets: TLSSocket[] = []
const openSome = async (): Promise<void> => {
  for (let left = Number(count) / AT_ONCE; left > 0; left--) sockets.push(await open())
}
await Promise.all(Array.from({ length: AT_ONCE }, openSome))
process.send!(sockets.length)
process.on('message', () => {
  void Promise.all(sockets.map(ask)).then(all => process.send!(all.filter(Boolean).length))
})
