import { InterdictError } from '../../src/base/errors/error.js'
import { decodeClientSubnet } from '../../src/wire/dns/edns/client-subnet.js'
import { hasKeepaliveOption } from '../../src/wire/dns/edns/keepalive.js'
import { findOpt } from '../../src/wire/dns/edns/opt.js'
import { answersQuestion } from '../../src/wire/dns/message/answers-question.js'
import { showMessage } from '../../src/wire/dns/message/decode-message.js'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { decodeName, showName } from '../../src/wire/dns/name/name.js'
import { truncateReply } from '../../src/wire/dns/reply/truncate-reply.js'
import { decodeProxyHeader } from '../../src/resolver/server/proxy-header.js'
import { TrustedProxies } from '../../src/resolver/server/trusted-proxies.js'
import { SLOT_OCTETS } from '../../src/wire/sockets/datagram.js'
import type { Dice } from './dice.js'
import { word } from './landmarks.js'

const LIMITS = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }
const client = new Uint32Array(4)
const query = new Query()
const everybody = { find: () => 1 }
const proxied = new TrustedProxies(everybody, undefined)
const subnetted = new TrustedProxies(undefined, everybody)

/** A PROXY header of version 2 for IPv4 over UDP: 192.0.2.1 to 192.0.2.2. */
export const PROXY_HEADER = Uint8Array.from(
  Buffer.from('0d0a0d0a000d0a515549540a2112000cc0000201c000020212340035', 'hex')
)

/** All that looks into octets from outside, each on its own, on a copy that it may write to. */
const READERS: Readonly<Record<string, (octets: Uint8Array, dice: Dice) => unknown>> = {
  Query: octets => {
    if (query.decode(octets, 0, octets.length, 7) === QUERY_KIND.ok) {
      showName(query.qname.octets.slice(0, query.qname.length))
      query.key()
    }
  },
  describe: showMessage,
  readResponse: octets => {
    const read = query.decode(asQuery(octets), 0, octets.length, 7) !== QUERY_KIND.unanswerable
    const { length } = query.qname
    if (!read || length === 0) return
    decodeResponse(octets, octets.slice(12, 12 + length + 4), LIMITS, 0, 0)
  },
  answersQuestion: (octets, dice) => {
    const question = octets.slice(12, 13 + dice.below(60))
    answersQuestion(octets, 0, octets.length, word(octets, 0), question, dice.chance(50))
  },
  decodeName: (octets, dice) => decodeName(octets, dice.below(octets.length + 2)),
  readClientSubnet: octets => decodeClientSubnet(octets, 0, octets.length, client),
  readProxyHeader: octets => decodeProxyHeader(octets, 0, octets.length, client),
  unwrap: octets => proxied.readProxyHeader(octets, 0, octets.length, client, 0),
  identify: octets => {
    if (!subnetted.readClientSubnet(octets, 0, octets.length, client, 0)) {
      // The room that listeners give it: that of a datagram.
      const slot = new Uint8Array(SLOT_OCTETS)
      slot.set(octets.subarray(0, SLOT_OCTETS))
      subnetted.writeFormErr(slot, 0, Math.min(octets.length, SLOT_OCTETS))
    }
  },
  truncateReply: octets => truncateReply(octets, 0, octets.length),
  findOpt: octets => findOpt(octets, 0, octets.length),
  asksKeepalive: octets => hasKeepaliveOption(octets, 0, octets.length)
}

/**
 * Lets every reader read the octets. A value or an error of ours is right; anything else is a fault.
 *
 * @returns which reader, and how it failed; undefined: none did
 */
export function faultOfReaders(octets: Uint8Array, dice: Dice): string | undefined {
  for (const [name, read] of Object.entries(READERS)) {
    try {
      read(octets.slice(), dice)
    } catch (error) {
      if (error instanceof InterdictError) continue
      return `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    }
  }
  return undefined
}

/** The message with QR clear: its question is read as that of a query. */
function asQuery(octets: Uint8Array): Uint8Array {
  const copy = octets.slice()
  if (copy.length > 2) copy[2]! &= 0x7f
  return copy
}
