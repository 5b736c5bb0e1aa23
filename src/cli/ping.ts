import { randomInt } from 'node:crypto'
import { OPCODE } from '../dns/opcode.js'
import type { DatagramBatch, Endpoint } from '../socket/datagram.js'
import { portableTransport } from '../socket/portable.js'
import { EXIT } from './exit.js'
import { settings, type CommonOptions } from './settings.js'
import { showEndpoint } from './show.js'

export interface PingOptions extends CommonOptions {
  readonly timeout: string
}

/**
 * `interdict ping`: whether the server answers where the settings say that it listens. It asks with
 * opcode STATUS, which is answered (NOTIMP) by the server alone: no upstream, no rule, no record.
 */
export async function ping(options: PingOptions): Promise<void> {
  const { listen } = await settings(options)
  const answers = await Promise.all(
    listen.map(endpoint => ask(nearest(endpoint), Number(options.timeout)))
  )
  for (const [i, answered] of answers.entries()) {
    process.stdout.write(
      `${showEndpoint(listen[i]!)} ${answered ? 'answers' : 'does not answer'}\n`
    )
  }
  process.exit(answers.every(answered => answered) ? EXIT.fine : EXIT.found)
}

/** Where to ask a server that listens on a wildcard address. */
function nearest({ address, port }: Endpoint): Endpoint {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port }
  return address === '::' ? { address: '::1', port } : { address, port }
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
  socket.send(query, 0, query.length, carrier.peer(endpoint))
  const timer = setTimeout(() => heard(false), timeout)
  const result = await answered
  clearTimeout(timer)
  socket.close()
  return result
}

function isReply({ octets, starts }: DatagramBatch, id: number): boolean {
  const at = starts[0]!
  return octets[at] === id >> 8 && octets[at + 1] === (id & 255) && octets[at + 2]! >= 0x80
}
