import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { OPTION_HEADER_SIZE } from '../registry/sizes.js'
import { findOpt, findOption } from './opt.js'
import type { Code } from '../../../base/code.js'

/** edns-client-subnet. RFC 7871 §6. */
const OPTION_SUBNET = 8
/** FAMILY, SOURCE PREFIX-LENGTH, SCOPE PREFIX-LENGTH. */
const SUBNET_FIXED_SIZE: Octets = 4
/** Address families. RFC 7871 §6. */
const INET = 1
const INET6 = 2

export type ClientSubnetStatus = Code<'client subnet'>

/**
 * The edns-client-subnet option of a query.
 *
 * `absent`    no such option
 * `address`   a full address
 * `unusable`  only a prefix, or not an address: cannot identify a client
 */
export const CLIENT_SUBNET = {
  absent: 0 as ClientSubnetStatus,
  address: 1 as ClientSubnetStatus,
  unusable: 2 as ClientSubnetStatus
} as const

/**
 * Decodes the client's address from the query `octets[start, end)` into `client`, four words as in
 * `DatagramBatch.peers`. Writes only a full address.
 */
export function decodeClientSubnet(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  client: Uint32Array
): ClientSubnetStatus {
  const opt = findOpt(octets, start, end)
  const option = opt === 0 ? 0 : findOption(octets, opt, OPTION_SUBNET)
  if (option === 0) return CLIENT_SUBNET.absent
  const data = option + OPTION_HEADER_SIZE
  const length = getUint16(octets, option + 2)
  if (length < SUBNET_FIXED_SIZE) return CLIENT_SUBNET.unusable
  const family = getUint16(octets, data)
  const bits = octets[data + 2]!
  const size = family === INET ? 4 : family === INET6 ? 16 : 0
  if (size === 0 || bits !== 8 * size || length !== SUBNET_FIXED_SIZE + size)
    return CLIENT_SUBNET.unusable
  const view = new DataView(octets.buffer, octets.byteOffset + data + SUBNET_FIXED_SIZE, size)
  if (size === 4) client.set([0, 0, 0xffff, view.getUint32(0)])
  else for (let i = 0; i < 4; i++) client[i] = view.getUint32(4 * i)
  return CLIENT_SUBNET.address
}
