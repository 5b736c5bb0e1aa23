import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { addressOf, showAddress } from '../../base/values/address.js'
import type { Octets, Seconds } from '../../base/units.js'

/*
 * RADIUS accounting, RFC 2866: requests of a NAS, and the responses to them.
 */

const HEADER: Octets = 20
/** RFC 2866 §3. */
const MAX_PACKET: Octets = 4096
const CODE = { request: 4, response: 5 } as const
const DIGEST: Octets = 16
const NO_AUTHENTICATOR = Buffer.alloc(DIGEST)

/** Numbers of attributes. RFC 2865 §5, RFC 2866 §5, RFC 2869 §5, RFC 6911 §3.1 */
const ATTRIBUTE = {
  userName: 1,
  framedIp: 8,
  filterId: 11,
  sessionTimeout: 27,
  callingStation: 31,
  statusType: 40,
  sessionId: 44,
  sessionTime: 46,
  eventTimestamp: 55,
  messageAuthenticator: 80,
  portId: 87,
  framedIpv6: 168
} as const

/** Acct-Status-Type. RFC 2866 §5.1 */
const STATUS = { 1: 'start', 2: 'stop', 3: 'interim', 7: 'on', 8: 'off' } as const

/** What an Accounting-Request says. */
export interface AccountingRequest {
  readonly identifier: number
  readonly authenticator: Uint8Array
  /** Undefined: another type, which is answered and has no effect. */
  readonly status: (typeof STATUS)[keyof typeof STATUS] | undefined
  readonly addresses: readonly string[]
  readonly user: string | undefined
  /** Calling-Station-Id: the MAC address of the device. */
  readonly station: string | undefined
  readonly groups: readonly string[]
  readonly port: string | undefined
  readonly sessionId: string
  readonly sessionTime: Seconds
  /** Undefined: there is no limit. */
  readonly sessionTimeout: Seconds | undefined
  /** Seconds since 1970; undefined: the request does not say when it was made. */
  readonly eventTimestamp: Seconds | undefined
}

/** Why a request is refused, in words. */
export type Refused = string

/**
 * Decodes and authenticates an Accounting-Request. A request whose authenticators are not those of the secret is forged, or of a NAS
 * with another secret.
 *
 * @param needsMessageAuthenticator refuse requests without Message-Authenticator, whose integrity rests on MD5 alone
 */
export function decodeAccounting(
  octets: Buffer,
  secret: string,
  needsMessageAuthenticator: boolean
): AccountingRequest | Refused {
  const length = octets.length < HEADER ? 0 : octets.readUInt16BE(2)
  if (length < HEADER || length > MAX_PACKET || length > octets.length) return 'malformed packet'
  if (octets[0] !== CODE.request) return `code ${octets[0]} is not an Accounting-Request`
  const packet = octets.subarray(0, length)
  const attributes = readAttributes(packet)
  if (attributes === undefined) return 'malformed attributes'
  const authenticator = packet.subarray(4, HEADER)
  const expected = digestOf(packet, NO_AUTHENTICATOR, secret)
  if (!timingSafeEqual(expected, authenticator)) return 'wrong Request Authenticator or secret'
  const messages = attributes.filter(({ type }) => type === ATTRIBUTE.messageAuthenticator)
  const [message] = messages
  if (message === undefined && needsMessageAuthenticator) return 'no Message-Authenticator'
  if (message !== undefined && (messages.length > 1 || !isIntact(packet, message.at, secret)))
    return 'wrong Message-Authenticator'
  return requestOf(packet, attributes)
}

interface Attribute {
  readonly type: number
  /** Of its value in the packet. */
  readonly at: Octets
  readonly value: Buffer
}

function readAttributes(packet: Buffer): readonly Attribute[] | undefined {
  const found: Attribute[] = []
  for (let at = HEADER; at < packet.length;) {
    const length = packet[at + 1] ?? 0
    if (length < 2 || at + length > packet.length) return undefined
    found.push({ type: packet[at]!, at: at + 2, value: packet.subarray(at + 2, at + length) })
    at += length
  }
  return found
}

/** RFC 2866 §3: the digest of the packet with another authenticator, and of the secret. */
function digestOf(packet: Uint8Array, authenticator: Uint8Array, secret: string): Buffer {
  const hash = createHash('md5').update(packet.subarray(0, 4)).update(authenticator)
  return hash.update(packet.subarray(HEADER)).update(secret).digest()
}

/** RFC 3579 §3.2; of accounting, with an authenticator of zeros: RFC 5997 §4.3. */
function isIntact(packet: Buffer, at: Octets, secret: string): boolean {
  const value = packet.subarray(at, at + DIGEST)
  if (packet[at - 1] !== DIGEST + 2) return false
  return timingSafeEqual(messageDigest(packet, at, secret), value)
}

function messageDigest(packet: Uint8Array, at: Octets, secret: string): Buffer {
  const copy = Buffer.from(packet)
  copy.fill(0, 4, HEADER)
  copy.fill(0, at, at + DIGEST)
  return createHmac('md5', secret).update(copy).digest()
}

function requestOf(packet: Buffer, attributes: readonly Attribute[]): AccountingRequest {
  const all = (type: number): Buffer[] =>
    attributes.filter(it => it.type === type).map(({ value }) => value)
  const text = (type: number): string | undefined => all(type)[0]?.toString('utf8')
  const number = (type: number): number | undefined => {
    const [value] = all(type)
    return value?.length === 4 ? value.readUInt32BE() : undefined
  }
  const status = number(ATTRIBUTE.statusType) ?? 0
  return {
    identifier: packet[1]!,
    authenticator: Uint8Array.from(packet.subarray(4, HEADER)),
    status: STATUS[status as keyof typeof STATUS],
    addresses: [
      ...all(ATTRIBUTE.framedIp).flatMap(ipv4Of),
      ...all(ATTRIBUTE.framedIpv6).flatMap(value => (value.length === 16 ? showAddress(value) : []))
    ],
    user: text(ATTRIBUTE.userName),
    station: text(ATTRIBUTE.callingStation),
    groups: all(ATTRIBUTE.filterId).map(value => value.toString('utf8')),
    port: text(ATTRIBUTE.portId),
    sessionId: text(ATTRIBUTE.sessionId) ?? '',
    sessionTime: number(ATTRIBUTE.sessionTime) ?? 0,
    sessionTimeout: number(ATTRIBUTE.sessionTimeout),
    eventTimestamp: number(ATTRIBUTE.eventTimestamp)
  }
}

/** 255.255.255.255 and 255.255.255.254 stand for an address that another one chooses. RFC 2865 §5.8 */
function ipv4Of(value: Buffer): string[] {
  if (value.length !== 4) return []
  const word = value.readUInt32BE()
  return word === 0 || word >= 0xffff_fffe ? [] : [showAddress(addressOf([0, 0, 0xffff, word]))]
}

/**
 * The Accounting-Response to a request. RFC 2866 §4.2. It has no attributes: programs differ on what a
 * Message-Authenticator in it covers.
 */
export function encodeAccountingResponse(request: AccountingRequest, secret: string): Buffer {
  const { identifier, authenticator } = request
  const packet = Buffer.alloc(HEADER)
  packet.set([CODE.response, identifier])
  packet.writeUInt16BE(HEADER, 2)
  packet.set(digestOf(packet, authenticator, secret), 4)
  return packet
}
