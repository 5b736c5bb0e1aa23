import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { LOOPBACK } from './place.js'

/** A loopback port that is free for UDP and TCP now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const server = createServer().listen(0, LOOPBACK)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const taken = await udpTaken(port)
    server.close()
    await once(server, 'close')
    if (!taken) return port
  }
  throw new Error('no port free for UDP and TCP after 50 attempts')
}

async function udpTaken(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  socket.bind(port, LOOPBACK)
  const taken = await once(socket, 'listening').then(
    () => false,
    () => true
  )
  socket.close()
  return taken
}
