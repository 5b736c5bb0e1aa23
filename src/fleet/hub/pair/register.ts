import { timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import type { HubState } from '../hub-state.js'

/**
 * One value at NATS decides which hub leads and which state is current: it is replaced only by a writer that has seen its last
 * revision. It is sealed with a key that only the hubs have, so that nobody else at NATS can write one.
 */

const instant = z.iso.datetime()

export const registerSchema = z.strictObject({
  version: z.literal(1),
  /** Name of the hub that leads; null: the last one has stopped. */
  holder: z.string().nullable(),
  /** The run of that hub. */
  run: z.string(),
  epoch: z.int().min(0),
  number: z.int().min(0),
  /** SHA-256 and size of the packed state. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(1),
  at: instant
})
export type Register = z.output<typeof registerSchema>

/** What a hub says of itself to the one that leads. */
export const memberSchema = z.strictObject({
  name: z.string(),
  /** Revocations that the shared state does not have, by public key. */
  revocations: z.record(z.string(), z.int())
})

export type Seal = (text: string) => string

const envelope = z.strictObject({ text: z.string(), seal: z.string() })

export function sealed(value: unknown, seal: Seal): string {
  const text = JSON.stringify(value)
  return JSON.stringify({ text, seal: seal(text) })
}

/** @returns undefined: it is not from a hub of the fleet */
export function unsealed<S extends z.ZodType>(
  stored: string,
  schema: S,
  seal: Seal
): z.output<S> | undefined {
  try {
    const { text, seal: given } = envelope.parse(JSON.parse(stored))
    const [a, b] = [Buffer.from(given), Buffer.from(seal(text))]
    return a.length === b.length && timingSafeEqual(a, b)
      ? schema.parse(JSON.parse(text))
      : undefined
  } catch {
    return undefined
  }
}

type Version = Pick<HubState, 'epoch' | 'number'>

/** Above 0: `a` is newer. */
export const compareVersions = (a: Version, b: Version): number =>
  a.epoch - b.epoch || a.number - b.number
