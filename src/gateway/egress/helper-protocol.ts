import * as z from 'zod'
import { isIP } from 'node:net'
import type { Octets } from '../../base/units.js'

/**
 * What the gateway and the egress helper say to each other over a Unix socket: a line of JSON each. The helper has CAP_NET_ADMIN,
 * so it takes nothing but what is described here, and makes nftables JSON of it itself.
 */

/** Longest line: 65,536 addresses of each of some groups. */
export const MAX_LINE: Octets = 64 * 2 ** 20
export const MAX_GROUPS = 1_000
const MAX_ELEMENTS = 200_000
const MAX_SECONDS = 31 * 86_400

const address = z.string().refine(text => isIP(text) !== 0 && !text.includes('%'))
const prefix = z.string().refine(text => {
  const [base = '', bits, ...rest] = text.split('/')
  const most = isIP(base) === 4 ? 32 : 128
  if (isIP(base) === 0 || base.includes('%') || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
})
/** First and last address. */
const range = z.tuple([address, address]).refine(([first, last]) => isIP(first) === isIP(last))
const ports = z.enum(['all', 'dns'])
const seconds = z.int().min(1).max(MAX_SECONDS)
const element = z.strictObject({ address, ports, seconds })

/** Clients to whom the same addresses are denied. */
const group = z.strictObject({
  /** For people who read the table. */
  name: z.string().regex(/^[a-z0-9-]{1,64}$/),
  sources: z.array(range).max(MAX_ELEMENTS),
  /** Addresses that the rules themselves ban: they do not expire. */
  prefixes: z.array(z.strictObject({ prefix, ports })).max(MAX_ELEMENTS),
  elements: z.array(element).max(MAX_ELEMENTS)
})

const place = z
  .int()
  .min(0)
  .max(MAX_GROUPS - 1)
export const requestSchema = z.discriminatedUnion('do', [
  /** Replaces the whole table. */
  z.strictObject({
    id: z.int(),
    do: z.literal('replace'),
    groups: z.array(group).max(MAX_GROUPS)
  }),
  /** Removes addresses, then adds or renews others. */
  z.strictObject({
    id: z.int(),
    do: z.literal('change'),
    remove: z.array(z.strictObject({ group: place, address })).max(MAX_ELEMENTS),
    add: z.array(element.extend({ group: place })).max(MAX_ELEMENTS)
  })
])

export type HelperRequest = z.output<typeof requestSchema>
export type DenyGroup = z.output<typeof group>
export type DenyElement = z.output<typeof element>
export type DenyChange = Pick<HelperRequest & { do: 'change' }, 'remove' | 'add'>

/** What the helper sends: the result of a request, or that it had to restore the table. */
export const replySchema = z.union([
  z.strictObject({ id: z.int(), ok: z.boolean(), error: z.string().max(2_000).optional() }),
  z.strictObject({ restored: z.string().max(2_000) })
])

export type HelperReply = z.output<typeof replySchema>
