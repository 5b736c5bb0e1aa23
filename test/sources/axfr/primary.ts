import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import packet, { type Answer } from 'dns-packet'
import type { Test } from 'tap'
import { readName } from '../../../src/wire/dns/name/name.js'
import type { Primary } from '../../../src/sources/axfr/primary.js'
import { findTsig } from '../../../src/wire/tsig/tsig-record.js'
import { sign, type Key } from './sign.js'

export const ZONE = 'rpz.example'

/** A version of the zone: its policies, by name below the apex. */
export interface State {
  readonly serial: number
  readonly policies: Readonly<Record<string, string>>
}

/** A query as received. */
export interface Asked {
  readonly octets: Uint8Array
  readonly id: number
  readonly type: string
  /** For IXFR. */
  readonly have: number | undefined
  readonly mac: Uint8Array | undefined
}

/** What is sent: messages, or nothing (`hang`). */
export type Said =
  readonly Uint8Array[] | 'hang' | 'close' | { readonly thenClose: readonly Uint8Array[] }

export interface Timing {
  readonly refresh: number
  readonly retry: number
  readonly expire: number
}

/** A primary whose responses a test controls; by default a correct one. */
export class TestPrimary {
  readonly asked: Asked[] = []
  /** The last one is the newest. */
  states: State[] = []
  timing: Timing = { refresh: 3600, retry: 600, expire: 86_400 }
  key: Key | undefined
  /** Time of signatures in seconds; the current time by default. */
  time: (() => number) | undefined
  /** Records per message. */
  perMessage = 3
  /** Signs every n-th message of a response. */
  signEvery = 1
  /** Overrides the response; undefined: the correct one. */
  answer: (asked: Asked) => Said | undefined = () => undefined
  private readonly sockets = new Set<Socket>()
  port = 0

  private constructor(private readonly server: Server) {}

  static async open(t: Test, states: readonly State[] = []): Promise<TestPrimary> {
    const server = createServer(socket => made.serve(socket))
    const made = new TestPrimary(server)
    made.states = [...states]
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    made.port = (server.address() as AddressInfo).port
    t.teardown(() => made.close())
    return made
  }

  close(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  /** Configuration of this primary for a secondary. */
  as(id = 'p1', key = this.key): Primary {
    const { port } = this
    return { id, address: '127.0.0.1', port, key: key && { ...key, name: readName(key.name) } }
  }

  types(): readonly string[] {
    return this.asked.map(({ type }) => type)
  }

  soa(serial: number): Answer {
    const { refresh, retry, expire } = this.timing
    const data = { mname: 'ns.example', rname: 'admin.example', serial, refresh, retry, expire }
    return { type: 'SOA', name: ZONE, ttl: 60, data: { ...data, minimum: 60 } }
  }

  policies({ policies }: State): Answer[] {
    return Object.entries(policies).map(([name, data]) => policy(name, data))
  }

  whole(state: State): Answer[] {
    return [this.soa(state.serial), ...this.policies(state), this.soa(state.serial)]
  }

  /** One message for each so many records. */
  messages({ id, type }: Pick<Asked, 'id' | 'type'>, answers: readonly Answer[]): Uint8Array[] {
    const { perMessage } = this
    const count = Math.max(1, Math.ceil(answers.length / perMessage))
    return Array.from({ length: count }, (_, i) =>
      encode(id, i === 0 ? type : undefined, answers.slice(i * perMessage, (i + 1) * perMessage))
    )
  }

  rcode({ id, type }: Asked, rcode: number): Uint8Array {
    const message = encode(id, type, [])
    message[3] = rcode
    return message
  }

  /** The changes from one state to the next, to the newest. */
  private changes(have: number): Answer[] {
    const first = this.states.findIndex(({ serial }) => serial === have)
    const newest = this.soa(this.states.at(-1)!.serial)
    const steps = this.states.slice(first + 1).flatMap((state, i) => {
      const before = this.states[first + i]!
      const gone = Object.entries(before.policies).filter(([k, v]) => state.policies[k] !== v)
      const more = Object.entries(state.policies).filter(([k, v]) => before.policies[k] !== v)
      return [
        this.soa(before.serial),
        ...gone.map(([name, data]) => policy(name, data)),
        this.soa(state.serial),
        ...more.map(([name, data]) => policy(name, data))
      ]
    })
    return [newest, ...steps, newest]
  }

  good(asked: Asked): Said {
    const newest = this.states.at(-1)
    if (newest === undefined) return [this.rcode(asked, 9)]
    const { type, have } = asked
    if (type === 'SOA' || have === newest.serial)
      return this.messages(asked, [this.soa(newest.serial)])
    const known = this.states.some(({ serial }) => serial === have)
    return this.messages(asked, known ? this.changes(have!) : this.whole(newest))
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    let held = Buffer.alloc(0)
    socket.on('data', chunk => {
      held = Buffer.concat([held, chunk])
      const length = held.length < 2 ? Infinity : held.readUInt16BE(0)
      if (held.length < 2 + length) return
      this.hear(socket, Uint8Array.from(held.subarray(2, 2 + length)))
    })
  }

  private hear(socket: Socket, octets: Uint8Array): void {
    const query = packet.decode(Buffer.from(octets))
    const mac = findTsig(octets)?.mac
    const { type } = query.questions![0]!
    const soa = query.authorities?.[0] as { data?: { serial: number } } | undefined
    const asked = { octets, id: query.id ?? 0, type, have: soa?.data?.serial, mac }
    this.asked.push(asked)
    const said = this.answer(asked) ?? this.good(asked)
    if (said === 'hang') return
    if (said === 'close') {
      socket.destroy()
      return
    }
    const messages = 'thenClose' in said ? said.thenClose : said
    for (const message of this.signed(asked, messages)) {
      socket.write(
        Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message])
      )
    }
    if ('thenClose' in said) socket.end()
  }

  private signed({ mac }: Asked, messages: readonly Uint8Array[]): readonly Uint8Array[] {
    const { key } = this
    if (key === undefined || mac === undefined) return messages
    let prior = mac
    let between: Uint8Array[] = []
    return messages.map((message, i) => {
      const isSigned = i === 0 || i === messages.length - 1 || i % this.signEvery === 0
      if (!isSigned) {
        between.push(message)
        return message
      }
      const time = this.time?.() ?? Math.floor(Date.now() / 1000)
      const one = sign(message, key, { time, prior, isLater: i > 0, between })
      prior = one.mac
      between = []
      return one.octets
    })
  }
}

export function policy(name: string, data: string): Answer {
  return { type: 'CNAME', name: `${name}.${ZONE}`, ttl: 60, data }
}

export function encode(
  id: number,
  type: string | undefined,
  answers: readonly Answer[]
): Uint8Array {
  const questions = type === undefined ? [] : [{ type: type as 'SOA', name: ZONE }]
  const message = packet.encode({ type: 'response', id, questions, answers: [...answers] })
  // AA.
  message[2]! |= 0x04
  return Uint8Array.from(message)
}

/** Policies by name, all NXDOMAIN. */
export function nxdomain(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map(name => [name, '.']))
}
