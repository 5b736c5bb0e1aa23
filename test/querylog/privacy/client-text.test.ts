import t from 'tap'
import { readAddress } from '../../../src/base/values/address.js'
import { ClientText } from '../../../src/lookups/privacy/client-text.js'
import type { PrivacyOptions } from '../../../src/lookups/privacy/privacy-mode.js'
import { prefixPreservingPseudonymOf, pseudonymOf } from '../../../src/lookups/privacy/pseudonym.js'

const secret = new Uint8Array(32).fill(7)
const keys = { keyAt: () => ({ secret, start: 0, end: Infinity }) }
const CLIENTS = ['10.20.31.77', '2001:db8:1:2ff:3::9']
const options: PrivacyOptions = {
  default: 'full',
  networks: (['prefix', 'pseudonym', 'none'] as const).map(mode => ({ id: mode, mode })),
  bits: { ipv4: 20, ipv6: 56 },
  preservePrefix: false
}
const textsOf = (network: string, more: Partial<PrivacyOptions> = {}) =>
  CLIENTS.map(client => new ClientText({ ...options, ...more }, keys).of(client, network, 0))

t.test('writes a client as the privacy mode of its network says', async t => {
  t.same(textsOf('office'), CLIENTS)
  t.same(textsOf('prefix'), ['10.20.16.0/20', '2001:db8:1:200::/56'])
  t.same(
    textsOf('pseudonym'),
    CLIENTS.map(client => pseudonymOf(readAddress(client), secret))
  )
  t.same(
    textsOf('pseudonym', { preservePrefix: true }),
    CLIENTS.map(client => prefixPreservingPseudonymOf(readAddress(client), secret))
  )
  t.same(textsOf('none'), [null, null])
})
