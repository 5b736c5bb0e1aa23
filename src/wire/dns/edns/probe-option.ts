import { createHmac, timingSafeEqual } from 'node:crypto'
import { getUint32, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { OPTION_HEADER_SIZE } from '../registry/sizes.js'

/**
 * OPTION-CODE of the option by which the gateway's own probes are asked as a client of a network; one for local
 * use. RFC 6891 §9. It never leaves the host: probes are sent to the gateway's own addresses, and no option of a
 * client is forwarded.
 *
 *     in a query    octet 0      flags: bits of `PROBE_FLAG`
 *                   octets 1-4   monotonic time in seconds, the same clock in all threads of the process
 *                   octets 5-20  the client to be, as an IPv6 address
 *                   octets 21-24 its client class, if it is recognized by its identity; 0: that of its address
 *                   octets 25-28 generation of the rules that have this class
 *                   octets 29-44 the first half of HMAC-SHA-256 over octets 0-28 and the question
 *     in a reply    octet 0      number of the worker
 *                   octet 1      1: nothing forbids the query, and it would have been forwarded
 *                   octets 2-5   generation of the rules by which it was answered
 *                   octets 6-9   the worker's time in seconds since 1970
 */
export const OPTION_PROBE = 65_360
export const PROBE_QUERY_SIZE: Octets = 45
const REPLY_SIZE: Octets = 10
const FLAGS: Octets = 0
const TIME: Octets = 1
const CLIENT: Octets = 5
const MAC: Octets = 29
/** Words of `ProbeClaim.client`. */
export const PROBE_CLIENT_WORDS = 6

/** `resolve`: it may be forwarded; `log`: it is logged. */
export const PROBE_FLAG = { valid: 1, resolve: 2, log: 4 } as const

/**
 * How old an option may be: a control query waits for an upstream for at most 5 s, and is read again then; and a
 * machine with too much to do may start a worker long after a query has come. After that, a copy of it is worth
 * nothing. It may be newer by as much: a worker reads its clock once per turn of the event loop, in which it may have
 * been interrupted.
 */
const MAX_AGE: Seconds = 60
/** Of the key, which is random for each process. */
export const PROBE_KEY_SIZE: Octets = 32

/** What a probe says of itself. */
export interface ProbeClaim {
  /** Bits of `PROBE_FLAG`. */
  readonly flags: number
  /** Six words: the address, four as in `DatagramBatch.peers`, the class, and the generation of the class. */
  readonly client: Uint32Array
  /** Monotonic. */
  readonly at: Seconds
}

/**
 * The option for a query.
 *
 * @param question QNAME in lower case, QTYPE and QCLASS
 */
export function encodeProbeOption(
  key: Uint8Array,
  { flags, client, at }: ProbeClaim,
  question: Uint8Array
): Uint8Array {
  const option = new Uint8Array(OPTION_HEADER_SIZE + PROBE_QUERY_SIZE)
  const data = option.subarray(OPTION_HEADER_SIZE)
  option.set([OPTION_PROBE >> 8, OPTION_PROBE & 0xff, 0, PROBE_QUERY_SIZE])
  data[FLAGS] = flags | PROBE_FLAG.valid
  setUint32(data, TIME, at)
  client.forEach((word, i) => setUint32(data, CLIENT + 4 * i, word))
  data.set(macOf(key, data.subarray(0, MAC), question), MAC)
  return option
}

/**
 * Reads the option at `octets[at]`, its data, and compares its code in constant time.
 *
 * @param now monotonic
 * @param client is written only if the option is valid
 * @returns its flags; 0: it is not of this process, too old, or for another question
 */
export function verifyProbeOption(
  key: Uint8Array,
  octets: Uint8Array,
  at: Octets,
  question: Uint8Array,
  now: Seconds,
  client: Uint32Array
): number {
  const age = now - getUint32(octets, at + TIME)
  if (Math.abs(age) > MAX_AGE) return 0
  const expected = macOf(key, octets.subarray(at, at + MAC), question)
  if (!timingSafeEqual(expected, octets.subarray(at + MAC, at + PROBE_QUERY_SIZE))) return 0
  for (let i = 0; i < PROBE_CLIENT_WORDS; i++) client[i] = getUint32(octets, at + CLIENT + 4 * i)
  return octets[at + FLAGS]! | PROBE_FLAG.valid
}

/**
 * The server name by which listeners over TLS recognize a connection of the probe: they may refuse clients without
 * an identity. Nothing but the process can compute it.
 */
export function probeServerName(key: Uint8Array): string {
  const code = createHmac('sha256', key).update('server name').digest('hex')
  return `${code.slice(0, 32)}.probe.invalid`
}

/** Longest name in `probeNameFor`: a server name has at most 255 octets in OpenSSL. */
export const MAX_PROBED_NAME = 200
const PROBE_SUFFIX = /\.[0-9a-f]{32}\.probe\.invalid$/

/** The server name by which the probe asks for the certificate of another name. @param probeName see `probeServerName` */
export const probeNameFor = (name: string, probeName: string): string => `${name}.${probeName}`

/** The name for which a certificate is wanted, of any server name in lower case. */
export const certificateNameOf = (serverName: string): string =>
  serverName.replace(PROBE_SUFFIX, '')

function macOf(key: Uint8Array, head: Uint8Array, question: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(head).update(question).digest().subarray(0, 16)
}

/** What the gateway says of its answer to a probe. */
export interface ProbeReply {
  readonly worker: number
  readonly isOpen: boolean
  readonly generation: number
  readonly time: Seconds
}

/** The option of a reply; position of `isOpen` is `PROBE_REPLY_OPEN`. */
export function encodeProbeReply({ worker, isOpen, generation, time }: ProbeReply): Uint8Array {
  const option = new Uint8Array(OPTION_HEADER_SIZE + REPLY_SIZE)
  option.set([OPTION_PROBE >> 8, OPTION_PROBE & 0xff, 0, REPLY_SIZE, worker, isOpen ? 1 : 0])
  setUint32(option, OPTION_HEADER_SIZE + 2, generation)
  setUint32(option, OPTION_HEADER_SIZE + 6, time)
  return option
}

/** In the option. */
export const PROBE_REPLY_OPEN: Octets = OPTION_HEADER_SIZE + 1

/** @param at of the option, with its head; see `findOption` */
export function decodeProbeReply(octets: Uint8Array, at: Octets): ProbeReply | undefined {
  const data = at + OPTION_HEADER_SIZE
  if (octets[data - 1] !== REPLY_SIZE) return undefined
  return {
    worker: octets[data]!,
    isOpen: octets[data + 1] === 1,
    generation: getUint32(octets, data + 2),
    time: getUint32(octets, data + 6)
  }
}
