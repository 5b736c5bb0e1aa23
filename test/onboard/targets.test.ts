import { readFileSync } from 'node:fs'
import t from 'tap'
import { createProgram } from '../../src/cli/run.js'
import { appleProfile } from '../../src/admin/onboard/apple-profile.js'
import type { Designation, EncryptedService } from '../../src/gateway/discovery/designation.js'
import { DEVICE_TARGETS } from '../../src/admin/onboard/device-targets.js'
import {
  advertisementOptions,
  dhcp4Option,
  dhcp6Options
} from '../../src/admin/onboard/network-options.js'
import { NETWORK_TARGETS } from '../../src/admin/onboard/network-targets.js'
import { drawQrCode } from '../../src/admin/onboard/qr-code.js'
import type { Output } from '../../src/admin/onboard/target.js'
import { readAdvertisement, readDhcp4, readDhcp6 } from './dnr.js'

const addresses = ['192.0.2.1', '2001:db8::1']
const DOT: EncryptedService = { protocol: 'dot', port: 853, path: '', addresses }
const DOH: EncryptedService = { protocol: 'doh', port: 443, path: '/dns-query', addresses }
const ODD: EncryptedService = { ...DOH, port: 8443, path: "/it's$1&2" }
const V6 = '20010db8000000000000000000000001'

const designation = (...services: EncryptedService[]): Designation => ({
  name: 'dns.example',
  services
})

function write(id: string, ...services: EncryptedService[]): Output {
  const target = [...NETWORK_TARGETS, ...DEVICE_TARGETS].find(one => one.id === id)!
  return target.write(designation(...services))
}

t.test('services with default ports are one resolver in options for networks', async t => {
  const both = designation(DOT, DOH)
  const params = { 1: '03646f74026832', 7: Buffer.from('/dns-query{?dns}').toString('hex') }
  const common = { priority: 1, name: 'dns.example', params }
  t.strictSame(readDhcp4(dhcp4Option(both)!), [{ ...common, addresses: ['192.0.2.1'] }])
  t.strictSame(dhcp6Options(both).map(readDhcp6), [{ ...common, addresses: [V6] }])
  t.strictSame(advertisementOptions(both).map(readAdvertisement), [
    { ...common, addresses: [V6], lifetime: 1800 }
  ])
})

t.test('others are several, in the order of preference', async t => {
  const params = [
    { 1: '03646f74', 3: '0355' },
    { 1: '026832', 3: '20fb', 7: Buffer.from("/it's$1&2{?dns}").toString('hex') }
  ]
  const both = designation(DOT, ODD)
  const expected = params.map((params, i) => ({ priority: i + 1, name: 'dns.example', params }))
  t.strictSame(
    readDhcp4(dhcp4Option(both)!),
    expected.map(it => ({ ...it, addresses: ['192.0.2.1'] }))
  )
  t.strictSame(
    dhcp6Options(both).map(readDhcp6),
    expected.map(it => ({ ...it, addresses: [V6] }))
  )
  const apart = designation({ ...DOT, addresses: ['192.0.2.1'] }, DOH)
  t.equal(readDhcp4(dhcp4Option(apart)!).length, 1, 'the same IPv4 addresses')
  t.equal(readDhcp4(dhcp4Option(designation(DOT, DOT))!).length, 2, 'the same protocol')
})

t.test(
  'a family without addresses is left out; without any there is nothing to announce',
  async t => {
    const only4 = { ...DOT, addresses: ['192.0.2.1'] }
    const only6 = { ...DOT, addresses: ['2001:db8::1'] }
    t.strictSame(Object.keys(JSON.parse(write('kea', only4).text) as object), ['Dhcp4'])
    t.strictSame(Object.keys(JSON.parse(write('kea', only6).text) as object), ['Dhcp6'])
    t.notMatch(write('isc-dhcpd', only4).text, 'dhcp6')
    t.notMatch(write('isc-dhcpd', only6).text, /^option encrypted/m)
    t.notMatch(write('dnsmasq', only6).text, '162')
    t.notMatch(write('dnr', only4).text, 'advertisement')
    t.notMatch(write('dnr', only6).text, 'DHCPv4')
    const none = { ...DOT, addresses: [] }
    for (const id of ['kea', 'isc-dhcpd', 'dnsmasq', 'radvd', 'dnr', 'windows', 'intune'])
      t.throws(() => write(id, none), { code: 'ONBOARD_NO_ADDRESS' }, id)
    t.throws(() => write('radvd', only4), /no IPv6 address/)
  }
)

t.test('what cannot be announced is said', async t => {
  const many = { ...DOT, addresses: Array.from({ length: 64 }, (_, i) => `192.0.2.${i}`) }
  t.throws(() => write('dnsmasq', many), { code: 'ONBOARD_TOO_LONG' })
  t.throws(() => write('isc-dhcpd', many), /has 289 bytes, more than the limit of 255/)
  t.match(write('isc-dhcpd', DOT, ODD).notes, [/left out for DHCPv6/])
  t.match(write('radvd', DOT), { text: 'RDNSS 2001:db8::1 { };', notes: [/cannot announce/] })
})

t.test('zone records are those that the gateway answers', async t => {
  t.equal(
    write('zone', DOT, DOH).text,
    `_dns.dns.example. 300 IN SVCB 1 dns.example. alpn="dot" port="853" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"
_dns.dns.example. 300 IN SVCB 2 dns.example. alpn="h2" port="443" dohpath="/dns-query{?dns}" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"
`
  )
})

t.test('Windows gets commands for each address, quoted', async t => {
  const [global, ...lines] = write('windows', DOT, ODD).text.trim().split('\n')
  t.equal(global, 'netsh dns add global dot=yes')
  t.equal(lines.length, 4)
  t.equal(
    lines[0],
    'netsh dns add encryption server=192.0.2.1 dothost=dns.example:853 autoupgrade=yes udpfallback=no'
  )
  t.equal(
    lines[2],
    "Add-DnsClientDohServerAddress -ServerAddress '192.0.2.1' -DohTemplate 'https://dns.example:8443/it''s$1&2' -AllowFallbackToUdp $False -AutoUpgrade $True"
  )
  t.notMatch(write('windows', DOH).text, 'dot=yes')
})

t.test('Intune gets a Zero Trust DNS profile in audit mode', async t => {
  const { text, notes } = write('intune', DOT, DOH)
  const servers = '#microsoft.graph.windowsZtdnsSecureDnsServer'
  t.match(JSON.parse(text), {
    '@odata.type': '#microsoft.graph.windowsZtdnsConfiguration',
    auditModeEnabled: true,
    secureDnsServers: [
      {
        '@odata.type': servers,
        ipAddress: '192.0.2.1',
        dnsOverTlsConfiguration: { certificateSubjectName: 'dns.example', tlsPort: 853 }
      },
      { ipAddress: '2001:db8::1' },
      {
        ipAddress: '192.0.2.1',
        dnsOverHttpsConfiguration: {
          httpsPort: 443,
          queryUrl: 'https://dns.example/dns-query'
        }
      },
      {}
    ]
  })
  t.match(notes, [/deviceConfigurations/, /enforce/])
})

t.test('browsers get their policies, and need DNS over HTTPS', async t => {
  const policy = {
    DnsOverHttpsMode: 'secure',
    DnsOverHttpsTemplates: 'https://dns.example/dns-query{?dns}'
  }
  for (const id of ['chrome', 'edge']) t.strictSame(JSON.parse(write(id, DOT, DOH).text), policy)
  t.strictSame(JSON.parse(write('firefox', DOH).text), {
    policies: {
      DNSOverHTTPS: {
        Enabled: true,
        ProviderURL: 'https://dns.example/dns-query',
        Locked: true,
        Fallback: false
      }
    }
  })
  for (const id of ['chrome', 'edge', 'firefox'])
    t.throws(() => write(id, DOT), { code: 'ONBOARD_NEEDS', message: new RegExp(`^${id} needs`) })
})

t.test('Android gets the name, and needs port 853', async t => {
  t.equal(write('android', DOT).text, 'dns.example\n')
  for (const other of [DOH, { ...DOT, port: 8853 }])
    t.throws(() => write('android', other), { code: 'ONBOARD_NEEDS' })
})

t.test('an Apple profile has stable identifiers and escaped text', async t => {
  const profile = appleProfile(designation(ODD), ODD, false)
  t.equal(profile, appleProfile(designation(ODD), ODD, false))
  t.match(profile, "<key>ServerURL</key>\n<string>https://dns.example:8443/it's$1&amp;2</string>")
  const ids = [...profile.matchAll(/<string>([0-9A-F-]{36})</g)].map(([, id]) => id)
  t.equal(new Set(ids).size, 2)
  t.match(appleProfile(designation(DOT), { ...DOT, addresses: [] }, true), 'ServerName')
  t.notMatch(appleProfile(designation(DOT), { ...DOT, addresses: [] }, true), 'ServerAddresses')
})

t.test(
  'an Apple profile is used where the network gives out the gateway, or everywhere',
  async t => {
    const profile = appleProfile(designation(DOT), DOT, false)
    const rules =
      /<\/dict>\n<key>OnDemandRules<\/key>\n<array>\n([^]*?<\/array>[^]*?)<\/array>/.exec(
        profile
      )![1]!
    const texts = [...rules.matchAll(/<(?:key|string)>(.*?)</g)].map(([, text]) => text)
    t.strictSame(texts, [
      'Action',
      'Connect',
      'DNSServerAddressMatch',
      ...addresses,
      'Action',
      'Disconnect'
    ])
    t.notMatch(appleProfile(designation(DOT), DOT, true), 'OnDemandRules')
    const unknown = { ...DOT, addresses: [] }
    t.throws(() => appleProfile(designation(unknown), unknown, false), {
      code: 'ONBOARD_NO_ADDRESS'
    })
  }
)

t.test('a QR code is an image or text', async t => {
  t.match(await drawQrCode('dns.example', 'svg'), /^<svg .*<\/svg>\n$/s)
  t.match(await drawQrCode('dns.example', 'utf8'), /^ +\n(?:[ █▀▄]+\n)+$/)
  t.match(await drawQrCode('dns.example', 'terminal'), '\x1b[')
})

t.test('the guide has every target', async t => {
  const onboard = createProgram().commands.find(command => command.name() === 'onboard')!
  const guide = readFileSync('docs/guides/onboarding.md', 'utf8')
  for (const target of onboard.registeredArguments[0]!.argChoices!)
    t.match(guide, `\`${target}\``, target)
})
