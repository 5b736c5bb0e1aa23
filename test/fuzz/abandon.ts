import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Milliseconds } from '../../src/base/units.js'
import type { Dice } from './dice.js'
import { faultOf } from './fault.js'
import { PROBE } from './flood.js'
import { mutate } from './mutate.js'
import type { Seeds } from './seeds.js'

const TCP_LIMIT = 65_535
/**
 * The gateway closes idle connections after 1 s, and looks for them once a second; the rest is for a
 * machine that does other things too.
 */
const IDLE: Milliseconds = 15_000
/** Longest that a reply or an end is waited for. */
const PATIENCE: Milliseconds = 10_000
const HELD: Milliseconds = 300
const MANY = 40

/** What a way to abandon a connection works with. */
interface Work {
  readonly socket: Socket
  readonly seeds: Seeds
  readonly dice: Dice
}

type Fault = string | undefined

/** All the ways. Each leaves the connection as it says, and tells what the gateway did wrong. */
export const WAYS: Readonly<Record<string, (work: Work) => Fault | Promise<Fault>>> = {
  'connects, and closes': () => undefined,
  'connects, and waits': ({ socket }) => closedIn(socket, IDLE),
  'sends half a length': ({ socket }) => {
    socket.write(Uint8Array.of(0))
    return closedIn(socket, IDLE)
  },
  'sends a length, and nothing of it': ({ socket }) => {
    socket.write(Uint8Array.of(0, 40))
    return undefined
  },
  'sends half a message, and waits': ({ socket }) => {
    socket.write(framed(PROBE).subarray(0, 20))
    return closedIn(socket, IDLE)
  },
  'asks, and closes': ({ socket }) => {
    socket.write(framed(PROBE))
    return undefined
  },
  'asks, and resets': ({ socket }) => {
    socket.write(framed(PROBE))
    socket.resetAndDestroy()
    return undefined
  },
  'asks a lot, and does not read': async ({ socket, seeds, dice }) => {
    socket.pause()
    const queries = Array.from({ length: MANY }, () => framed(dice.pick(seeds.queries).octets))
    socket.write(Buffer.concat(queries))
    await pause(HELD)
    return undefined
  },
  'asks, and ends its half': async ({ socket }) => {
    const read = replyOn(socket)
    socket.end(framed(PROBE))
    const reply = await read
    return reply === undefined ? 'no reply after half-close' : faultOf(PROBE, reply, TCP_LIMIT)
  },
  'sends a mutant, and reads': async ({ socket, seeds, dice }) => {
    const query = mutate(dice.pick(seeds.queries).octets, PROBE, dice).octets
    const read = replyOn(socket)
    socket.end(framed(query))
    const reply = await read
    return reply === undefined ? undefined : faultOf(query, reply, TCP_LIMIT)
  },
  'sends octets that are nothing': ({ socket, dice }) => {
    socket.end(Uint8Array.from({ length: 1 + dice.below(200) }, () => dice.below(256)))
    return closedIn(socket, IDLE)
  }
}

/** Opens one connection and abandons it in this way. @returns what the gateway did wrong */
export async function abandon(
  way: string,
  from: string,
  port: number,
  seeds: Seeds,
  dice: Dice
): Promise<Fault> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from })
  socket.on('error', () => undefined)
  try {
    await once(socket, 'connect')
    return await WAYS[way]!({ socket, seeds, dice })
  } catch (error) {
    return `no connection: ${(error as Error).message}`
  } finally {
    socket.destroy()
  }
}

/** Whether the gateway closes the connection in time. */
async function closedIn(socket: Socket, time: Milliseconds): Promise<Fault> {
  socket.resume()
  if (socket.closed) return undefined
  const closed = await Promise.race([once(socket, 'close').then(() => true), pause(time)])
  return closed === true ? undefined : `not closed after ${time} ms`
}

/** The first reply on the connection; undefined: it ended without. */
function replyOn(socket: Socket): Promise<Uint8Array | undefined> {
  return new Promise(resolve => {
    let got = Buffer.alloc(0)
    const timer = setTimeout(resolve, PATIENCE, undefined)
    const done = (reply: Uint8Array | undefined): void => {
      clearTimeout(timer)
      resolve(reply)
    }
    socket.on('close', () => done(undefined))
    socket.on('data', chunk => {
      got = Buffer.concat([got, chunk])
      if (got.length < 2 || got.length < 2 + got.readUInt16BE()) return
      done(Uint8Array.from(got.subarray(2, 2 + got.readUInt16BE())))
    })
  })
}

function pause(time: Milliseconds): Promise<undefined> {
  return new Promise(resolve => void setTimeout(resolve, time, undefined))
}

function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >> 8, message.length & 255, ...message)
}
