import { readName } from '../../wire/dns/name/name.js'
import type { Seconds } from '../../base/units.js'
import {
  addressesOf,
  addressOctets,
  DEFAULT_PORT,
  type Designation,
  type EncryptedService
} from '../../gateway/discovery/designation.js'
import { encodeServiceParams } from '../../gateway/discovery/service-binding.js'
import { readSvcParams } from '../../wire/zonefile/service-params.js'

/*
 * Options by which DHCP servers and routers announce encrypted DNS (DNR, RFC 9463). ISC Kea calls them
 * v4-dnr and v6-dnr.
 */

/** DHCPv4 option, DHCPv6 option and option of router advertisements. RFC 9463 §8. */
export const OPTION = { dhcp4: 162, dhcp6: 144, ra: 144 } as const
/** Of the RA option: RFC 9463 §6.1 recommends three times the interval of advertisements, 600 s by default. */
const LIFETIME: Seconds = 1800

/** One resolver in an option: parameters of the services that it stands for. */
interface Instance {
  readonly priority: number
  readonly service: EncryptedService
  readonly params: Uint8Array
}

/** Data of the DHCPv4 option, without code and length; undefined without an IPv4 address. RFC 9463 §5.1. */
export function dhcp4Option(designation: Designation): Uint8Array | undefined {
  const instances = instancesFor(designation, 4).map(instance => {
    const { name, addresses } = fieldsOf(designation, instance, 4)
    const data = Buffer.concat([
      uint16(instance.priority),
      Buffer.of(name.length),
      name,
      Buffer.of(addresses.length),
      addresses,
      instance.params
    ])
    return Buffer.concat([uint16(data.length), data])
  })
  return instances.length === 0 ? undefined : Buffer.concat(instances)
}

/** Data of each DHCPv6 option; there is one for each resolver. RFC 9463 §4.1. */
export function dhcp6Options(designation: Designation): readonly Uint8Array[] {
  return instancesFor(designation, 6).map(instance => {
    const { name, addresses } = fieldsOf(designation, instance, 6)
    return Buffer.concat([
      uint16(instance.priority),
      uint16(name.length),
      name,
      uint16(addresses.length),
      addresses,
      instance.params
    ])
  })
}

/** Whole options for router advertisements, with type and length in units of 8 octets. RFC 9463 §6.1. */
export function advertisementOptions(designation: Designation): readonly Uint8Array[] {
  return instancesFor(designation, 6).map(instance => {
    const { name, addresses } = fieldsOf(designation, instance, 6)
    const lifetime = Buffer.alloc(4)
    lifetime.writeUInt32BE(LIFETIME)
    const body = Buffer.concat([
      uint16(instance.priority),
      lifetime,
      uint16(name.length),
      name,
      uint16(addresses.length),
      addresses,
      uint16(instance.params.length),
      instance.params
    ])
    const units = Math.ceil((2 + body.length) / 8)
    return Buffer.concat([Buffer.of(OPTION.ra, units), body], 8 * units)
  })
}

/**
 * Services with default ports are one resolver with several ALPN IDs, which takes less space, and which
 * programs can announce that have each option once.
 */
function instancesFor({ services }: Designation, family: 4 | 6): readonly Instance[] {
  const reachable = services.filter(service => addressesOf(service, family).length > 0)
  const [first, second, ...more] = reachable
  const isDefault = reachable.every(({ protocol, port }) => port === DEFAULT_PORT[protocol])
  if (second !== undefined && more.length === 0 && isDefault && isSame(first!, second, family)) {
    const params = readSvcParams(['alpn=dot,h2', `dohpath=${second.path}{?dns}`])!
    return [{ priority: 1, service: first!, params }]
  }
  return reachable.map((service, i) => {
    return { priority: i + 1, service, params: encodeServiceParams(service, false) }
  })
}

/** Whether two services have different protocols at the same addresses. */
function isSame(one: EncryptedService, other: EncryptedService, family: 4 | 6): boolean {
  return (
    one.protocol !== other.protocol &&
    String(addressesOf(one, family)) === String(addressesOf(other, family))
  )
}

function fieldsOf({ name }: Designation, { service }: Instance, family: 4 | 6) {
  const addresses = Buffer.concat(addressesOf(service, family).map(addressOctets))
  return { name: readName(name), addresses }
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}
