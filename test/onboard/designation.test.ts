import t from 'tap'
import type { ListenConfig } from '../../src/gateway/config/config.js'
import { designationOf, uriOf } from '../../src/gateway/discovery/designation.js'
import { uncoveredListeners } from '../../src/gateway/discovery/expected-names.js'
import { serviceParams } from '../../src/gateway/discovery/service-binding.js'

const position = { file: 'f', line: 1, column: 1 }
const certificates = [{ certificate: 'c', key: 'k', position }]
const dot = (address: string, port = 853): ListenConfig => ({ address, port, certificates })
const doh = (address: string, port = 443): ListenConfig => ({
  ...dot(address, port),
  dohPath: '/dns-query'
})
const of = (listen: readonly ListenConfig[], addresses: readonly string[] = []) =>
  designationOf({ listen, discovery: { name: 'dns.example', addresses, position } })

t.test('listeners that differ in their addresses are one service, DNS over TLS first', async t => {
  const listen = [
    doh('192.0.2.1'),
    { address: '192.0.2.1', port: 53 },
    dot('192.0.2.1'),
    dot('2001:db8::1'),
    dot('192.0.2.1', 8853)
  ]
  t.strictSame(of(listen)?.services, [
    { protocol: 'dot', port: 853, path: '', addresses: ['192.0.2.1', '2001:db8::1'] },
    { protocol: 'dot', port: 8853, path: '', addresses: ['192.0.2.1'] },
    { protocol: 'doh', port: 443, path: '/dns-query', addresses: ['192.0.2.1'] }
  ])
})

t.test('listeners on all addresses have those of the settings, or none', async t => {
  const listen = [dot('0.0.0.0'), dot('::')]
  t.strictSame(of(listen)?.services[0]?.addresses, [])
  t.strictSame(of(listen, ['192.0.2.9'])?.services[0]?.addresses, ['192.0.2.9'])
  t.strictSame(serviceParams(of(listen)!.services[0]!, true), ['alpn=dot', 'port=853'])
})

t.test('listeners that refuse anonymous clients are not announced', async t => {
  const recognition = { name: undefined, unknown: 'refuse', missing: 'refuse' } as const
  const closed = { ...dot('192.0.2.1'), recognition }
  t.equal(of([closed]), undefined)
  t.match(of([closed, doh('192.0.2.1')])?.services, [{ protocol: 'doh' }])
  t.equal(of([closed, doh('192.0.2.1')])?.services.length, 1)
  const open = { ...closed, recognition: { ...recognition, missing: 'address' } } as const
  t.equal(of([open])?.services.length, 1, 'unknown clients alone do not matter')
})

t.test('a listener that is not announced may have another name', async t => {
  const recognition = { name: undefined, unknown: 'refuse', missing: 'refuse' } as const
  const named = certificates.map(one => ({ ...one, serverNames: ['devices.example'] }))
  const own = { ...dot('192.0.2.1'), recognition, certificates: named }
  const discovery = { name: 'dns.example', addresses: [], position }
  const uncovered = (listener: ListenConfig, ...names: readonly string[]): string[] =>
    uncoveredListeners({ listen: [listener], discovery }, () => names).map(({ name }) => name)
  t.strictSame(uncovered(own, 'devices.example'), [])
  t.strictSame(uncovered(own, 'dns.example'), ['devices.example'])
  t.strictSame(uncovered({ ...own, certificates }, 'devices.example'), ['dns.example'])
})

t.test('the URI has a port where it is another', async t => {
  const uris = of([dot('192.0.2.1'), doh('192.0.2.1'), doh('192.0.2.1', 8443)])!
  t.strictSame(
    uris.services.map(service => uriOf(uris, service)),
    [undefined, 'https://dns.example/dns-query', 'https://dns.example:8443/dns-query']
  )
})
