import type { ReplyTarget } from '../../src/resolver/responder.js'

/** One who asks in memory of its own. */
export function asker(
  query: Uint8Array,
  client: Uint32Array,
  protocol: number,
  reply: ReplyTarget['reply']
): ReplyTarget {
  return { octets: query, start: 0, end: query.length, client, clientAt: 0, protocol, reply }
}

/** The octets of its query. */
export function queryOf({ octets, start, end }: ReplyTarget): Uint8Array {
  return octets.subarray(start, end)
}

/** The four words of its address. */
export function clientOf({ client, clientAt }: ReplyTarget): number[] {
  return [...client.subarray(clientAt, clientAt + 4)]
}
