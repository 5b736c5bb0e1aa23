import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { primariesFor, checkPrimaries } from '../../src/sources/settings/zone-primaries.js'
import { readName } from '../../src/wire/dns/name/name.js'

const FILE = '/etc/interdict/interdict.yaml'
const TEXT = `transfers:
  primaries:
    hq: { address: 192.0.2.1, key: Transfer.example }
    backup: { address: '[2001:db8::1]:5353' }
  keys:
    Transfer.example: { algorithm: hmac-sha512, secret-file: keys/transfer }
  max-size: 1MB
  max-time: 10s
`

t.test('reads primaries and their keys', async t => {
  const read = readConfig(TEXT, FILE)
  if (!read.ok) throw read.errors[0]!
  t.strictSame(read.config.transfers, {
    primaries: [
      { id: 'hq', endpoint: { address: '192.0.2.1', port: 53 }, key: 'Transfer.example' },
      { id: 'backup', endpoint: { address: '2001:db8::1', port: 5353 }, key: undefined }
    ],
    keys: [
      {
        key: 'Transfer.example',
        name: readName('transfer.example'),
        algorithm: 'hmac-sha512',
        secretFile: '/etc/interdict/keys/transfer'
      }
    ],
    maxSize: 1_048_576,
    maxTime: 10_000
  })
})

const refused = [
  { it: 'a primary without an address', text: 'primaries: { hq: { key: k.example } }', at: 'hq' },
  {
    it: 'a key that is none',
    text: 'primaries: { hq: { address: 192.0.2.1, key: k } }',
    at: 'key'
  },
  {
    it: 'an algorithm of old',
    text: 'keys: { k: { algorithm: hmac-md5, secret-file: f } }',
    at: 'algorithm'
  },
  { it: 'a key without a secret', text: 'keys: { k: {} }', at: 'k' },
  {
    it: 'a secret in the settings',
    text: 'keys: { k: { secret: abc, secret-file: f } }',
    at: 'secret'
  },
  { it: 'an id with a dot', text: 'primaries: { h.q: { address: 192.0.2.1 } }', at: 'h.q' }
]

for (const { it, text, at } of refused) {
  t.test(`refuses ${it}`, async t => {
    const read = readConfig(`transfers: { ${text} }`, FILE)
    t.equal(read.ok, false)
    const [error] = read.ok ? [] : read.errors
    t.equal(error?.code, 'DOCUMENT_INVALID')
    t.match(error?.message, at)
  })
}

t.test('primaries named by the rules must be in the settings', async t => {
  const read = readConfig(TEXT, FILE)
  if (!read.ok) throw read.errors[0]!
  const { transfers } = read.config
  const position = { file: 'networks.yaml', line: 3, column: 5 }
  const zone = { id: 'rpz', zone: 'rpz.example', position }
  const named = (...ids: string[]) => ({
    ...zone,
    primaries: ids.map(id => ({ id, position }))
  })
  const all = { ...zone, primaries: undefined }
  t.strictSame(primariesFor(transfers, all), ['hq', 'backup'])
  t.strictSame(primariesFor(transfers, named('backup', 'hq')), ['backup', 'hq'])
  t.strictSame(primariesFor(transfers, named('backup', 'gone')), ['backup'])
  const codes = (zones: Parameters<typeof checkPrimaries>[1], settings = transfers) =>
    checkPrimaries(settings, zones).map(({ code, message }) => `${code} ${message}`)
  t.strictSame(codes([all, named('hq')]), [])
  t.match(codes([named('backpu')]), [/^TRANSFER_UNKNOWN_PRIMARY .*did you mean 'backup'\?$/])
  t.match(codes([all], { ...transfers, primaries: [] }), [
    /^TRANSFER_NO_PRIMARY networks.yaml:3:5: /
  ])
})
