import packet from 'dns-packet'
import t, { type Test } from 'tap'
import { TYPE, type Rr, type ZoneOptions } from '../dnssec/zone.js'
import { serveWorld } from '../dnssec/name-server.js'
import { anchorOf, withoutSignatures, World } from '../dnssec/world.js'
import { askUdp } from './dns-client.js'
import { kinds, serving } from './serve.js'
import { eventually } from './site.js'

const DAY = 86_400
const AD = packet.AUTHENTIC_DATA
const CD = packet.CHECKING_DISABLED
const now = Math.floor(Date.now() / 1000)
const valid: ZoneOptions = { inception: now - DAY, expiration: now + 10 * DAY }
const expired: ZoneOptions = { inception: now - 20 * DAY, expiration: now - DAY }

const rules = (mode: string, more = '') => `networks:
  office:
    prefixes: [127.0.0.0/8]
    dnssec: ${mode}
    ${more}
    block: [blocked.example]
    records: [{ name: local.example, a: 192.0.2.53 }]
`

async function gateway(t: Test, setting: Parameters<typeof serving>[1] = {}, mode = 'enforce') {
  const world = new World(valid)
  world
    .zone('example', valid)
    .a('www.example')
    .a('other.example')
    .a('third.example')
    .a('blocked.example')
  world.zone('late', expired).a('www.late')
  world.zone('plain', { isSigned: false }).a('www.plain')
  const port = await serveWorld(t, world)
  const rig = await serving(t, {
    upstream: { address: '127.0.0.1', port },
    // No query by TCP: the upstream has none.
    upstreams: 'timeout: 4s, give-up: 4s, cookies: false',
    files: { 'rules/networks.yaml': rules(mode) },
    more: `dnssec: { trust-anchors: ['${anchorOf(world)}'] }`,
    reloads: true,
    ...setting
  })
  const ask = (name: string, options?: Parameters<typeof askUdp>[2]) =>
    askUdp(rig.at, name, options)
  return { rig, world, ask }
}

for (const transport of kinds) {
  t.test(`enforce over ${transport}: AD, DO, CD and failures`, async t => {
    const queries = 'flush: 10ms, which: all'
    const { ask, world, rig } = await gateway(t, { transport, queries })
    const secure = await ask('www.example', { flags: AD })
    t.match(secure, { rcode: 'NOERROR', authentic: true, ede: -1 })
    t.match(secure.answers, [/^www\.example \d+ A 192\.0\.2\.1$/], 'no signatures without DO')
    t.equal((await ask('www.example')).authentic, false, 'a client that does not know AD')
    const asked = world.queries.length
    t.equal((await ask('www.example', { flags: AD })).authentic, true)
    t.equal(world.queries.length, asked, 'a hit keeps its verdict')

    const signed = await ask('www.example', { dnssecOk: true })
    t.match(signed, { authentic: true })
    t.equal(signed.answers.filter(one => one.includes(' RRSIG ')).length, 1)

    const absent = await ask('absent.example', { flags: AD })
    t.match(absent, { rcode: 'NXDOMAIN', authentic: true })
    t.match(absent.authorities, [/ SOA /], 'no NSEC without DO')

    t.match(await ask('www.plain', { dnssecOk: true }), {
      ...{ rcode: 'NOERROR', authentic: false },
      answers: [/192\.0\.2\.1$/]
    })

    const bogus = await ask('www.late', { flags: AD })
    t.match(bogus, { rcode: 'SERVFAIL', ede: 7, authentic: false, answers: [] })
    t.match(bogus.edeText, /^late DNSKEY: .*signature of key \d+ .* expired on /)
    const before = world.queries.length
    t.match(await ask('www.late'), { rcode: 'SERVFAIL', ede: 7 })
    t.equal(world.queries.length, before, 'a failure is cached')
    const { fields } = await rig.log.says('clients get SERVFAIL')
    t.match(fields, { name: 'www.late', type: 'A', verdict: 'bogus', ede: 7 })

    const unchecked = await ask('www.late', { flags: CD | AD })
    t.match(unchecked, { rcode: 'NOERROR', authentic: false, answers: [/192\.0\.2\.1$/] })
    t.match(await ask('www.late'), { rcode: 'SERVFAIL' }, 'CD changes nothing for others')

    t.match(await ask('blocked.example', { dnssecOk: true }), { authentic: false, ede: 15 })
    t.match(await ask('local.example', { dnssecOk: true }), {
      ...{ rcode: 'NOERROR', authentic: false },
      answers: [/192\.0\.2\.53$/]
    })
    await eventually('the verdicts in the status', async () => {
      const found = (await rig.gateway.status()).validation?.enforced
      return found !== undefined && found.verdicts.bogus > 0 && found.verdicts.secure > 2
    })
    const { validation } = await rig.gateway.status()
    t.match(validation?.enforced, { refused: 0, failures: [{ name: 'www.late', ede: 7 }] })

    const last = () => rig.site.records().some(({ qname }) => qname === 'local.example')
    await eventually('all records', last)
    const records = rig.site.records()
    const verdicts = (name: string) =>
      records.flatMap(({ qname, verdict, dnssec }) => (qname === name ? [[verdict, dnssec]] : []))
    t.strictSame(verdicts('www.example').slice(0, 3), [
      ...[
        ['forwarded', 'secure'],
        ['cached', 'secure']
      ],
      ['cached', 'secure']
    ])
    t.strictSame(verdicts('absent.example'), [['forwarded', 'secure']])
    t.strictSame(verdicts('www.plain'), [['forwarded', 'insecure']])
    t.strictSame(verdicts('www.late'), [
      ...[
        ['failed', 'bogus'],
        ['cached', 'bogus']
      ],
      ...[
        ['forwarded', undefined],
        ['cached', 'bogus']
      ]
    ])
    t.strictSame(verdicts('blocked.example'), [['blocked', undefined]])
    t.strictSame(verdicts('local.example'), [['local', undefined]])
    for (const { qname, dnssec, dnssecReason } of records)
      if (dnssec === 'bogus') t.match(dnssecReason, /^late DNSKEY: .* expired on /, String(qname))
      else t.equal(dnssecReason, undefined, String(qname))
  })
}

t.test('an entry that was not validated is not for a network that enforces', async t => {
  const { ask, rig, world } = await gateway(t, {}, 'off')
  t.match(await ask('www.late'), { rcode: 'NOERROR' })
  t.match(await ask('www.example', { flags: AD }), { authentic: false })
  rig.site.write('rules/networks.yaml', rules('enforce'))
  await rig.generation(2)
  t.match(await ask('www.late'), { rcode: 'SERVFAIL', ede: 7 })
  t.match(await ask('www.example', { flags: AD }), { rcode: 'NOERROR', authentic: true })
  // A spoofed answer in the cache of the others.
  rig.site.write('rules/networks.yaml', rules('off'))
  await rig.generation(3)
  world.tamper = (_name, _type, it) => {
    it.answer = it.answer.map(forged)
  }
  t.match((await ask('other.example')).answers, [/6\.6\.6\.6$/])
  rig.site.write('rules/networks.yaml', rules('enforce'))
  await rig.generation(4)
  t.match(await ask('other.example'), { rcode: 'SERVFAIL', ede: 6 })
})

const forged = (rr: Rr): Rr =>
  rr.type === TYPE.A ? { ...rr, rdata: Uint8Array.of(6, 6, 6, 6) } : rr

t.test('without the validation thread, answers fail closed, and hits are served', async t => {
  const { ask, rig } = await gateway(t)
  t.match(await ask('www.example', { flags: AD }), { authentic: true })
  // Its next one does not come to the workers.
  rig.threads.lost = ({ kind }) => kind === 'validation'
  await rig.threads.kill('validation')
  await rig.log.says('validation thread died; restarting it')
  const failed = await ask('other.example')
  t.match(failed, { rcode: 'SERVFAIL', ede: 5, edeText: /validation thread/ })
  t.match(await ask('www.example', { flags: AD }), { rcode: 'NOERROR', authentic: true })
  rig.threads.lost = () => false
  await rig.threads.kill('validation')
  await eventually('validation again', async () => {
    const { rcode } = await ask('other.example')
    return rcode === 'NOERROR'
  })
})

t.test('a worker that was restarted validates, too', async t => {
  const { ask, rig } = await gateway(t)
  await rig.threads.kill('worker')
  await rig.log.says('worker restarted and listening')
  t.match(await ask('www.example', { flags: AD }), { rcode: 'NOERROR', authentic: true })
})

t.test('an upstream that strips signatures', async t => {
  const { ask, world } = await gateway(t)
  world.tamper = (_name, type, it) => {
    if (type === TYPE.A) it.answer = withoutSignatures(it.answer, TYPE.A)
  }
  const failed = await ask('www.example')
  t.match(failed, { rcode: 'SERVFAIL', ede: 10 })
  t.match(failed.edeText, /no RRSIG, although example is signed/)
})

t.test('stale answers: only what was validated, and never in place of what is bogus', async t => {
  const { ask, world, rig } = await gateway(t)
  t.match(await ask('www.example', { flags: AD }), { authentic: true })
  t.match(await ask('other.example', { flags: AD }), { authentic: true })
  await rig.threads.letPass(4000 * 1000)
  world.tamper = (name, _type, it) => {
    if (name === 'www.example') it.rcode = 2
    else it.answer = it.answer.map(forged)
  }
  const stale = await ask('www.example', { flags: AD })
  t.match(stale, { rcode: 'NOERROR', authentic: false, ede: 3, answers: [/192\.0\.2\.1$/] })
  t.match(await ask('other.example'), { rcode: 'SERVFAIL', ede: 6, answers: [] })
  world.tamper = undefined
  t.match(await ask('other.example'), { rcode: 'SERVFAIL', ede: 6 }, 'for a minute')
  await rig.threads.letPass(61 * 1000)
  t.match(await ask('other.example', { flags: AD }), { rcode: 'NOERROR', authentic: true })
})

t.test('with forwarders of the network, answers and chains of trust come from them', async t => {
  // Its upstream has the same names under other keys, for which there is no trust anchor.
  const other = new World(valid)
  other.zone('example', valid).a('www.example').a('other.example')
  const port = await serveWorld(t, other)
  const { ask, rig, world } = await gateway(t, { upstream: { address: '127.0.0.1', port } }, 'off')
  const forward = (to: number) => rules('enforce', `forward: ['127.0.0.1:${to}']`)
  const own = await serveWorld(t, world)
  rig.site.write('rules/networks.yaml', forward(own))
  await rig.generation(2)
  const before = other.queries.length
  t.match(await ask('www.example', { flags: AD }), { rcode: 'NOERROR', authentic: true })
  t.match(await ask('www.late'), { rcode: 'SERVFAIL', ede: 7 })
  t.equal(other.queries.length, before)
  // New rules may end the use of forwarders, and begin that of others.
  rig.site.write('rules/networks.yaml', forward(port))
  await rig.generation(3)
  t.match(await ask('www.example'), { rcode: 'SERVFAIL', ede: 9 }, 'not from the cache')
  rig.site.write('rules/networks.yaml', forward(own))
  await rig.generation(4)
  t.match(await ask('other.example', { flags: AD }), { rcode: 'NOERROR', authentic: true })
})

t.test('DNS64 makes AAAA records of A records that were validated, without AD', async t => {
  const files = { 'rules/networks.yaml': rules('enforce', 'dns64: 2001:db8:64::/96') }
  const { ask, world } = await gateway(t, { files })
  for (const flags of [{ flags: AD }, { dnssecOk: true }, { flags: AD }]) {
    const made = await ask('www.example', { type: 'AAAA', ...flags })
    t.match(made, { rcode: 'NOERROR', authentic: false })
    t.match(made.answers, [/ AAAA 2001:db8:64::c000:201$/])
    t.equal(made.answers.length, 1)
  }
  t.match(await ask('www.example', { flags: AD }), { authentic: true })
  t.match(await ask('www.late', { type: 'AAAA' }), { rcode: 'SERVFAIL', ede: 7, answers: [] })
  world.tamper = (_name, _type, it) => {
    it.answer = it.answer.map(forged)
  }
  t.match(await ask('other.example', { type: 'AAAA' }), { rcode: 'SERVFAIL', ede: 6, answers: [] })
  // The proof that there is no AAAA record.
  world.tamper = (_name, type, it) => {
    if (type === TYPE.AAAA) it.authority = []
  }
  const unproven = await ask('third.example', { type: 'AAAA' })
  t.match(unproven, { rcode: 'SERVFAIL', ede: 12, answers: [] })
})
