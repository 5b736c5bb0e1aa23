import { readName } from '../../wire/dns/name/name.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { DesignationRecords } from '../../wire/dns/reply/designation-reply.js'
import { readSvcParams } from '../../wire/zonefile/service-params.js'
import {
  addressesOf,
  addressOctets,
  type Designation,
  type EncryptedService
} from './designation.js'

/** Clients look again after this time. Shorter than for other local answers: listeners may be turned off. */
const TTL = 300
/** ALPN protocol IDs: RFC 7858 has none, so IANA's registry; RFC 9113 §3.2. */
const ALPN = { dot: 'dot', doh: 'h2' } as const

/**
 * The SvcParams of a service in zone file format. RFC 9461 §4 and §5.
 *
 * @param withHints with the addresses, which DNR options have elsewhere (RFC 9463 §3.1.5)
 */
export function serviceParams(service: EncryptedService, withHints: boolean): readonly string[] {
  const { protocol, port, path } = service
  const params = [`alpn=${ALPN[protocol]}`, `port=${port}`]
  if (protocol === 'doh') params.push(`dohpath=${path}{?dns}`)
  const [ipv4, ipv6] = [addressesOf(service, 4), addressesOf(service, 6)]
  if (withHints && ipv4.length > 0) params.push(`ipv4hint=${ipv4.join(',')}`)
  if (withHints && ipv6.length > 0) params.push(`ipv6hint=${ipv6.join(',')}`)
  return params
}

/** The same in wire form. RFC 9460 §2.2. */
export function encodeServiceParams(service: EncryptedService, withHints: boolean): Uint8Array {
  return readSvcParams(serviceParams(service, withHints))!
}

/** The records for discovery of designated resolvers. RFC 9462 §4. */
export function designationRecords({ name, services }: Designation): DesignationRecords {
  const target = readName(name)
  const rdata = services.map((service, i) =>
    Buffer.concat([Buffer.of(0, i + 1), target, encodeServiceParams(service, true)])
  )
  const addresses = [...new Set(services.flatMap(service => service.addresses))]
  const additionals = Buffer.concat(addresses.map(address => addressRecord(target, address)))
  return { rdata, additionals, additionalCount: addresses.length, ttl: TTL }
}

/** A or AAAA. RFC 1035 §3.2.1. */
function addressRecord(owner: Uint8Array, address: string): Uint8Array {
  const data = addressOctets(address)
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(data.length === 4 ? RRTYPE.A : RRTYPE.AAAA, 0)
  fixed.writeUInt16BE(RRCLASS.IN, 2)
  fixed.writeUInt32BE(TTL, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([owner, fixed, data])
}
