import { readName } from '../../../wire/dns/name/name.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { isWildcard, type RecordOwners } from './record-owners.js'

/**
 * Adds a PTR record for each address of a name: the first name with an address is its reverse name, unless that
 * has records already.
 *
 * @param excluded names whose addresses get none, as keys
 */
export function addReverseNames(
  owners: RecordOwners,
  isExcluded: (name: Uint8Array) => boolean
): void {
  for (const { name, records, source, line, column } of owners.all()) {
    if (isWildcard(name) || isExcluded(name)) continue
    for (const { type, ttl, rdata } of records) {
      if (type !== RRTYPE.A && type !== RRTYPE.AAAA) continue
      const reverse = type === RRTYPE.A ? reverseIpv4(rdata) : reverseIpv6(rdata)
      if (!owners.has(reverse))
        owners.add(reverse, { type: RRTYPE.PTR, ttl, rdata: name }, source, line, column)
    }
  }
}

/** RFC 1035 §3.5. */
function reverseIpv4(octets: Uint8Array): Uint8Array {
  return readName(`${[...octets].reverse().join('.')}.in-addr.arpa`)
}

/** RFC 3596 §2.5. */
function reverseIpv6(octets: Uint8Array): Uint8Array {
  const digits = Array.from(Buffer.from(octets).toString('hex')).reverse()
  return readName(`${digits.join('.')}.ip6.arpa`)
}
