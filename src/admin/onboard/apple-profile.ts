import { createHash } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import {
  uriOf,
  type Designation,
  type EncryptedService
} from '../../gateway/discovery/designation.js'

/**
 * A configuration profile for Apple devices: payload com.apple.dnsSettings.managed. The same settings always
 * give the same identifiers, so that a device replaces an earlier profile.
 *
 * A device uses it only in networks that give out an address of the gateway as DNS server. Elsewhere it could not
 * reach a gateway with private addresses, and most gateways refuse clients outside their networks: it would be
 * without DNS.
 *
 * @param isEverywhere the gateway answers this device in any network, so it is always used
 * @throws InterdictError ONBOARD_NO_ADDRESS
 */
export function appleProfile(
  designation: Designation,
  service: EncryptedService,
  isEverywhere: boolean
): string {
  const { name } = designation
  const { protocol, addresses } = service
  const label = protocol === 'dot' ? 'TLS' : 'HTTPS'
  const identifier = `interdict.${name}.${protocol}`
  const uri = uriOf(designation, service)
  const settings = [
    ['DNSProtocol', string(label)],
    ...(addresses.length === 0 ? [] : [['ServerAddresses', array(addresses.map(string))] as const]),
    uri === undefined
      ? (['ServerName', string(name)] as const)
      : (['ServerURL', string(uri)] as const)
  ] as const
  const payload = [
    ['PayloadType', string('com.apple.dnsSettings.managed')],
    ['PayloadVersion', '<integer>1</integer>'],
    ['PayloadIdentifier', string(`${identifier}.settings`)],
    ['PayloadUUID', string(uuidOf(`${identifier}.settings`))],
    ['PayloadDisplayName', string(`DNS over ${label}`)],
    ['DNSSettings', dict(settings)],
    ...(isEverywhere ? [] : [['OnDemandRules', onDemandRules(addresses)] as const])
  ] as const
  const profile = [
    ['PayloadType', string('Configuration')],
    ['PayloadVersion', '<integer>1</integer>'],
    ['PayloadIdentifier', string(identifier)],
    ['PayloadUUID', string(uuidOf(identifier))],
    ['PayloadDisplayName', string(`${name}: DNS over ${label}`)],
    ['PayloadDescription', string(`Sends DNS queries to ${name} over ${label}.`)],
    ['PayloadRemovalDisallowed', '<false/>'],
    ['PayloadContent', array([dict(payload)])]
  ] as const
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${dict(profile)}
</plist>
`
}

/** The first rule that matches counts. */
function onDemandRules(addresses: readonly string[]): string {
  if (addresses.length === 0) throw failure('ONBOARD_NO_ADDRESS', 'address')
  return array([
    dict([
      ['Action', string('Connect')],
      ['DNSServerAddressMatch', array(addresses.map(string))]
    ]),
    dict([['Action', string('Disconnect')]])
  ])
}

function dict(entries: readonly (readonly [key: string, value: string])[]): string {
  return `<dict>\n${entries.map(([key, value]) => `<key>${key}</key>\n${value}\n`).join('')}</dict>`
}

function array(items: readonly string[]): string {
  return `<array>\n${items.map(item => `${item}\n`).join('')}</array>`
}

function string(text: string): string {
  return `<string>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</string>`
}

/** A UUID of version 8, from a hash: RFC 9562 §5.8. */
function uuidOf(text: string): string {
  const octets = createHash('sha256').update(text).digest().subarray(0, 16)
  octets[6] = (octets[6]! & 0x0f) | 0x80
  octets[8] = (octets[8]! & 0x3f) | 0x80
  return octets
    .toString('hex')
    .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
    .toUpperCase()
}
