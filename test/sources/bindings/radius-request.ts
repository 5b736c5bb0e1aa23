import { createHash, createHmac } from 'node:crypto'

export const SECRET = 'a shared secret'

export interface RequestOptions {
  readonly secret?: string
  readonly identifier?: number
  /** Without Message-Authenticator. */
  readonly isBare?: boolean
}

/** Value of an attribute: text, octets or a number of 32 bits. */
type Value = string | Uint8Array | number

/** An Accounting-Request as a NAS sends it: RFC 2866 §3, RFC 5997 §4.3. */
export function accountingRequest(
  attributes: readonly (readonly [type: number, value: Value])[],
  { secret = SECRET, identifier = 7, isBare = false }: RequestOptions = {}
): Buffer {
  const all = isBare ? attributes : [...attributes, [80, new Uint8Array(16)] as const]
  const parts = all.map(([type, value]) => {
    const octets = octetsOf(value)
    return Buffer.concat([Buffer.of(type, octets.length + 2), octets])
  })
  const packet = Buffer.concat([Buffer.alloc(20), ...parts])
  packet.set([4, identifier])
  packet.writeUInt16BE(packet.length, 2)
  if (!isBare) packet.set(createHmac('md5', secret).update(packet).digest(), packet.length - 16)
  packet.set(createHash('md5').update(packet).update(secret).digest(), 4)
  return packet
}

function octetsOf(value: Value): Uint8Array {
  if (typeof value !== 'number') return Buffer.from(value as string)
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return octets
}

export const STATUS = { start: 1, stop: 2, interim: 3, on: 7 } as const

/** The attributes of a session of a device. */
export const session = (
  status: keyof typeof STATUS,
  at: number,
  more: readonly (readonly [number, Value])[] = []
): readonly (readonly [number, Value])[] => [
  [40, STATUS[status]],
  [8, Buffer.of(10, 20, 3, 4)],
  [1, 'CORP\\Anna'],
  [31, '02-00-5E-10-00-07'],
  [87, 'ge-0/0/7'],
  [11, 'staff'],
  [44, 'session-1'],
  [55, Math.floor(at / 1000)],
  ...more
]
