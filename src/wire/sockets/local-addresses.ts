import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { showAddress } from '../../base/values/address.js'
import type { Octets } from '../../base/units.js'
import {
  AF_INET,
  loadSystem,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  type System
} from '../../base/system/linux.js'

/** An address of this machine. */
export interface LocalAddress {
  /** Canonical text, without zone. */
  readonly address: string
  /** `eth0`: the zone of a link-local address (RFC 4007 §11). */
  readonly interface: string
}

/** linux/sockios.h: SIOCGIFCONF, lists IPv4 addresses. */
const SIOCGIFCONF = 0x8912
/** struct ifreq, linux/if.h: name, then struct sockaddr_in; the rest is unused here. */
const IFREQ: Octets = 40
const IFNAMSIZ: Octets = 16
/** Within struct ifreq: the address in struct sockaddr_in. */
const ADDRESS_AT: Octets = 20
/** struct ifconf: int length, padding, pointer. */
const IFCONF: Octets = 16
const POINTER_AT: Octets = 8
const IF_INET6 = '/proc/net/if_inet6'

/**
 * Addresses of this machine's interfaces. Node asks over netlink, which a hardened service may not use:
 * then other interfaces of Linux have them.
 *
 * @param list as `os.networkInterfaces`
 */
export function localAddresses(list = networkInterfaces): readonly LocalAddress[] {
  try {
    return Object.entries(list()).flatMap(([name, addresses = []]) =>
      addresses.map(({ address }) => ({ address, interface: name }))
    )
  } catch (error) {
    const system = loadSystem()
    if (typeof system === 'string') throw error
    return [...addresses4(system), ...addresses6()]
  }
}

/** netdevice(7) */
function addresses4(system: System): LocalAddress[] {
  const fd = system.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  const request = Buffer.alloc(IFCONF)
  // With a null pointer it returns the length that is needed.
  system.ioctl(fd, SIOCGIFCONF, request)
  const list = Buffer.alloc(request.readInt32LE(0))
  request.writeBigUInt64LE(BigInt(system.addressOf(list)), POINTER_AT)
  system.ioctl(fd, SIOCGIFCONF, request)
  system.close(fd)
  return Array.from({ length: request.readInt32LE(0) / IFREQ }, (_, index) => {
    const entry = list.subarray(index * IFREQ, (index + 1) * IFREQ)
    const name = entry.toString('latin1', 0, entry.subarray(0, IFNAMSIZ).indexOf(0))
    return { address: entry.subarray(ADDRESS_AT, ADDRESS_AT + 4).join('.'), interface: name }
  })
}

/** proc_net(5): address, index, prefix length, scope and flags in hexadecimal, and name. */
function addresses6(): LocalAddress[] {
  if (!existsSync(IF_INET6)) return []
  const lines = readFileSync(IF_INET6, 'latin1').split('\n')
  return lines.filter(Boolean).map(line => {
    const [address = '', , , , , name = ''] = line.split(/\s+/)
    return { address: showAddress(Buffer.from(address, 'hex')), interface: name }
  })
}
