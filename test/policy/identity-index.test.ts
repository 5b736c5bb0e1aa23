import { createHash } from 'node:crypto'
import t from 'tap'
import { addressWords, readAddress, readPrefix } from '../../src/base/values/address.js'
import type { CertificateFacts } from '../../src/wire/pki/client-certificate.js'
import type { ClientCredentials } from '../../src/wire/pki/identity.js'
import { compile } from '../../src/policy/compile/compile.js'
import { clientChanges } from '../../src/policy/diff/client-changes.js'
import { difference } from '../../src/policy/diff/difference.js'
import { IdentityIndex } from '../../src/policy/evaluate/identity-index.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { networkOfClass } from '../../src/policy/tables/client-table.js'
import type { ClientRule, ClientRules } from '../../src/policy/rules/model/client-types.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { ban, exception, network, ruleSet, source } from './rule-set.js'

const position = { file: 'networks.yaml', line: 1, column: 1 }
const hash = (token: string): Buffer => createHash('sha256').update(token).digest()
const APP = source('app', 'a.example')

function client(id: string, to: string, more: Partial<ClientRule> = {}): ClientRule {
  const none = {
    ...{ certificates: [], labels: [], tokens: [], devices: [], unknownIn: [] },
    isRevoked: false
  }
  return { id, position, network: to, ...none, ...more }
}

const uri = (value: string) => ({
  certificates: [{ authority: 'mdm', field: 'uri' as const, value }]
})
const of = (field: 'dns' | 'subject', value: string) => ({
  certificates: [{ authority: 'mdm', field, value }]
})

const CLIENTS: readonly ClientRule[] = [
  client('phones', 'phones', uri('urn:phone:*')),
  client('special', 'phones', uri('urn:phone:special-*')),
  client('lost', 'phones', { ...uri('urn:phone:13'), isRevoked: true }),
  client('laptops', 'phones', of('dns', '*.corp.example')),
  client('named', 'phones', of('subject', 'O=Agency,CN=*')),
  client('kiosk', 'phones', { labels: ['kiosk-3'], tokens: [hash('one').toString('hex')] }),
  client('press', 'open', { labels: ['press'] })
]

function rules(clients: readonly ClientRule[] = CLIENTS, revoked = ''): RuleSet {
  const authority = { id: 'mdm', position, crlUntil: Infinity, networks: undefined, revoked }
  const authorities = [{ ...authority, certificates: ['x', 'y'], fingerprints: ['AA', ''] }]
  const all: ClientRules = { authorities, clients }
  return {
    ...ruleSet(
      network('lan', ['10.0.0.0/8'], [ban('lan-ban', [APP])]),
      network(
        'phones',
        ['192.0.2.0/24'],
        [
          exception('some', [APP], { prefixes: [readPrefix('192.0.2.128/25')] }),
          ban('phone-ban', [APP])
        ]
      ),
      network('open', [], [])
    ),
    clients: all
  }
}

const policyOf = (set: RuleSet): Policy =>
  new Policy(compile(set, { generation: 1, random: () => 0 }))
const at = (address: string): Uint32Array => addressWords(readAddress(address))

function facts(more: Partial<CertificateFacts>): ClientCredentials {
  const certificate = {
    ...{ issuer: 'AA', problem: undefined, serial: '01', subject: 'CN=x', uris: [], names: [] },
    notAfter: Infinity,
    ...more
  }
  return { certificate, label: undefined, token: undefined }
}

const by = (more: Partial<ClientCredentials>): ClientCredentials => {
  return { certificate: undefined, label: undefined, token: undefined, ...more }
}

const cases: readonly (readonly [
  it: string,
  ClientCredentials,
  string | undefined,
  from?: string
])[] = [
  ['nothing', by({}), undefined],
  ['a device of a group', facts({ uris: ['urn:other', 'urn:phone:17'] }), 'known phones/17 phones'],
  ['the longer pattern', facts({ uris: ['urn:phone:special-1'] }), 'known special/1 phones'],
  ['an entry of its own', facts({ uris: ['urn:phone:13'] }), 'revoked lost lan'],
  ['a DNS name', facts({ names: ['pc.corp.example'] }), 'known laptops/pc phones'],
  ['a subject', facts({ subject: 'O=Agency,CN=p' }), 'known named/p phones'],
  ['a subject with more in it', facts({ subject: 'O=Agency,CN=p,OU=x' }), 'unknown - lan'],
  ['a name that would have to be quoted', facts({ uris: ['urn:phone:"'] }), 'unknown - lan'],
  ['a name that is too long', facts({ uris: [`urn:phone:${'x'.repeat(129)}`] }), 'unknown - lan'],
  ['nothing for the star', facts({ uris: ['urn:phone:'] }), 'unknown - lan'],
  [
    'an authority that was removed',
    facts({ issuer: 'BB', uris: ['urn:phone:1'] }),
    'unknown - lan'
  ],
  ['a certificate with a problem', facts({ problem: 'it has expired' }), 'unknown - lan'],
  ['a label', by({ label: 'kiosk-3' }), 'known kiosk phones'],
  ['an unknown label', by({ label: 'kiosk-4' }), 'unknown - lan'],
  ['a token', by({ token: hash('one') }), 'known kiosk phones'],
  ['an unknown token', by({ token: hash('two') }), 'unknown - lan'],
  ['an unknown certificate, but a label', { ...facts({}), label: 'kiosk-3' }, 'known kiosk phones'],
  [
    'a label of another, but a revoked certificate',
    { ...facts({ uris: ['urn:phone:13'] }), label: 'kiosk-3' },
    'revoked lost lan'
  ],
  ['a label of another network', by({ label: 'press' }), 'known press open']
]
const policy = policyOf(rules())
const identities = new IdentityIndex(policy)
const { clients } = policy.snapshot
for (const [it, presented, expected, from = '10.0.0.1'] of cases)
  t.test(`recognizes by ${it}`, async t => {
    const found = identities.identify(presented, at(from))
    if (expected === undefined) {
      t.equal(found, undefined)
      return
    }
    const { status, device = '-', clientClass, reason } = found!
    const inForce = clientClass === 0 ? policy.classOf(at(from), 0) : clientClass
    t.equal(`${status} ${device} ${networkOfClass(clients, inForce)!}`, expected)
    t.equal(reason === undefined, status === 'known')
  })

t.test('a revoked serial number of the issuer', async t => {
  const found = new IdentityIndex(policyOf(rules(CLIENTS, '0:01\n1:02')))
  const status = (serial: string) =>
    found.identify(facts({ serial, uris: ['urn:phone:17'] }), at('10.0.0.1'))
  t.match(status('01'), { status: 'revoked', device: 'phones/17', clientClass: 0, detail: /01/ })
  t.match(status('02'), { status: 'known' }, 'of another issuer')
})

t.test('exceptions with prefixes go by the address', async t => {
  const classAt = (address: string) =>
    identities.identify(by({ label: 'kiosk-3' }), at(address))!.clientClass
  t.equal(classAt('203.0.113.1'), classAt('192.0.2.1'))
  t.equal(classAt('203.0.113.1'), policy.classOf(at('192.0.2.1'), 0))
  t.equal(classAt('192.0.2.200'), policy.classOf(at('192.0.2.200'), 0))
  t.not(classAt('192.0.2.200'), classAt('192.0.2.1'))
})

t.test('the class of the address counts as well, if it is in another network', async t => {
  const from = (label: string, address: string) => {
    const { clientClass, addressClass } = identities.identify(by({ label }), at(address))!
    return [clientClass, addressClass].map(one => networkOfClass(clients, one))
  }
  t.strictSame(from('press', '10.0.0.1'), ['open', 'lan'])
  t.strictSame(from('kiosk-3', '10.0.0.1'), ['phones', 'lan'])
  t.strictSame(from('kiosk-3', '192.0.2.1'), ['phones', undefined], 'its own network')
  t.strictSame(from('kiosk-3', '192.0.2.200'), ['phones', undefined], 'with an exception')
  t.strictSame(from('press', '203.0.113.9'), ['open', undefined], 'outside every network')
  t.strictSame(from('nobody', '10.0.0.1'), [undefined, undefined], 'an unknown label')
})

t.test('finds clients by name', async t => {
  t.match(identities.named('phones/17', at('10.0.0.1')), { status: 'known', device: 'phones/17' })
  t.match(identities.named('kiosk', at('10.0.0.1')), { device: 'kiosk', method: 'token' })
  t.match(identities.named('press', at('10.0.0.1')), { status: 'known', method: 'sni' })
  t.equal(identities.named('nobody', at('10.0.0.1')), undefined)
})

t.test('without clients, nobody is recognized', async t => {
  const none = new IdentityIndex(policyOf({ ...rules(), clients: undefined }))
  t.match(none.identify(by({ label: 'x' }), at('10.0.0.1')), { status: 'unknown' })
})

t.test('differences between clients, and for networks that have clients only', async t => {
  const before = rules([
    client('a', 'open', { labels: ['a'] }),
    client('b', 'open', { labels: ['b'] })
  ])
  const after = rules(
    [client('b', 'phones', { labels: ['c'] }), client('c', 'open', { labels: ['d'] })],
    '0:01'
  )
  t.strictSame(
    clientChanges({ before, after }).map(({ what, id, kind, keys }) => [what, id, kind, ...keys]),
    [
      ['authority', 'mdm', 'changed', 'crl'],
      ['client', 'a', 'removed'],
      ['client', 'b', 'changed', 'network', 'sni'],
      ['client', 'c', 'added']
    ]
  )
  const open = after.networks.find(({ id }) => id === 'open')!
  const banned = { ...open, rules: [ban('new', [APP])] }
  const stricter = { ...after, networks: after.networks.map(one => (one === open ? banned : one)) }
  const { changes } = difference({ before: after, after: stricter }, { at: 100, examples: 1 })
  t.match(changes, [{ kind: 'blocked', clients: [{ networks: { after: 'open' } }] }])
})
