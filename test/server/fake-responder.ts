import {
  PENDING,
  DROP,
  type ReplyTarget,
  type Responder
} from '../../src/resolver/context/responder.js'
import { clientOf, queryOf } from '../resolver/reply-target.js'
import type { Protocol } from '../../src/lookups/event/query-event.js'

/** Octets in front of the text of a query or reply, in place of a DNS header. */
const HEADER = 12

export const query = (text: string): Buffer => Buffer.from('-'.repeat(HEADER) + text, 'latin1')
export const textOf = (message: Uint8Array): string =>
  Buffer.from(message.subarray(HEADER)).toString('latin1')

/**
 * Answers `now…` at once and `later…` when the test calls for it, with `re: ` in front; `big` with the
 * longest possible message; drops all other queries.
 */
export class FakeResponder implements Responder {
  batches = 0
  ended = 0
  hasValidCookie = false
  readonly clients: number[][] = []
  readonly protocols: number[] = []
  readonly pending = new Map<string, ReplyTarget>()

  beginBatch(): void {
    this.batches++
  }

  endBatch(): void {
    this.ended++
  }

  answer(
    octets: Uint8Array,
    at: number,
    end: number,
    room: number,
    client: Uint32Array,
    clientAt: number,
    protocol: Protocol
  ): number {
    this.clients.push([...client.subarray(clientAt, clientAt + 4)])
    this.protocols.push(protocol)
    const text = textOf(octets.subarray(at, end))
    if (text.startsWith('later')) return PENDING
    if (text === 'big') {
      octets.fill(0x62, at, at + room)
      return room
    }
    if (!text.startsWith('now')) return DROP
    const reply = query(`re: ${text}`)
    octets.set(reply, at)
    return reply.length
  }

  answerLater(target: ReplyTarget): void {
    this.clients.push(clientOf(target))
    this.protocols.push(target.protocol)
    this.pending.set(textOf(queryOf(target)), target)
  }

  /** Answers a pending query; overwrites the octets right after. */
  release(text: string): void {
    const reply = Buffer.concat([Buffer.from('xx'), query(`re: ${text}`), Buffer.from('xx')])
    this.take(text).reply(reply, 2, reply.length - 2)
    reply.fill(0)
  }

  /** Ends a pending query without a reply. */
  silence(text: string): void {
    this.take(text).reply(undefined, 0, 0)
  }

  private take(text: string): ReplyTarget {
    const target = this.pending.get(text)
    if (target === undefined) throw new Error(`no pending query ${text}`)
    this.pending.delete(text)
    return target
  }
}
