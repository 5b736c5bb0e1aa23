import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux gives to clients (32768 to 60999): another test's client cannot take
 * the port between this check and its use.
 */
const FIRST = 10_240
const LAST = 32_767

/** A port that is free just now, for UDP and TCP. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1))
    if (await isFree(port, address)) return port
  }
  throw new Error(`100 ports of ${address}, and none was free`)
}

/** Whether a port is free for UDP and TCP. */
export async function isFree(port: number, address = '127.0.0.1'): Promise<boolean> {
  const socket = createSocket('udp4')
  const server = createServer()
  const udp = new Promise<boolean>(resolve => {
    socket.once('error', () => resolve(false))
    socket.bind({ port, address, exclusive: true }, () => resolve(true))
  })
  const tcp = new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: address, exclusive: true }, () => resolve(true))
  })
  const [udpIsFree, tcpIsFree] = await Promise.all([udp, tcp])
  await Promise.all([
    new Promise<void>(resolve => socket.close(() => resolve())),
    new Promise<void>(resolve => server.close(() => resolve()))
  ])
  return udpIsFree && tcpIsFree
}
