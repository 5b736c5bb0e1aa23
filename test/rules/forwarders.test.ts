import t from 'tap'
import { forwardSchema } from '../../src/policy/rules/schema/forward-schema.js'
import { forwarderSets, setOfNetworks } from '../../src/policy/tables/forwarder-sets.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { brief, load } from './folder.js'

const network = (id: string, ...domains: readonly (readonly [string, ...string[]])[]) => ({
  id,
  forward: domains.map(([domain, ...addresses]) => ({
    domain,
    name: readName(domain),
    servers: addresses.map(address => ({ address, port: 53 }))
  }))
})

t.test(
  'networks with the same resolvers share a set, in whatever order they are written',
  async t => {
    const networks = [
      network('a', ['.', '192.0.2.1', '192.0.2.2']),
      network('b', ['.', '192.0.2.2', '192.0.2.1']),
      network('c', ['.', '192.0.2.1']),
      network('d', ['corp.example', '192.0.2.1'], ['.', '192.0.2.3']),
      network('e', ['.', '192.0.2.3'], ['corp.example', '192.0.2.1']),
      { id: 'f' }
    ] as never
    const sets = forwarderSets(networks)
    t.strictSame(
      sets.map(({ networks }) => networks),
      [['a', 'b'], ['c'], ['d', 'e']]
    )
    const [a, b, c, d, e, f] = setOfNetworks(networks, sets)
    t.equal(a, b)
    t.equal(d, e)
    t.equal(new Set([a, c, d, 0]).size, 4)
    t.equal(f, 0)
    // Whatever stands before it, the number stays.
    t.equal(forwarderSets([networks[2]] as never)[0]!.id, c)
  }
)

t.test('what may be written', async t => {
  const read = (value: unknown) => forwardSchema.safeParse(value)
  t.match(read(['192.0.2.1', 'tls://192.0.2.1#dns.example']).data, { '.': [{}, { tls: {} }] })
  t.match(read({ 'corp.example': ['192.0.2.1'] }).data, { 'corp.example': [{ port: 53 }] })
  for (const wrong of [[], {}, { 'corp.example': [] }, ['nowhere'], { 'a..b': ['192.0.2.1'] }])
    t.notOk(read(wrong).success)
  const files = { address: '192.0.2.1', protocol: 'dot', name: 'dns.example', ca: 'ca.pem' }
  t.match(read([files]).error?.message, /no files in rules/)
})

t.test('bad forwarders and prefixes are errors with their positions', async t => {
  const lines = [
    'networks:',
    '  n:',
    '    prefixes: [10.0.0.0/8]',
    '    forward: { corp.example: [192.0.2.1, 192.0.2.256] }',
    "    dns64: { prefix: '64:ff9b::/95' }"
  ]
  const result = await load(t, { 'networks.yaml': lines.join('\n') })
  t.strictSame(result.ok ? [] : brief(result.errors), [
    'DOCUMENT_INVALID networks.yaml:4:42',
    'DOCUMENT_INVALID networks.yaml:5:22'
  ])
})
