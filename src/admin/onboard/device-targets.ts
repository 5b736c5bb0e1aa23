import { failure } from '../../base/errors/error.js'
import {
  DEFAULT_PORT,
  uriOf,
  type Designation,
  type EncryptedService
} from '../../gateway/discovery/designation.js'
import { json, withEnd, type Target } from './target.js'

const AUDIT =
  'auditModeEnabled logs only; set it to false to enforce, once the log has no more traffic that must go on'

/** What devices and browsers are configured with, one by one or by their management. */
export const DEVICE_TARGETS: readonly Target[] = [
  {
    id: 'windows',
    title: 'Windows: PowerShell with netsh dns add encryption, run as administrator',
    file: 'encrypted-dns.ps1',
    write: designation => {
      const lines = addressed(designation).flatMap(({ service, address }) => {
        const template = uriOf(designation, service)
        const start = `netsh dns add encryption server=${address}`
        const end = 'autoupgrade=yes udpfallback=no'
        if (template === undefined)
          return [`${start} dothost=${designation.name}:${service.port} ${end}`]
        const quoted = `'${template.replaceAll("'", "''")}'`
        return [
          `Add-DnsClientDohServerAddress -ServerAddress '${address}' -DohTemplate ${quoted} -AllowFallbackToUdp $False -AutoUpgrade $True`
        ]
      })
      if (designation.services.some(({ protocol }) => protocol === 'dot'))
        lines.unshift('netsh dns add global dot=yes')
      return {
        text: withEnd(lines),
        notes: [
          'DNS over TLS needs Windows 11; the devices must use these addresses as DNS servers'
        ]
      }
    }
  },
  {
    id: 'intune',
    title: 'Intune: Windows Zero Trust DNS profile (JSON for Microsoft Graph)',
    file: 'encrypted-dns-intune.json',
    write: designation => {
      const odata = (type: string) => ({ '@odata.type': `#microsoft.graph.${type}` })
      const server = 'windowsZtdnsSecureDnsServer'
      const secureDnsServers = addressed(designation).map(({ service, address }) => {
        const { port: number } = service
        const queryUrl = uriOf(designation, service)
        return {
          ...odata(server),
          displayName: designation.name,
          ipAddress: address,
          ...(queryUrl === undefined
            ? {
                dnsOverTlsConfiguration: {
                  ...odata(`${server}DnsOverTlsConfiguration`),
                  certificateSubjectName: designation.name,
                  tlsPort: number
                }
              }
            : {
                dnsOverHttpsConfiguration: {
                  ...odata(`${server}DnsOverHttpsConfiguration`),
                  ...{ httpsPort: number, queryUrl }
                }
              })
        }
      })
      const profile = {
        ...odata('windowsZtdnsConfiguration'),
        displayName: `Encrypted DNS: ${designation.name}`,
        ...{ auditModeEnabled: true, secureDnsServers }
      }
      const post = 'POST it to /beta/deviceManagement/deviceConfigurations, then assign the profile'
      return { text: json(profile), notes: [post, AUDIT] }
    }
  },
  ...(['chrome', 'edge'] as const).map(id => ({
    id,
    title: `${id === 'chrome' ? 'Chrome and Chromium' : 'Edge'}: enterprise policy (JSON)`,
    file: 'encrypted-dns.json',
    write: (designation: Designation) => {
      const folder = id === 'chrome' ? '/etc/opt/chrome' : '/etc/opt/edge'
      const policy = {
        DnsOverHttpsMode: 'secure',
        DnsOverHttpsTemplates: `${requiredUri(designation, id)}{?dns}`
      }
      return { text: json(policy), notes: [`on Linux, a file in ${folder}/policies/managed`] }
    }
  })),
  {
    id: 'firefox',
    title: 'Firefox: enterprise policy (policies.json)',
    file: 'policies.json',
    write: designation => {
      const ProviderURL = requiredUri(designation, 'firefox')
      const DNSOverHTTPS = { Enabled: true, ProviderURL, Locked: true, Fallback: false }
      const notes = ['on Linux, /etc/firefox/policies/policies.json']
      return { text: json({ policies: { DNSOverHTTPS } }), notes }
    }
  },
  {
    id: 'android',
    title: 'Android: host name for Private DNS',
    file: 'private-dns.txt',
    write: designation => {
      const isOn = designation.services.some(
        ({ protocol, port }) => protocol === 'dot' && port === DEFAULT_PORT.dot
      )
      if (!isOn) throw failure('ONBOARD_NEEDS', 'android', 'DNS over TLS on port 853')
      return {
        text: `${designation.name}\n`,
        notes: ['Settings > Network > Private DNS; the name must resolve by the DNS of the network']
      }
    }
  }
]

/** Each service with each of its addresses. @throws InterdictError ONBOARD_NO_ADDRESS */
function addressed({
  services
}: Designation): readonly { readonly service: EncryptedService; readonly address: string }[] {
  const pairs = services.flatMap(service =>
    service.addresses.map(address => ({ service, address }))
  )
  if (pairs.length === 0) throw failure('ONBOARD_NO_ADDRESS', 'address')
  return pairs
}

/** The URI of the first listener with DNS over HTTPS. @throws InterdictError ONBOARD_NEEDS */
function requiredUri(designation: Designation, target: string): string {
  const uris = designation.services.map(service => uriOf(designation, service))
  const uri = uris.find(one => one !== undefined)
  if (uri === undefined) throw failure('ONBOARD_NEEDS', target, 'a listener with DNS over HTTPS')
  return uri
}
