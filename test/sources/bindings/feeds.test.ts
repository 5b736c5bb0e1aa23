import t from 'tap'
import { readDnsmasqLeases } from '../../../src/sources/bindings/dnsmasq-leases.js'
import { readBindingLines } from '../../../src/sources/bindings/json-bindings.js'
import { readKeaLeases, readKeaReply } from '../../../src/sources/bindings/kea-leases.js'

const MAC = '02:00:5e:10:00:07'
const KEA4 = `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.20.3.4,${MAC},01:02:00:5e:10:00:07,3600,1700003600,1,0,0,Laptop.corp.example.,0,,0
10.20.3.5,02:00:5e:10:00:08,,3600,1700003600,1,0,0,,0,,0
10.20.3.5,02:00:5e:10:00:08,,3600,1700003600,1,0,0,,2,,0
10.20.3.6,02:00:5e:10:00:09,,3600,1700003600,1,0,0,a&#x2cb,0,,0
10.20.3.8,02:00:5e:10:00:08,,3600,1700003600,1,0,0,,0,,0
10.20.3.8,02:00:5e:10:00:08,,0,1700003600,1,0,0,,0,,0
10.20.3.7,02:00:5e`

t.test(
  'reads a lease file of Kea: the last line of each address, without a half written one',
  t => {
    const { bindings, errors } = readKeaLeases(KEA4, 'kea')
    const times = { from: 1_700_000_000_000, until: 1_700_003_600_000, source: 'kea' }
    t.strictSame(bindings, [
      { address: '10.20.3.4', ...times, mac: MAC, host: 'laptop.corp.example' },
      { address: '10.20.3.6', ...times, mac: '02:00:5e:10:00:09' }
    ])
    t.strictSame(errors, [])
    t.match(readKeaLeases('no,lease,file\n', 'kea').errors, ['line 1: no header'])
    t.match(readKeaLeases(`${KEA4}\nx,y\n`, 'kea').errors, [
      'line 8: not a lease',
      'line 9: not a lease'
    ])
    t.end()
  }
)

t.test('reads addresses of DHCPv6 in a lease file of Kea, and no delegated prefixes', t => {
  const file = `address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state
2001:db8:0:1::7,00:03:00:01:02:00:5e:10:00:07,4294967295,1700003600,1,3000,0,1,128,0,0,,${MAC},0
2001:db8:8::,00:03:00:01:02:00:5e:10:00:07,3600,1700003600,1,3000,2,1,48,0,0,,,0
`
  const { bindings } = readKeaLeases(file, 'kea')
  t.match(bindings, [
    { address: '2001:db8:0:1::7', mac: MAC, duid: '00:03:00:01:02:00:5e:10:00:07', until: Infinity }
  ])
  t.equal(bindings.length, 1)
  t.end()
})

t.test('reads the reply of the control socket of Kea', t => {
  const lease = { 'ip-address': '10.20.3.4', 'hw-address': MAC, hostname: 'laptop', state: 0 }
  const leases = [{ ...lease, cltt: 1_700_000_000, 'valid-lft': 3600 }, { 'ip-address': 7 }]
  const found = readKeaReply({ result: 0, arguments: { leases } }, 'kea')
  t.match(found, {
    bindings: [{ address: '10.20.3.4', mac: MAC, host: 'laptop', until: 1_700_003_600_000 }],
    errors: ['lease 2: not a lease']
  })
  t.strictSame(readKeaReply([{ result: 3, text: '0 IPv4 lease(s) found.' }], 'kea').bindings, [])
  t.throws(() => readKeaReply({ result: 2, text: 'unknown command' }, 'kea'), /unknown command/)
  t.throws(() => readKeaReply('?', 'kea'), /Kea returned an error/)
  t.end()
})

t.test('reads a lease file of dnsmasq, of both families', t => {
  const file = `1700003600 ${MAC} 10.20.3.4 laptop 01:${MAC}
0 02:00:5e:10:00:08 10.20.3.5 * *
duid 00:01:00:01:2c:aa:bb:cc:02:00:5e:10:00:01
1700003600 12345 2001:db8::7 laptop 00:03:00:01:02:00:5e:10:00:07
nonsense
`
  const { bindings, errors } = readDnsmasqLeases(file, 'dnsmasq', 1_700_000_000_000)
  const now = { source: 'dnsmasq', from: 1_700_000_000_000, until: 1_700_003_600_000 }
  t.strictSame(bindings, [
    { address: '10.20.3.4', ...now, mac: MAC, host: 'laptop' },
    { address: '10.20.3.5', ...now, until: Infinity, mac: '02:00:5e:10:00:08' },
    { address: '2001:db8::7', ...now, host: 'laptop', duid: '00:03:00:01:02:00:5e:10:00:07' }
  ])
  t.strictSame(errors, ['line 5: not a lease'])
  t.end()
})

const NOW = Date.parse('2026-11-12T14:02:00Z')
const feed = { source: 'nac', lifetime: 3_600_000 }
const readLine = (line: string) => readBindingLines(line, feed, NOW)

t.test('reads JSON lines: bindings, ends, and the default lifetime', t => {
  const lines = [
    { address: '::ffff:10.20.3.4', mac: '0200.5E10.0007', user: 'CORP\\Anna', groups: ['Staff'] },
    {
      address: '2001:DB8::7',
      host: 'tv',
      from: '2026-11-12T14:00:00+01:00',
      until: '2026-11-12T15:00:00Z'
    },
    { address: '10.20.3.4', end: true }
  ]
  const { changes, errors } = readLine(`${lines.map(it => JSON.stringify(it)).join('\n')}\n`)
  t.strictSame(errors, [])
  const [first, second, third] = changes
  const anna = { mac: MAC, user: 'corp\\anna', groups: ['staff'] }
  const times = { source: 'nac', from: NOW, until: NOW + 3_600_000 }
  t.strictSame(first, { kind: 'begin', binding: { address: '10.20.3.4', ...times, ...anna } })
  t.match(second, { binding: { from: Date.parse('2026-11-12T13:00:00Z'), host: 'tv' } })
  t.strictSame(third, { kind: 'end', address: '10.20.3.4', at: NOW })
  t.end()
})

const wrong = [
  ['{', /line 1: /],
  ['{"address":"10.20.3.4"}', /line 1: no mac, duid, user or host/],
  ['{"address":"10.20.3","mac":"02005e100007"}', /10\.20\.3 is not an IP address/],
  ['{"address":"10.20.3.4","mac":"nonsense"}', /no mac, duid, user or host that can be read/],
  ['{"address":"10.20.3.4","user":"a","usr":"b"}', /usr/],
  ['{"address":"10.20.3.4","user":"a","until":"yesterday"}', /until/],
  ['{"address":"10.20.3.4","user":"a","until":"2020-01-01T00:00:00Z"}', /until is not after from/]
] as const

for (const [line, message] of wrong) {
  t.test(`reports a line that is not a binding: ${line}`, t => {
    const { changes, errors } = readLine(line)
    t.strictSame(changes, [])
    t.match(errors, [message])
    t.end()
  })
}
