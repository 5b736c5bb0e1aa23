import t, { type Test } from 'tap'
import { AddressKeeper, type KeeperOptions } from '../../../src/gateway/egress/address-keeper.js'
import { nameOf } from '../../../src/gateway/egress/deny-plan.js'
import type { DenyGroup } from '../../../src/gateway/egress/helper-protocol.js'
import { compile } from '../../../src/policy/compile/compile.js'
import { allocateDeniedTable } from '../../../src/policy/egress/denied-table.js'
import { loadGood, NOW } from '../../rules/folder.js'

const APPS = {
  'apps/clip.yaml': 'app: clip\ntitle: Clip\nnames: [clip.example]\n',
  'apps/maps.yaml': 'app: maps\ntitle: Maps\nnames: [maps.example]\n',
  'lists/malware.txt': 'evil.example\n'
}
/** The first of May 2023 is a Monday. */
const RULES = `lists:
  malware: { file: lists/malware.txt, format: domains }
networks:
  phones:
    prefixes: [10.20.0.0/16]
    egress: deny
    bans:
      - { apps: [clip], authority: A, reference: R, schedule: { days: mon-fri, hours: 08:00-16:00 } }
      - { names: [site.example], lists: [malware], authority: A, reference: R }
      - { addresses: [203.0.113.0/25], authority: A, reference: R, schedule: { days: mon-fri, hours: 08:00-16:00 } }
  tablets:
    prefixes: [10.30.0.0/16]
    egress: deny
    bans: [{ apps: [maps], authority: A, reference: R }]
`
const SHARED = '192.0.2.1'
const HOUR = 3_600_000
const RETAIN = 6_000

async function start(t: Test, openHelper?: KeeperOptions['openHelper'], learnFor = 0) {
  const rules = await loadGood(t, { 'networks.yaml': RULES, ...APPS })
  const at = { now: NOW, elapsed: 0 }
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const keeper = new AddressKeeper({
    clock: { now: () => at.elapsed, wall: () => at.now },
    log: silent,
    ...{
      openHelper,
      learnFor,
      file: undefined,
      serialFile: undefined,
      release: () => undefined,
      onEpoch: () => undefined
    },
    memory: allocateDeniedTable()
  })
  keeper.setRules(rules, compile(rules, { generation: 1, random: () => 7 }))
  t.teardown(() => keeper.close())
  return {
    keeper,
    at: (hour: number) => {
      at.now = NOW + hour * HOUR
      at.elapsed += RETAIN
      keeper.tick()
    },
    found: (text: string, address: string) => {
      const name = nameOf(text)
      const one = { text, name, app: undefined }
      keeper.add({ planned: one, forwarders: 0, owner: name, addresses: [address], ttl: 300 })
    },
    change: async (rules: string) => {
      const changed = await loadGood(t, { 'networks.yaml': rules, ...APPS })
      keeper.setRules(changed, compile(changed, { generation: 2, random: () => 7 }))
    },
    used: (name: string, address: string) =>
      keeper.sighted([{ network: 'phones', address, name, client: '10.20.0.1' }]),
    denied: (network: string) =>
      keeper
        .list()
        .filter(one => one.network === network && one.shared === undefined)
        .map(({ address }) => address)
  }
}

t.test('an app that was used outside the hours of its ban does not share with itself', async t => {
  const { at, found, used, denied } = await start(t)
  at(7)
  used('clip.example', SHARED)
  found('clip.example', SHARED)
  t.strictSame(denied('phones'), [], 'the ban is not in force')
  at(9)
  found('clip.example', SHARED)
  at(9.1)
  t.strictSame(denied('phones'), [SHARED], 'it is')
  at(17)
  t.strictSame(denied('phones'), [], 'nor is it in the evening')
})

t.test('prefixes of a ban follow its hours', async t => {
  const tables: DenyGroup[][] = []
  const { at } = await start(t, listener => ({
    start: () => listener.connected(),
    close: () => undefined,
    replace: async groups => void tables.push([...groups]),
    change: async () => undefined
  }))
  const prefixesAt = async (...hours: number[]) => {
    // Published first, then sent.
    for (const hour of hours) {
      at(hour)
      await new Promise(setImmediate)
    }
    return tables.at(-1)!.flatMap(({ prefixes }) => prefixes.map(({ prefix }) => prefix))
  }
  t.strictSame(await prefixesAt(7, 7.1), [])
  t.strictSame(await prefixesAt(9, 9.1), ['203.0.113.0/25'])
  t.strictSame(await prefixesAt(17, 17.1), [])
})

t.test('an app that is banned elsewhere shows what is shared', async t => {
  const { at, found, denied } = await start(t)
  at(9)
  for (const name of ['clip.example', 'maps.example']) found(name, SHARED)
  found('maps.example', '192.0.2.2')
  at(9.1)
  t.strictSame(denied('phones'), [])
  t.strictSame(denied('tablets'), ['192.0.2.2'])
})

t.test('what is known stays known when an exception divides the clients of a network', async t => {
  const { keeper, at, found, used, change } = await start(t, undefined, HOUR / 6)
  const deniedTo = (client: string): string[] =>
    ['192.0.2.3', SHARED].filter(address => keeper.targetOf(client, address) !== undefined)
  at(9)
  for (const address of [SHARED, '192.0.2.3']) found('site.example', address)
  for (const client of ['10.20.0.1', '10.20.200.1', '10.20.200.2'])
    for (const name of ['a.example', 'b.example'])
      keeper.sighted([{ network: 'phones', address: SHARED, name, client }])
  used('a.example', SHARED)
  at(9.5)
  t.strictSame(deniedTo('10.20.200.1'), ['192.0.2.3'], 'others share one of them')
  const exceptions = `    exceptions:
      - { apps: [clip], prefixes: [10.20.0.0/17], purpose: P, approved-by: B, from: 2023-01-01, last-day: 2023-12-31 }
`
  await change(RULES.replace('  tablets:', `${exceptions}  tablets:`))
  at(9.6)
  for (const client of ['10.20.0.1', '10.20.200.1'])
    t.strictSame(deniedTo(client), ['192.0.2.3'], client)
  const groups = new Set(keeper.groups.map(({ key }) => key))
  t.equal(groups.size, 3, 'one more')
  const since = keeper.list().map(one => one.since)
  t.strictSame([...new Set(since)], [NOW / 1_000 + 9 * 3_600], 'they are not learned again')
})

t.test('names below apps and rules are worth a lookup, others are not', async t => {
  const { at, keeper } = await start(t)
  at(9)
  const names = [
    'x.clip.example',
    'x.site.example',
    'x.maps.example',
    'data.evil.example',
    'a.example'
  ]
  t.strictSame(
    keeper.worthLookup(names).map(({ text }) => text),
    ['x.clip.example', 'x.site.example', 'x.maps.example']
  )
})
