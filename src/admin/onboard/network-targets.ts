import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { addressesOf, type Designation } from '../../gateway/discovery/designation.js'
import { advertisementOptions, dhcp4Option, dhcp6Options, OPTION } from './network-options.js'
import { serviceParams } from '../../gateway/discovery/service-binding.js'
import { json, withEnd, type Target } from './target.js'

/** A DHCPv4 option without RFC 3396 has at most this many octets: RFC 2132 §2. */
const MAX_OPTION: Octets = 255
const ONCE = 'has an option only once: the other listeners are left out for DHCPv6'

/** What DHCP servers, routers and zones announce. */
export const NETWORK_TARGETS: readonly Target[] = [
  {
    id: 'kea',
    title: 'ISC Kea (2.6 or newer): option-data for Dhcp4 and Dhcp6',
    file: 'kea-encrypted-dns.json',
    write: designation => {
      const { dhcp4, dhcp6 } = optionsOf(designation)
      const data = (code: number, octets: Uint8Array) => ({
        ...{ code, 'csv-format': false, data: hex(octets, '') }
      })
      const servers = {
        ...(dhcp4 && { Dhcp4: { 'option-data': [data(OPTION.dhcp4, dhcp4)] } }),
        ...(dhcp6.length > 0 && {
          Dhcp6: { 'option-data': dhcp6.map(octets => data(OPTION.dhcp6, octets)) }
        })
      }
      return {
        text: json(servers),
        notes: ['add these entries to option-data, globally or of a subnet']
      }
    }
  },
  {
    id: 'isc-dhcpd',
    title: 'ISC dhcpd: statements for dhcpd.conf and dhcpd6.conf',
    file: 'encrypted-dns.conf',
    write: designation => {
      const { dhcp4, dhcp6 } = optionsOf(designation)
      const lines: string[] = []
      if (dhcp4 !== undefined) {
        lines.push(`option encrypted-dns code ${OPTION.dhcp4} = string;`)
        lines.push(`option encrypted-dns ${hex(limited(dhcp4), ':')};`)
      }
      if (dhcp6.length > 0) {
        lines.push(`option dhcp6.encrypted-dns code ${OPTION.dhcp6} = string;`)
        lines.push(`option dhcp6.encrypted-dns ${hex(dhcp6[0]!, ':')};`)
      }
      return { text: withEnd(lines), notes: dhcp6.length > 1 ? [`ISC dhcpd ${ONCE}`] : [] }
    }
  },
  {
    id: 'dnsmasq',
    title: 'dnsmasq: dhcp-option lines',
    file: 'encrypted-dns.conf',
    write: designation => {
      const { dhcp4, dhcp6 } = optionsOf(designation)
      const lines = dhcp6.map(octets => `dhcp-option=option6:${OPTION.dhcp6},${hex(octets, ':')}`)
      if (dhcp4 !== undefined)
        lines.unshift(`dhcp-option=${OPTION.dhcp4},${hex(limited(dhcp4), ':')}`)
      return { text: withEnd(lines) }
    }
  },
  {
    id: 'radvd',
    title: 'radvd: the address only, as radvd has no option for encrypted DNS',
    file: 'encrypted-dns.conf',
    write: designation => {
      const addresses = [
        ...new Set(designation.services.flatMap(service => addressesOf(service, 6)))
      ]
      if (addresses.length === 0) throw failure('ONBOARD_NO_ADDRESS', 'IPv6 address')
      const lines = [
        '# In the block of the interface. Clients that know the address find encrypted DNS by DDR (RFC 9462).',
        `RDNSS ${addresses.join(' ')} { };`
      ]
      const note =
        'radvd cannot announce encrypted DNS (RFC 9463); DHCPv6 can, as with dnsmasq or Kea'
      return { text: withEnd(lines), notes: [note] }
    }
  },
  {
    id: 'dnr',
    title: 'Options of RFC 9463 in hexadecimal, for other DHCP servers and routers',
    file: 'encrypted-dns.txt',
    write: designation => {
      const { dhcp4, dhcp6 } = optionsOf(designation)
      const lines = [
        ...(dhcp4 === undefined ? [] : [`DHCPv4 option ${OPTION.dhcp4}: ${hex(dhcp4, ':')}`]),
        ...dhcp6.map(octets => `DHCPv6 option ${OPTION.dhcp6}: ${hex(octets, ':')}`),
        ...advertisementOptions(designation).map(octets => {
          return `router advertisement, whole option ${OPTION.ra}: ${hex(octets, ':')}`
        })
      ]
      return { text: withEnd(lines) }
    }
  },
  {
    id: 'zone',
    title: 'SVCB records as the gateway answers them, for a zone of your own',
    file: 'encrypted-dns.zone',
    write: ({ name, services }) => {
      const lines = services.map((service, i) => {
        const params = serviceParams(service, true).map(param => param.replace(/=(.*)$/, '="$1"'))
        return `_dns.${name}. 300 IN SVCB ${i + 1} ${name}. ${params.join(' ')}`
      })
      return { text: withEnd(lines) }
    }
  }
]

/** The options of both families. @throws InterdictError ONBOARD_NO_ADDRESS */
function optionsOf(designation: Designation) {
  const [dhcp4, dhcp6] = [dhcp4Option(designation), dhcp6Options(designation)]
  if (dhcp4 === undefined && dhcp6.length === 0) throw failure('ONBOARD_NO_ADDRESS', 'address')
  return { dhcp4, dhcp6 }
}

function limited(octets: Uint8Array): Uint8Array {
  if (octets.length > MAX_OPTION) throw failure('ONBOARD_TOO_LONG', octets.length, MAX_OPTION)
  return octets
}

function hex(octets: Uint8Array, separator: string): string {
  return [...octets].map(octet => octet.toString(16).padStart(2, '0')).join(separator)
}
