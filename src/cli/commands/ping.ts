import { randomInt } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { OPCODE } from '../../dns/registry/opcode.js'
import type { DatagramBatch, Endpoint } from '../../udp/datagram.js'
import { portableTransport } from '../../udp/portable/portable.js'
import { milliseconds } from '../args/given.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT } from '../exit.js'
import { print, type Io } from '../io.js'
import { showEndpoint } from '../output/show.js'

export interface PingOptions extends CommonOptions {
  readonly timeout: string
}

/** How often one endpoint is asked before it counts as one that does not answer. */
const SENDS = 4

type Answer = 'answers' | 'does not answer' | 'cannot be asked from here'

/**
 * `interdict ping`: whether the server answers where the settings say that it listens. It asks with
 * opcode STATUS, which is answered (NOTIMP) by the server alone: no upstream, no rule, no record.
 *
 * Where a wildcard address is of a family that this machine does not have, nobody can ask. That is
 * no fault of the server: containers without IPv6 are common, and listening on `[::]` works there.
 */
export async function ping(options: PingOptions, io: Io): Promise<number> {
  const timeout = milliseconds('--timeout', options.timeout)
  const { listen } = await settings(options)
  const answers = await Promise.all(
    listen.map(async (endpoint): Promise<Answer> => {
      const at = nearest(endpoint)
      if (at === undefined) return 'cannot be asked from here'
      return (await ask(at, timeout)) ? 'answers' : 'does not answer'
    })
  )
  for (const [i, answer] of answers.entries()) {
    print(io, `${showEndpoint(listen[i]!)} ${answer}\n`)
  }
  const fine = answers.includes('answers') && !answers.includes('does not answer')
  return fine ? EXIT.success : EXIT.failure
}

/** Where to ask a server that listens on a wildcard address, if this machine can. */
function nearest({ address, port }: Endpoint): Endpoint | undefined {
  if (address !== '0.0.0.0' && address !== '::') return { address, port }
  const loopback = address === '::' ? '::1' : '127.0.0.1'
  const ours = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? [])
  return ours.some(one => one.address === loopback) ? { address: loopback, port } : undefined
}

async function ask(endpoint: Endpoint, timeout: number): Promise<boolean> {
  const id = randomInt(0x10000)
  const carrier = portableTransport()
  let heard: (answered: boolean) => void = () => undefined
  const answered = new Promise<boolean>(resolve => {
    heard = resolve
  })
  const socket = await carrier.open(endpoint.address.includes(':') ? 6 : 4, batch => {
    if (isReply(batch, id)) heard(true)
  })
  const query = Uint8Array.from([id >> 8, id & 255, OPCODE.STATUS << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  const peer = carrier.peer(endpoint)
  const send = (): void => socket.send(query, 0, query.length, peer)
  send()
  // A datagram may get lost where a busy server's queue is full.
  const again = setInterval(send, timeout / SENDS)
  const timer = setTimeout(() => heard(false), timeout)
  const result = await answered
  clearInterval(again)
  clearTimeout(timer)
  socket.close()
  return result
}

function isReply({ octets, starts }: DatagramBatch, id: number): boolean {
  const at = starts[0]!
  return octets[at] === id >> 8 && octets[at + 1] === (id & 255) && octets[at + 2]! >= 0x80
}
