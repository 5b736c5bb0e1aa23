import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { nameOctets, typeCode, words } from '../resolver/message-octets.js'

const RD = 0x0100
const OPT = Uint8Array.of(0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0)
const PATIENCE_MS = 10_000
const TRIES = 2
const AD = 0x20
const TC = 0x02

/** What a validating resolver says of a question. */
export interface Said {
  readonly verdict: 'secure' | 'insecure' | 'bogus' | 'timeout'
  readonly rcode: number
}

/** Sends questions with DO to a resolver, several at a time. */
export class Questioner {
  private readonly waiting = new Map<number, (response: Buffer) => void>()
  private lastId = 0

  private constructor(
    private readonly socket: Socket,
    private readonly port: number
  ) {
    socket.on('message', response => {
      this.waiting.get(response.readUInt16BE(0))?.(response)
    })
  }

  static async open(port: number): Promise<Questioner> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Questioner(socket, port)
  }

  close(): void {
    this.socket.close()
  }

  async ask(name: string, type: string): Promise<Said> {
    for (let left = TRIES; left > 0; left--) {
      const response = await this.send(name, type)
      if (response !== undefined) return saidIn(response)
    }
    return { verdict: 'timeout', rcode: -1 }
  }

  private async send(name: string, type: string): Promise<Buffer | undefined> {
    const { waiting, socket, port } = this
    this.lastId = (this.lastId + 1) & 0xffff
    const id = this.lastId
    const question = [nameOctets(name), words(typeCode(type), 1)]
    const query = Buffer.concat([words(id, RD, 1, 0, 0, 1), ...question, OPT])
    const over = new AbortController()
    const response = new Promise<Buffer>(resolve => waiting.set(id, resolve))
    socket.send(query, port, '127.0.0.1')
    const timeout = sleep(PATIENCE_MS, undefined, { signal: over.signal }).catch(() => undefined)
    const first = await Promise.race([response, timeout])
    over.abort()
    waiting.delete(id)
    const isTruncated = first !== undefined && (first[2]! & TC) !== 0
    return isTruncated ? await askTcp(query, port) : first
  }
}

async function askTcp(query: Buffer, port: number): Promise<Buffer | undefined> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.on('error', () => undefined)
  socket.write(Buffer.concat([words(query.length), query]))
  let octets = Buffer.alloc(0)
  for await (const chunk of socket) {
    octets = Buffer.concat([octets, chunk as Buffer])
    if (octets.length > 2 && octets.length >= 2 + octets.readUInt16BE(0)) return octets.subarray(2)
  }
  return undefined
}

function saidIn(response: Buffer): Said {
  const rcode = response[3]! & 0x0f
  if (rcode === 2) return { verdict: 'bogus', rcode }
  return { verdict: (response[3]! & AD) === 0 ? 'insecure' : 'secure', rcode }
}

/** Does something with each item, at most `width` at a time. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T, nth: number) => Promise<void>
): Promise<void> {
  let next = 0
  const run = async (): Promise<void> => {
    while (next < items.length) {
      const nth = next++
      await work(items[nth]!, nth)
    }
  }
  await Promise.all(Array.from({ length: width }, run))
}
