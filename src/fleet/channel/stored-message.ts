import type { NatsConnection } from '@nats-io/transport-node'
import type { Milliseconds } from '../../base/units.js'

/** A message of a JetStream stream. */
export interface StoredMessage {
  readonly seq: number
  readonly data: Uint8Array
}

const TIMEOUT: Milliseconds = 5_000
/** Status of a reply: NATS ADR-31. */
const NOT_FOUND = 404

/**
 * Gets a message by a direct request (NATS ADR-31), which needs no consumer and the narrowest permissions. The package
 * for JetStream does the same, but a gateway would load 125 kB for it.
 *
 * @param query the subject whose last message it is, or the first message of a subject at or after a sequence number
 * @returns undefined: there is none
 * @throws an error of NATS
 */
export async function storedMessage(
  connection: NatsConnection,
  stream: string,
  query: string | { readonly seq: number; readonly next_by_subj: string }
): Promise<StoredMessage | undefined> {
  const direct = `$JS.API.DIRECT.GET.${stream}`
  const [subject, payload] =
    typeof query === 'string' ? [`${direct}.${query}`, ''] : [direct, JSON.stringify(query)]
  const { headers, data } = await connection.request(subject, payload, { timeout: TIMEOUT })
  const { code, description } = headers!
  if (code === NOT_FOUND) return undefined
  if (code !== 0) throw new Error(`${code} ${description}`)
  return { seq: Number(headers!.get('Nats-Sequence')), data }
}
