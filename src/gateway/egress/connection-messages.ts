import * as z from 'zod'

/** What the egress helper sends to the gateway about connections, over a Unix socket of their own: a line of JSON each. */

const text = z.string().max(2_000)
const event = z.strictObject({
  kind: z.enum(['begin', 'end']),
  id: z.int().min(0),
  time: z.number(),
  protocol: z.enum(['tcp', 'udp']),
  client: z.ipv4().or(z.ipv6()),
  destination: z.ipv4().or(z.ipv6()),
  port: z.int().min(1).max(65_535),
  octets: z.int().min(0).optional()
})

export const connectionMessage = z.union([
  z.strictObject({
    events: z.array(event).max(20_000),
    /** Events that did not reach this message, for lack of room; at least so many. */
    lost: z.int().min(0)
  }),
  z.strictObject({
    /** Whether connections are read; `counted`: the kernel counts their octets. */
    reading: z.boolean(),
    counted: z.boolean(),
    error: text.nullable()
  })
])

export type ConnectionMessage = z.output<typeof connectionMessage>
