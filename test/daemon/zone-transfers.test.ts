import t, { type Test } from 'tap'
import { sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import type { Status } from '../../src/gateway/status/status.js'
import { nxdomain, TestPrimary, type State } from '../sources/axfr/primary.js'
import type { Key } from '../sources/axfr/sign.js'
import { upstream } from '../sources/http/rig.js'
import { banned } from './banned.js'
import { notify } from './notify.js'
import { kinds, Rig, type Setting } from './serve.js'
import { eventually } from './site.js'

const FIRST: State = { serial: 1, policies: nxdomain('one.example', 'two.example') }
const SECOND: State = { serial: 2, policies: nxdomain('one.example', 'three.example') }
const THIRD: State = { serial: 3, policies: nxdomain('one.example', 'four.example') }
const KEY: Key = {
  name: 'transfer.example',
  algorithm: 'hmac-sha256',
  secret: Buffer.from('0123456789abcdef0123456789abcdef')
}
const RULES = `networks:
  all:
    prefixes: [127.0.0.0/8]
    block: [banned.example, { lists: [rpz] }]
lists:
  rpz: { transfer: rpz.example }
`

interface Options {
  readonly key?: Key
  readonly rules?: string
  readonly files?: Readonly<Record<string, string>>
  readonly transport?: 'batch' | 'portable'
}

/** A gateway that has a zone of this primary. */
async function rig(t: Test, { port }: TestPrimary, options: Options = {}): Promise<Rig> {
  const { key, rules = RULES, files = {}, transport } = options
  const keyed = key === undefined ? '' : `, key: ${key.name}`
  const keys =
    key === undefined ? '{}' : `{ ${key.name}: { algorithm: ${key.algorithm}, secret-file: key } }`
  const setting: Setting = {
    upstream: (await upstream(t)).endpoint,
    more: `admin: { socket: admin.sock }
transfers: { max-time: 2s, keys: ${keys}, primaries: { hq: { address: '127.0.0.1:${port}'${keyed} } } }`,
    files: {
      'rules/networks.yaml': rules,
      ...(key && { key: `# of both\n${Buffer.from(key.secret).toString('base64')}\n` }),
      ...files
    },
    ...(transport && { transport })
  }
  return new Rig(t, setting)
}

t.test('a first start transfers its zones before it serves', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const one = await rig(t, primary)
  t.strictSame(await one.gateway.start(), [])
  t.ok(await banned(one, 'one.example'))
  t.ok(await banned(one, 'banned.example'))
  t.equal(one.log.with('without a copy').length, 1)
  t.match(await one.log.says('zone refreshed'), {
    fields: { list: 'rpz', serial: 1, primary: 'hq', from: 'axfr', entries: 2 }
  })
  t.strictSame(primary.types(), ['SOA', 'AXFR'])

  await t.test('the status shows it', async t => {
    const path = one.site.path('admin.sock')
    const reply = await sendAdminRequest<Status>(path, { do: 'status' }, 30_000)
    if (!reply.ok) throw new Error(reply.message)
    const copy = { serial: 1, primary: 'hq' }
    const about = { list: 'rpz', zone: 'rpz.example', state: 'good', failures: 0 }
    t.match(reply.result.zones, [{ ...about, copy }])
  })

  await t.test('NOTIFY from elsewhere, or for another zone, gets an error', async t => {
    t.equal((await notify(one.at, { from: '127.0.0.2' })).rcode, 4)
    t.match(await notify(one.at, { zone: 'other.example' }), { rcode: 9, isAuthoritative: false })
    t.equal((await notify(one.at, { type: 'A' })).rcode, 1)
    t.equal((await notify(one.at, { key: KEY })).error, 17, 'an unknown key')
    t.ok(await banned(one, 'one.example'), 'and it keeps answering')
    t.equal(primary.asked.length, 2)
  })
})

t.test('a start without a copy, and without a primary: it serves, and logs an error', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  primary.close()
  const one = await rig(t, primary)
  t.strictSame(await one.gateway.start(), [])
  t.ok(await banned(one, 'banned.example'), 'all other rules are active')
  t.notOk(await banned(one, 'one.example'))
  await one.log.says('rules on it match no names')
  t.ok(one.log.lines.some(({ fields }) => fields.code === 'TRANSFER_CONNECT'))
  t.ok(one.log.lines.some(({ fields }) => fields.code === 'RULES_ZONE_ABSENT'))
})

t.test('restarts with a copy', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const one = await rig(t, primary)
  await one.gateway.start()
  await one.gateway.abort()
  primary.close()
  const zone = one.site.read('state/zones/rpz.zone')
  const record = one.site.read('state/zones/rpz.json')
  const restarted = (record: string): Promise<Rig> =>
    rig(t, primary, { files: { 'state/zones/rpz.zone': zone, 'state/zones/rpz.json': record } })

  await t.test('a copy is used at once, and not refreshed before it is due', async t => {
    const other = await restarted(record)
    t.strictSame(await other.gateway.start(), [])
    t.ok(await banned(other, 'one.example'))
    t.equal(primary.asked.length, 2)
  })

  await t.test('an expired copy remains active, and that is logged', async t => {
    const old = '2020-01-01T00:00:00.000Z'
    const expired = { ...(JSON.parse(record) as object), tried: old, refreshed: old }
    const other = await restarted(JSON.stringify(expired))
    t.strictSame(await other.gateway.start(), [])
    t.ok(await banned(other, 'one.example'))
    const line = await other.log.says('expired at 2020-01-02T00:00:00.000Z')
    t.equal(line.fields.code, 'TRANSFER_EXPIRED')
  })
})

for (const transport of kinds) {
  t.test(`${transport}: after a NOTIFY the changes become active`, async t => {
    const primary = await TestPrimary.open(t, [FIRST])
    const one = await rig(t, primary, { transport })
    await one.gateway.start()
    for (const { protocol, state, added, removed } of [
      { protocol: 'udp', state: SECOND, added: 'three.example', removed: 'two.example' },
      { protocol: 'tcp', state: THIRD, added: 'four.example', removed: 'three.example' }
    ] as const) {
      primary.states.push(state)
      const { rcode, opcode, isAuthoritative } = await notify(one.at, { protocol })
      const expected = { rcode: 0, opcode: 4, isAuthoritative: true }
      t.strictSame({ rcode, opcode, isAuthoritative }, expected, protocol)
      await eventually('the newer zone', () => banned(one, added))
      t.notOk(await banned(one, removed))
      t.match(await one.log.says('zone refreshed', state.serial), {
        fields: { serial: state.serial, from: 'ixfr', changes: 2 }
      })
    }
    t.strictSame(primary.types(), ['SOA', 'AXFR', 'IXFR', 'IXFR'])
  })
}

for (const algorithm of ['hmac-sha256', 'hmac-sha512'] as const) {
  t.test(`with a key of ${algorithm}, transfers and NOTIFY must be signed`, async t => {
    const key = { ...KEY, algorithm }
    const primary = await TestPrimary.open(t, [FIRST])
    primary.key = key
    const one = await rig(t, primary, { key })
    t.strictSame(await one.gateway.start(), [])
    t.ok(await banned(one, 'one.example'))
    primary.states.push(SECOND)
    t.match(await notify(one.at), { rcode: 5, error: undefined }, 'not signed')
    const other = { ...key, secret: Buffer.alloc(32) }
    t.match(await notify(one.at, { key: other }), { rcode: 9, error: 16 }, 'with another secret')
    const old = Math.floor(Date.now() / 1000) - 1000
    t.match(await notify(one.at, { key, time: old }), { rcode: 9, error: 18 }, 'of long ago')
    t.equal(primary.asked.length, 2, 'these had no effect')
    t.match(await notify(one.at, { key }), { rcode: 0, error: 0, isAuthoritative: true })
    await eventually('the newer zone', () => banned(one, 'three.example'))
    t.ok(primary.asked.every(({ mac }) => mac !== undefined))
  })
}

t.test('invalid secrets prevent the start, and change nothing on reload', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  primary.key = KEY
  const secret = Buffer.from(KEY.secret).toString('base64')
  const without = await rig(t, primary, { key: KEY, files: { key: '' } })
  t.match(await without.gateway.start(), [{ code: 'TRANSFER_SECRET' }])
  const one = await rig(t, primary, { key: KEY })
  t.strictSame(await one.gateway.start(), [])
  for (const text of ['', 'short\n', `${secret}\n${secret}\n`, 'AAAA\n', 'no base 64 at all!\n']) {
    const before = one.log.lines.length
    one.site.write('key', text)
    await one.gateway.reload('SIGHUP')
    const codes = one.log.lines.slice(before).map(({ fields }) => fields.code)
    t.ok(codes.includes('TRANSFER_SECRET'), JSON.stringify(text))
  }
  primary.states.push(SECOND)
  t.equal((await notify(one.at, { key: KEY })).rcode, 0, 'the previous secret still works')
  await eventually('the newer zone', () => banned(one, 'three.example'))
  const told = JSON.stringify(one.log.lines)
  t.notOk(told.includes(secret) || told.includes('AAAA'), 'no secret is in the log')
})

t.test('primaries named by the rules but missing in the settings cause a warning', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const rules = RULES.replace('rpz.example }', 'rpz.example, primaries: [hp, hq] }')
  const one = await rig(t, primary, { rules })
  t.strictSame(await one.gateway.start(), [])
  t.ok(await banned(one, 'one.example'), 'the others are tried')
  t.ok(one.log.lines.some(({ fields }) => fields.code === 'TRANSFER_UNKNOWN_PRIMARY'))
})

t.test('a transfer thread that dies is logged, and the gateway continues', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  primary.answer = () => 'hang'
  const one = await rig(t, primary)
  const started = one.gateway.start()
  await eventually('that it is asked', () => primary.asked.length === 1)
  await one.threads.kill('transfer')
  t.strictSame(await started, [])
  t.ok(await banned(one, 'banned.example'))
  await one.log.says('zone transfer thread died')
})

t.test('a zone added to the rules is transferred, and a removed one no longer', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const without = 'networks: { all: { prefixes: [127.0.0.0/8], block: [banned.example] } }\n'
  const one = await rig(t, primary, { rules: without })
  await one.gateway.start()
  t.equal((await notify(one.at)).rcode, 9, 'not one of the zones')
  one.site.write('rules/networks.yaml', RULES)
  await eventually('the zone', () => banned(one, 'one.example'))
  one.site.write('rules/networks.yaml', without)
  await eventually('that it is gone', async () => !(await banned(one, 'one.example')))
  await eventually('that NOTIFY is refused', async () => (await notify(one.at)).rcode === 9)
})
