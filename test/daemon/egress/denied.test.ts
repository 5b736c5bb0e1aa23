import dgram from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packet from 'dns-packet'
import t, { type Test } from 'tap'
import { MS_PER_DAY } from '../../../src/base/units.js'
import type { DenyChange, DenyGroup } from '../../../src/gateway/egress/helper-protocol.js'
import { HelperServer } from '../../../src/gateway/egress/helper-server.js'
import { healthOf } from '../../../src/gateway/status/health.js'
import type { Endpoint } from '../../../src/wire/sockets/datagram.js'
import { BadUpstream, framed, type Behaviour } from '../../upstream/bad-upstream.js'
import { encodeQuery } from '../dns-client.js'
import { serving } from '../serve.js'
import { eventually } from '../site.js'

/** A run before a release has a million answers. */
const ANSWERS = Number(process.env.EGRESS_ANSWERS ?? 3_000)

const APP = '192.0.2.10'
const CDN = '192.0.2.11'
const BOTH = '192.0.2.12'
const API = '192.0.2.13'
const ADDRESSES: Readonly<Record<string, string>> = {
  'app.example': APP,
  'api.app.example': API,
  'both.app.example': BOTH,
  'cdn.app.example': CDN,
  'other.example': BOTH,
  'app.network.example': CDN,
  'site-one.example': APP,
  'www.site-two.example': APP
}
/** A date, some days from now. */
const day = (days: number): string =>
  new Date(Date.now() + days * MS_PER_DAY).toISOString().slice(0, 10)

/** Networks of the rules are on loopback: the clients are as well. */
const RULES = `networks:
  phones:
    prefixes: [127.9.0.0/16]
    egress: deny
    bans: [{ apps: [app], authority: Government, reference: Order 1 }]
    exceptions:
      - { apps: [app], prefixes: [127.9.9.0/24], purpose: research, approved-by: head, from: ${day(-1)}, last-day: ${day(9)} }
  office:
    prefixes: [127.0.0.0/8]
    bans: [{ apps: [app], authority: Government, reference: Order 1 }]
`
const FILES = {
  'rules/networks.yaml': RULES,
  'rules/apps/app.yaml':
    'app: app\ntitle: App\nnames: [app.example, both.app.example, cdn.app.example, =app.network.example]\n',
  'rules/apps/other.yaml': 'app: other\ntitle: Other\nnames: [other.example]\n'
}

const answering: Behaviour = query => {
  const { id, questions } = packet.decode(Buffer.from(query.message))
  const [{ name, type } = { name: '', type: 'A' }] = questions!
  const key = name.toLowerCase()
  const alias = key === 'cdn.app.example' ? 'edge.network.example' : undefined
  const data = ADDRESSES[key] ?? (key.startsWith('spread') ? spread(key) : undefined)
  const records =
    type !== 'A' || data === undefined
      ? []
      : [
          ...(alias === undefined ? [] : [{ type: 'CNAME' as const, name, ttl: 300, data: alias }]),
          { type: 'A' as const, name: alias ?? name, ttl: 300, data }
        ]
  const response = packet.encode({
    type: 'response',
    id: id!,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: questions!,
    answers: records
  })
  query.send(query.overTcp ? framed(response) : response)
}

/** Ordinary names, many of them at one address each. */
const spread = (name: string): string => `198.51.100.${Number(/\d+/.exec(name)![0]) % 250}`

/** In place of nftables: what is denied to which clients now, and when it was free again. */
class Table {
  groups: readonly DenyGroup[] = []
  readonly denied = new Map<string, Set<string>>()
  /** How long nft takes. */
  delay = 5

  async replace(groups: readonly DenyGroup[]): Promise<void> {
    await wait(this.delay)
    this.groups = groups
    this.denied.clear()
    for (const { name, elements } of groups)
      this.denied.set(name, new Set(elements.map(({ address }) => address)))
  }

  async change({ remove, add }: DenyChange): Promise<void> {
    await wait(this.delay)
    for (const { group, address } of remove) this.of(group).delete(address)
    for (const { group, address } of add) this.of(group).add(address)
  }

  get all(): string[] {
    return [...new Set([...this.denied.values()].flatMap(set => [...set]))].sort()
  }

  private of(group: number): Set<string> {
    return this.denied.get(this.groups[group]!.name)!
  }
}

const wait = (time: number): Promise<void> => new Promise(done => setTimeout(done, time))

/** A client with an address of its own. */
async function client(t: Test, address: string, at: Endpoint) {
  const socket = dgram.createSocket('udp4')
  t.teardown(() => socket.close())
  await new Promise<void>(done => socket.bind(0, address, done))
  const waiting = new Map<number, (addresses: string[]) => void>()
  socket.on('message', octets => {
    const { id, answers } = packet.decode(octets)
    waiting.get(id!)?.(answers!.flatMap(one => (one.type === 'A' ? [one.data] : [])))
  })
  return (name: string): Promise<string[]> =>
    new Promise(done => {
      const query = encodeQuery(name, 'A')
      waiting.set(query.readUInt16BE(), done)
      socket.send(query, at.port, at.address)
    })
}

async function start(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'helper.sock')
  const table = new Table()
  let helper = new HelperServer(table, () => undefined)
  await helper.listen(path)
  t.teardown(() => helper.close())
  const upstream = await BadUpstream.open(answering)
  t.teardown(() => upstream.close())
  const rig = await serving(t, {
    upstream: upstream.endpoint,
    more: `egress: { firewall: ${path}, learn-for: 0s }`,
    files: FILES
  })
  const [at] = rig.gateway.endpoints
  const deny = async () => (await rig.gateway.status()).observation?.deny
  return {
    ...{ gateway: rig.gateway, site: rig.site, log: rig.log, table, at: at!, deny },
    restart: async () => {
      helper = new HelperServer(table, () => undefined)
      await helper.listen(path)
    },
    stop: () => helper.close(),
    restored: (what: string) => helper.send({ restored: what })
  }
}

t.test(
  'addresses that only banned names have are denied, for as long as they are banned',
  async t => {
    const { table, deny, gateway, site, at, restart, stop, restored, log } = await start(t)
    await eventually('the address is denied', () => table.all.includes(APP))
    t.strictSame(table.all, [APP], 'not what a content delivery network or another app has')
    t.match(
      table.groups.map(({ sources }) => sources.flat()),
      [
        ['127.9.0.0', '127.9.8.255', '127.9.10.0', '127.9.255.255'],
        ['127.9.9.0', '127.9.9.255']
      ],
      'by clients with the same rules'
    )
    const [phones, excepted] = table.groups.map(({ name }) => [...table.denied.get(name)!])
    t.strictSame([phones, excepted], [[APP], []], 'not to those with an exception')
    await eventually('the state', async () => (await deny())?.networks.phones === 1)
    t.match(await deny(), { inForce: true, error: null, shared: 1, aliased: 2, kept: 0 })

    const phone = await client(t, '127.9.0.1', at)
    t.strictSame(await phone('api.app.example'), [])
    await eventually('of a name that a client was refused, too', () => table.all.includes(API))
    await eventually('the state', async () => (await deny())?.networks.phones === 2)

    restored('delete element')
    const codes = async () => healthOf(await gateway.status()).problems.map(({ code }) => code)
    await eventually('a change by others is a problem', async () =>
      (await codes()).includes('EGRESS_CHANGED')
    )
    stop()
    await eventually('without the helper', async () => (await codes()).includes('EGRESS_UNDENIED'))
    t.strictSame(table.all, [APP, API], 'its table stays')
    table.denied.clear()
    await restart()
    await eventually('it has everything again', () => table.all.includes(APP))
    await eventually('no problem', async () => !(await codes()).includes('EGRESS_UNDENIED'))
    await log.says('egress: deny is in force')

    writeFileSync(
      site.path('rules/networks.yaml'),
      RULES.replace('bans: [{ apps: [app], authority: Government, reference: Order 1 }]', '')
    )
    await gateway.reload('SIGHUP')
    await eventually('the ban has ended', () => table.all.length === 0)
  }
)

t.test('an answer for a name without a ban leaves when its address is free', async t => {
  const { table, at, log, deny } = await start(t)
  await eventually('the address is denied', () => table.all.includes(APP))
  const clients = await Promise.all(
    ['127.9.0.1', '127.9.0.2', '127.9.0.3'].map(one => client(t, one, at))
  )
  t.strictSame(await clients[0]!('site-one.example'), [APP])
  t.ok(table.all.includes(APP), 'one name is not enough: anyone can point it there')
  await log.says(`site-one.example has the address ${APP}`)
  await eventually('it is counted', async () => (await deny())?.kept === 1)
  t.strictSame(await clients[1]!('site-one.example'), [APP])
  t.ok(table.all.includes(APP), 'nor are two clients')
  table.delay = 100
  const [answer, isDenied] = await clients[2]!('www.site-two.example').then(found => {
    return [found, table.all.includes(APP)] as const
  })
  t.strictSame(answer, [APP])
  t.notOk(isDenied, 'three clients and two domains are: the answer waited for the release')
  await eventually('it is shared', async () => (await deny())?.shared === 2)
  t.match(await deny(), { overdue: 0, kept: 0 })
  t.strictSame(await clients[0]!('app.example'), [], 'the name is banned as before')
})

t.test(
  `${ANSWERS} answers while addresses come and go: none leaves before its release`,
  async t => {
    const { table, at, deny } = await start(t)
    await eventually('the address is denied', () => table.all.includes(APP))
    const clients = await Promise.all(
      Array.from({ length: 8 }, (_, i) => client(t, `127.9.1.${i + 1}`, at))
    )
    let [asked, early] = [0, 0]
    const names = ['site-one.example', 'www.site-two.example']
    const work = async (ask: (name: string) => Promise<string[]>, one: number): Promise<void> => {
      while (asked < ANSWERS) {
        const n = asked++
        const name = n % 3 === 0 ? names[(n + one) % 2]! : `spread${n % 500}.example`
        const addresses = await ask(name)
        // Until it is shared, it stays denied, and the answers leave.
        if ((await isShared()) && addresses.some(found => table.all.includes(found))) early++
      }
    }
    let shared = false
    const isShared = async (): Promise<boolean> => (shared ||= ((await deny())?.shared ?? 0) > 1)
    await Promise.all(clients.map(work))
    t.equal(early, 0)
    t.ok(shared)
    t.match(await deny(), { overdue: 0 })
  }
)
