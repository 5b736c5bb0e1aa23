import { renameSync } from 'node:fs'
import packet from 'dns-packet'
import t from 'tap'
import { sha256Of } from '../../src/base/bytes/sha256.js'
import { mmdb } from '../fixtures/mmdb.js'
import { BadUpstream, framed, type Behaviour } from '../upstream/bad-upstream.js'
import { interdict } from '../cli/run.js'
import { askUdp } from './dns-client.js'
import { serving, type Rig } from './serve.js'
import { eventually } from './site.js'

/** `a-b.example` has the addresses 198.51.100.a and 198.51.100.b. */
const twoAddresses: Behaviour = query => {
  const { id, questions } = packet.decode(Buffer.from(query.message))
  const { name } = questions![0]!
  const hosts = name.split('.')[0]!.split('-')
  const response = packet.encode({
    type: 'response',
    id: id!,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: questions!,
    answers: hosts.map(host => ({ type: 'A', name, ttl: 300, data: `198.51.100.${host}` }))
  })
  query.send(query.overTcp ? framed(response) : response)
}

const RULES = `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans:
      - { id: by-asn, addresses: [{ asn: 64496 }], authority: A, reference: R }
`
const FIRST = mmdb({ '198.51.100.64/26': 64496, '198.51.100.0/26': 64497 })
const SECOND = mmdb({ '198.51.100.64/26': 64497, '198.51.100.0/26': 64496 })

function replace({ site }: Rig, octets: Uint8Array): void {
  site.write('new.mmdb', octets)
  renameSync(site.path('new.mmdb'), site.path('asn.mmdb'))
}

/** Blocked by an address, a name has no addresses. */
const banned = async ({ at }: Rig, name: string): Promise<boolean> =>
  (await askUdp(at, name)).ede === 15

const asns = async ({ gateway }: Rig) => (await gateway.status()).rules.asns

t.test('a ban by ASN follows the database, and survives a broken one', async t => {
  const upstream = await BadUpstream.open(twoAddresses)
  t.teardown(() => upstream.close())
  const rig = await serving(
    t,
    {
      files: { 'rules/networks.yaml': RULES },
      more: 'asn-database: asn.mmdb',
      upstream: { address: '127.0.0.1', port: upstream.endpoint.port },
      reloads: true
    },
    ({ site }) => site.write('asn.mmdb', FIRST)
  )
  const { site, log } = rig
  t.ok(await banned(rig, '65.example'))
  t.notOk(await banned(rig, '1.example'))
  t.ok(await banned(rig, '1-65.example'), 'one foreign address, then one that is banned')
  t.ok(await banned(rig, '66-1.example'), 'the other way round')
  t.notOk(await banned(rig, '1-2.example'))
  t.match(await asns(rig), { sha256: sha256Of(FIRST), systems: [64496] })

  replace(rig, Buffer.from('broken'))
  await log.says('reload failed')
  const [error] = log.with('the prefixes of AS64496 are unknown')
  t.match(error, { fields: { code: 'RULES_ASN_DATABASE' }, message: /networks\.yaml:5:\d+: / })
  t.ok(await banned(rig, '67.example'), 'the last good rules remain')

  replace(rig, SECOND)
  await eventually('the other half is banned', () => banned(rig, '1.example'))
  t.notOk(await banned(rig, '65.example'), 'the cache has no decisions')
  t.match(await asns(rig), { sha256: sha256Of(SECOND) })

  const settings = ['-c', site.path('interdict.yaml')]
  const explain = ['explain', '1.example', '--from', '127.0.0.1', ...settings]
  t.match((await interdict(...explain)).out, /of +AS64496/)
  await rig.gateway.stop()
  const history = await interdict('rules', 'history', ...settings)
  t.match(history.out, /asn\/prefixes/, 'the history names the database')
})
