import * as z from 'zod'
import { failure } from '../../base/errors/error.js'

/** What an enrolment token holds. */
const tokenSchema = z.strictObject({
  /** User of the credentials. */
  id: z.string(),
  name: z.string(),
  ring: z.string(),
  secret: z.string(),
  /** Credentials that can do nothing but ask for others. */
  creds: z.string(),
  nats: z.array(z.string()).min(1),
  /** Of the hub, for sites that do not reach NATS; null: it has none. */
  hub: z.string().nullable()
})
export type EnrolToken = Omit<z.output<typeof tokenSchema>, 'nats'> & {
  readonly nats: readonly string[]
}

/** The start of every token, by which scanners for leaked secrets find it. */
const PREFIX = 'interdict_enrol_'

export function encodeToken(token: EnrolToken): string {
  return PREFIX + Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** @throws InterdictError FLEET_TOKEN */
export function decodeToken(text: string): EnrolToken {
  try {
    const json = Buffer.from(text.trim().slice(PREFIX.length), 'base64url').toString()
    return tokenSchema.parse(JSON.parse(text.startsWith(PREFIX) ? json : ''))
  } catch {
    throw failure('FLEET_TOKEN', 'it is not a token, or incomplete')
  }
}
