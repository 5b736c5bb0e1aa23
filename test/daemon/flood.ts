import { createSocket } from 'node:dgram'
import { setImmediate as nextIteration } from 'node:timers/promises'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'

const DATAGRAM = Buffer.alloc(64)
const BURST = 32

/** Sends datagrams without a pause until the promise settles. */
export async function flood({ address, port }: Endpoint, until: Promise<unknown>): Promise<void> {
  const socket = createSocket('udp4')
  const isOver = until.then(() => true)
  try {
    do {
      for (let i = 0; i < BURST; i++) socket.send(DATAGRAM, port, address)
    } while (!(await Promise.race([isOver, nextIteration(false)])))
  } finally {
    socket.close()
  }
}
