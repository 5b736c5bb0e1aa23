import type { ReplyTarget } from '../../src/resolver/context/responder.js'
import type { Protocol } from '../../src/lookups/event/query-event.js'

/** A target whose query has an array of its own. */
export function replyTarget(
  query: Uint8Array,
  client: Uint32Array,
  protocol: Protocol,
  reply: ReplyTarget['reply']
): ReplyTarget {
  return { octets: query, start: 0, end: query.length, client, clientAt: 0, protocol, reply }
}

/** The query. */
export function queryOf({ octets, start, end }: ReplyTarget): Uint8Array {
  return octets.subarray(start, end)
}

/** The four words of the client's address. */
export function clientOf({ client, clientAt }: ReplyTarget): number[] {
  return [...client.subarray(clientAt, clientAt + 4)]
}
