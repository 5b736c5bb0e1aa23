import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'
import { encode, text, type World } from './world.js'

/** Serves a world over UDP on a port of its own, as an upstream. Returns its port. */
export async function serveWorld(t: Test, world: World): Promise<number> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.on('message', (query, { port, address }) => {
    let end = 12
    while (query[end] !== 0) end += 1 + query[end]!
    const name = text(query.subarray(12, end + 1)).toLowerCase()
    const type = query.readUInt16BE(end + 1)
    const response = world.resolve(name, type)
    world.queries.push(`${name} ${type}`)
    world.tamper?.(name, type, response)
    const message = encode(name, type, response)
    message.set(query.subarray(0, 2))
    // The question as it came: the case of its letters may have to be repeated.
    message.set(query.subarray(12, end + 5), 12)
    socket.send(message, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket.address().port
}
