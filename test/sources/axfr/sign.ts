import { createHmac } from 'node:crypto'
import { readName } from '../../../src/wire/dns/name/name.js'

/** A key as a primary of the tests has it. */
export interface Key {
  readonly name: string
  readonly algorithm: 'hmac-sha256' | 'hmac-sha512'
  readonly secret: Uint8Array
}

export interface SignOptions {
  readonly time: number
  readonly fudge?: number
  readonly error?: number
  readonly other?: Uint8Array
  /** Octets of the MAC that are sent; all by default. */
  readonly macLength?: number
  /** MAC of the request or the previous message. */
  readonly prior?: Uint8Array
  /** Whether it is a later message of a response. */
  readonly isLater?: boolean
  /** Unsigned messages since the last signature. */
  readonly between?: readonly Uint8Array[]
}

const word = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const time48 = (time: number): Buffer => {
  const octets = Buffer.alloc(6)
  octets.writeUIntBE(time, 0, 6)
  return octets
}

/** Signs a message as RFC 8945 §4 says, on its own: nothing of `src/wire/tsig/tsig.ts` is in it. */
export function sign(
  message: Uint8Array,
  key: Key,
  options: SignOptions
): { readonly octets: Uint8Array; readonly mac: Uint8Array } {
  const {
    time,
    fudge = 300,
    error = 0,
    other = Buffer.alloc(0),
    prior,
    isLater,
    between = [],
    macLength
  } = options
  const hash = key.algorithm === 'hmac-sha256' ? 'sha256' : 'sha512'
  const hmac = createHmac(hash, key.secret)
  if (prior !== undefined) hmac.update(word(prior.length)).update(prior)
  for (const one of between) hmac.update(one)
  hmac.update(message)
  const name = readName(key.name)
  const algorithm = readName(key.algorithm)
  const timers = Buffer.concat([time48(time), word(fudge)])
  if (isLater === true) hmac.update(timers)
  else {
    const ttl = Buffer.alloc(4)
    hmac.update(Buffer.concat([name, word(255), ttl, algorithm, timers]))
    hmac.update(Buffer.concat([word(error), word(other.length), other]))
  }
  const mac = hmac.digest().subarray(0, macLength)
  const rdata = Buffer.concat([
    ...[algorithm, timers, word(mac.length), mac],
    ...[message.subarray(0, 2), word(error), word(other.length), other]
  ])
  const head = [name, word(250), word(255), Buffer.alloc(4), word(rdata.length)]
  const octets = Buffer.concat([message, ...head, rdata])
  octets.writeUInt16BE(octets.readUInt16BE(10) + 1, 10)
  return { octets, mac }
}
