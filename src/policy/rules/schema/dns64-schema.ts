import * as z from 'zod'
import { isMapped, readPrefix, showPrefix, type Prefix } from '../../../base/values/address.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { prefixSchema } from './app-schema.js'

/** RFC 6052 §2.2. */
const LENGTHS = [32, 40, 48, 56, 64, 96]

/** RFC 6052 §2.1. */
const WELL_KNOWN = '64:ff9b::/96'

const nat64Prefix = parsedString(
  'an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits, such as 64:ff9b::/96',
  text => {
    const prefix = readPrefix(text)
    // RFC 6052 §2.2: bits 64 to 71 are zero in every translated address.
    const isUsable = !isMapped(prefix.address) && prefix.address[8] === 0
    return isUsable && LENGTHS.includes(prefix.length) ? prefix : undefined
  }
)

/** IPv4 addresses that the well-known prefix must not stand for. RFC 6052 §3.1, IANA IPv4 Special-Purpose Address Registry. */
const NOT_GLOBAL = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4']
].map(readPrefix)

/** Always excluded, and by default alone. RFC 6147 §5.1.4. */
const MAPPED: Prefix = readPrefix('0.0.0.0/0')

export type Dns64Rule = 'off' | ReturnType<typeof withDefaults>

function withDefaults(
  prefix: Prefix,
  excludeAaaa: readonly Prefix[] = [],
  excludeA?: readonly Prefix[]
) {
  const isWellKnown = showPrefix(prefix) === WELL_KNOWN
  return {
    prefix,
    excludeAaaa: [MAPPED, ...excludeAaaa],
    excludeA: excludeA ?? (isWellKnown ? NOT_GLOBAL : [])
  }
}

const ipv4Prefix = prefixSchema.refine(({ address }) => isMapped(address), 'an IPv4 prefix')

const full = z.strictObject({
  prefix: nat64Prefix.prefault(WELL_KNOWN),
  'exclude-aaaa': z.array(prefixSchema).optional(),
  'exclude-a': z.array(ipv4Prefix).optional()
})

/** `off`, a prefix, or a mapping with the prefix and excluded addresses. */
export const dns64Schema = z.union([
  z.literal('off'),
  nat64Prefix.transform((prefix): Dns64Rule => withDefaults(prefix)),
  full.transform((it): Dns64Rule => withDefaults(it.prefix, it['exclude-aaaa'], it['exclude-a']))
])
