import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'
import { showName } from '../../src/wire/dns/name/name.js'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { questionOf } from '../upstream/messages.js'

/** An address translator: packets to `endpoint` are forwarded to `target`, and replies back. */
export class Relay {
  /** Names of the forwarded queries, in lower case. */
  readonly names: string[] = []
  /** Undefined: packets are dropped. */
  target: Endpoint | undefined
  private readonly outer = createSocket('udp4')
  /** One socket per sender, as a NAT has one port per sender. */
  private readonly inner = new Map<string, Socket>()

  static async open(t: Test, target?: Endpoint): Promise<Relay> {
    const relay = new Relay()
    relay.target = target
    relay.outer.on('message', (octets, { address, port }) => {
      relay.pass(octets, { address, port })
    })
    relay.outer.bind(0, '127.0.0.1')
    await once(relay.outer, 'listening')
    t.teardown(() => {
      relay.close()
    })
    return relay
  }

  get endpoint(): Endpoint {
    const { address, port } = this.outer.address()
    return { address, port }
  }

  /** The number of forwarded queries for this name. */
  count(name: string): number {
    return this.names.filter(one => one === name).length
  }

  private pass(octets: Buffer, from: Endpoint): void {
    if (this.target === undefined) return
    this.names.push(showName(questionOf(octets).slice(0, -4)).toLowerCase())
    this.socketOf(from).send(octets, this.target.port, this.target.address)
  }

  private socketOf(from: Endpoint): Socket {
    const key = `${from.address} ${from.port}`
    const known = this.inner.get(key)
    if (known !== undefined) return known
    const made = createSocket('udp4')
    made.on('message', octets => {
      this.outer.send(octets, from.port, from.address)
    })
    this.inner.set(key, made)
    return made
  }

  private close(): void {
    this.outer.close()
    for (const socket of this.inner.values()) socket.close()
  }
}
