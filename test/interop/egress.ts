/**
 * The egress helper with real nftables: a client, a gateway that forwards its packets, and an internet behind it, in network
 * namespaces. Packets are counted where they would arrive.
 *
 *     node dist/test/interop/egress.js 1000     packets of each try to get around
 */
import { execFile } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { install } from '../../tools/install.js'
import type { DeniedSet } from '../../src/gateway/egress/denied-export.js'
import { nftText } from '../../src/gateway/egress/export-text.js'
import type { DenyGroup, HelperReply } from '../../src/gateway/egress/helper-protocol.js'
import { PROGRAM } from '../cli/run.js'
import { eventually, folder, Running } from './processes.js'

install('ip', 'nft')
t.setTimeout(300_000)

const run = promisify(execFile)
const PACKETS = Number(process.argv[2] ?? 1_000)
const hasNamespaces = await run('unshare', ['--net', 'nft', 'add', 'table', 'inet', 'try']).then(
  () => true,
  () => false
)
const skip = hasNamespaces
  ? false
  : 'no network namespaces or no nftables here: it takes root and the kernel module nf_tables'

/** Of a banned app, of a resolver, and of nothing that is denied. */
const [APP, RESOLVER, OTHER] = ['192.0.2.10', '192.0.2.20', '192.0.2.30'] as const
const [CLIENT, OFFICE] = ['10.9.0.2', '10.9.1.2'] as const

const nameOf = (machine: string): string => `egress-${process.pid}-${machine}`
const on = (machine: string, ...words: string[]) =>
  run('ip', ['netns', 'exec', nameOf(machine), ...words])

/** The three machines; the client has an address in each of two networks. */
async function addMachines(t: Test): Promise<void> {
  for (const machine of ['client', 'gateway', 'internet']) {
    await run('ip', ['netns', 'add', nameOf(machine)])
    t.teardown(() => run('ip', ['netns', 'delete', nameOf(machine)]))
  }
  for (const [machine, at] of [
    ['client', 'lan'],
    ['internet', 'wan']
  ] as const) {
    const peer = ['peer', 'name', at, 'netns', nameOf('gateway')]
    await run('ip', ['link', 'add', 'eth0', 'netns', nameOf(machine), 'type', 'veth', ...peer])
    await on(machine, 'ip', 'link', 'set', 'eth0', 'up')
    await on('gateway', 'ip', 'link', 'set', at, 'up')
  }
  const address = (machine: string, text: string, at: string) =>
    on(machine, 'ip', 'address', 'add', text, 'dev', at)
  for (const client of [CLIENT, OFFICE]) await address('client', `${client}/24`, 'eth0')
  for (const own of ['10.9.0.1/24', '10.9.1.1/24']) await address('gateway', own, 'lan')
  await address('gateway', '192.0.2.1/24', 'wan')
  for (const own of [APP, RESOLVER, OTHER]) await address('internet', `${own}/24`, 'eth0')
  await on('client', 'ip', 'route', 'add', 'default', 'via', '10.9.0.1')
  await on('internet', 'ip', 'route', 'add', 'default', 'via', '192.0.2.1')
  await on('gateway', 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  const count = 'table inet count { chain arrived { type filter hook prerouting priority -300; }; }'
  await on('internet', 'nft', count)
}

/** Sends packets from the client by UDP, or starts connections by TCP. @returns how many arrived */
async function arrived(
  to: string,
  protocol: 'tcp' | 'udp',
  port: number,
  { from = CLIENT, packets = PACKETS }: { from?: string; packets?: number } = {}
): Promise<number> {
  await on('internet', 'nft', 'flush', 'chain', 'inet', 'count', 'arrived')
  const rule = `ip saddr ${from} ip daddr ${to} ${protocol} dport ${port} counter`
  await on('internet', 'nft', `add rule inet count arrived ${rule}`)
  const words = [to, String(port), protocol, from, String(packets)]
  await on('client', process.execPath, '-e', SENDER, ...words)
  const { stdout } = await on('internet', 'nft', 'list', 'chain', 'inet', 'count', 'arrived')
  return Number(/counter packets (\d+)/.exec(stdout)![1])
}

/** Whether it connects or not, an attempt ends: refused, prohibited, or after 100 ms. */
const SENDER = `
const [to, port, protocol, from, packets] = process.argv.slice(1)
const tcp = () => new Promise(done => {
  const socket = require('node:net').connect({ host: to, port: Number(port), localAddress: from })
  const end = () => { socket.destroy(); done() }
  socket.on('connect', end).on('error', end)
  setTimeout(end, 100)
})
async function main() {
  if (protocol === 'tcp') {
    for (let i = 0; i < packets; i += 50) await Promise.all(Array.from({ length: 50 }, tcp))
    process.exit()
  }
  const socket = require('node:dgram').createSocket('udp4').on('error', () => {})
  await new Promise(done => socket.bind(0, from, done))
  for (let i = 0; i < packets; i++) await new Promise(done => socket.send('x', Number(port), to, done))
  setTimeout(() => process.exit(), 50)
}
main()
`

/** Runs `interdict egress` on the gateway, with CAP_NET_ADMIN alone. */
async function startHelper(t: Test, path: string): Promise<void> {
  const words = [process.execPath, PROGRAM, 'egress', '--socket', path]
  const helper = new Running(t, 'ip', [
    ...['netns', 'exec', nameOf('gateway'), 'setpriv', '--bounding-set=-all,+net_admin'],
    ...['--inh-caps=-all,+net_admin', 'env', '-u', 'NODE_OPTIONS', ...words]
  ])
  await eventually(
    () => `the helper listens: ${helper.output}`,
    30,
    () => Promise.resolve(helper.output.includes('egress helper on'))
  )
}

/** Speaks to the helper as the gateway does. */
class Helper {
  readonly restored: string[] = []
  private readonly replies: HelperReply[] = []
  private id = 0

  private constructor(private readonly socket: Socket) {
    let rest = ''
    socket.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk.toString()}`.split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const reply = JSON.parse(line) as HelperReply
        if ('restored' in reply) this.restored.push(reply.restored)
        else this.replies.push(reply)
      }
    })
  }

  static async start(t: Test): Promise<Helper> {
    const path = join(folder(t), 'socket')
    await startHelper(t, path)
    const socket = connect(path)
    t.teardown(() => socket.destroy())
    return new Helper(socket)
  }

  async request(body: object): Promise<void> {
    const id = ++this.id
    this.socket.write(`${JSON.stringify({ id, ...body })}\n`)
    const replyOf = () => this.replies.find(reply => 'id' in reply && reply.id === id)
    await eventually('the helper replies', 10, () => Promise.resolve(replyOf() !== undefined))
    const reply = replyOf()
    if (reply === undefined || !('ok' in reply) || !reply.ok) throw new Error(JSON.stringify(reply))
  }
}

const PHONES: DenyGroup = {
  name: 'phones',
  sources: [['10.9.0.0', '10.9.0.255']],
  prefixes: [],
  elements: [
    { address: APP, ports: 'all', seconds: 600 },
    { address: RESOLVER, ports: 'dns', seconds: 600 }
  ]
}

/** Ways around a ban that need no name. */
const WAYS = [
  ['the hard-coded address of a banned app', APP, 'tcp', 443],
  ['the same by QUIC, or with ECH', APP, 'udp', 443],
  ['HTTPDNS by address', RESOLVER, 'tcp', 443],
  ['DNS over HTTPS by address', RESOLVER, 'udp', 443],
  ['DNS over TLS', RESOLVER, 'tcp', 853],
  ['DNS over QUIC', RESOLVER, 'udp', 853],
  ['port 53 elsewhere', RESOLVER, 'udp', 53],
  ['port 53 elsewhere by TCP', RESOLVER, 'tcp', 53]
] as const

t.test('what is denied does not arrive, and all else does', { skip }, async t => {
  await addMachines(t)
  await on('gateway', 'nft', 'add', 'table', 'inet', 'own')
  t.equal(await arrived(APP, 'udp', 443, { packets: 20 }), 20, 'before, everything arrives')
  const helper = await Helper.start(t)
  await helper.request({ do: 'replace', groups: [PHONES] })

  for (const [way, to, protocol, port] of WAYS)
    t.equal(await arrived(to, protocol, port), 0, `${way}: 0 of ${PACKETS}`)
  const few = { packets: 50 }
  t.equal(await arrived(OTHER, 'udp', 443, few), 50, 'another address')
  t.equal(await arrived(RESOLVER, 'udp', 8080, few), 50, 'another port of a resolver')
  t.equal(await arrived(APP, 'udp', 443, { from: OFFICE, ...few }), 50, 'another network')

  await helper.request({ do: 'change', remove: [{ group: 0, address: APP }], add: [] })
  t.equal(await arrived(APP, 'udp', 443, few), 50, 'after its release, once that is confirmed')
  const short = { group: 0, address: APP, ports: 'all', seconds: 1 }
  await helper.request({ do: 'change', remove: [], add: [short] })
  await eventually('it expires', 10, async () => (await arrived(APP, 'udp', 443, few)) === 50)
  await helper.request({ do: 'change', remove: [], add: [{ ...short, seconds: 600 }] })
  t.equal(await arrived(APP, 'udp', 443, few), 0, 'denied again')

  const { stdout } = await on('gateway', 'nft', 'list', 'tables')
  t.match(stdout, 'table inet own', 'the tables of others are as they were')

  const started = performance.now()
  await on('gateway', 'nft', 'flush', 'ruleset')
  await eventually('it is restored', 10, () => Promise.resolve(helper.restored.length > 0))
  t.comment(`restored after ${Math.round(performance.now() - started)} ms`)
  t.equal(await arrived(APP, 'udp', 443, few), 0, 'a flushed table is restored')
  await on(
    'gateway',
    'nft',
    'delete',
    'element',
    'inet',
    'interdict_egress',
    'all4_0',
    `{ ${APP} }`
  )
  await eventually('it is restored', 10, () => Promise.resolve(helper.restored.length > 1))
  t.equal(await arrived(APP, 'udp', 443, few), 0, 'an address that another program removes, too')
})

t.test('a firewall elsewhere denies the same by the export for nft', { skip }, async t => {
  await addMachines(t)
  const file = join(folder(t), 'denied.nft')
  const load = (serial: number, ...sets: DeniedSet[]) => {
    writeFileSync(file, nftText({ serial, sets }))
    return on('gateway', 'nft', '-f', file)
  }
  const office = { network: 'office', clients: ['2001:db8::/32'], all: ['2001:db8:1::1'], dns: [] }
  const phones = { network: 'phones', clients: ['10.9.0.0/24'], all: [APP], dns: [RESOLVER] }
  await load(1, phones, office)
  await load(2, phones, office)
  for (const [way, to, protocol, port] of WAYS)
    t.equal(await arrived(to, protocol, port, { packets: 100 }), 0, way)
  const few = { packets: 50 }
  t.equal(await arrived(OTHER, 'udp', 443, few), 50, 'another address')
  t.equal(await arrived(RESOLVER, 'udp', 8080, few), 50, 'another port of a resolver')
  t.equal(await arrived(APP, 'udp', 443, { from: OFFICE, ...few }), 50, 'another network')
  await load(3)
  t.equal(await arrived(APP, 'udp', 443, few), 50, 'once nothing is denied any longer')
})

/** Addresses of names, at a name server on the internet. */
const NAMES = { 'app.example': APP, 'resolver.example': RESOLVER, 'site.example': OTHER }
/** Of HTTPDNS, which the rules list by address, and of resolvers. */
const HTTPDNS = '192.0.2.40'
const RESOLVERS = Array.from({ length: 12 }, (_, i) => `192.0.2.${100 + i}`)
const SERVER = '192.0.2.53'
const NAME_SERVER = `
const packet = require('dns-packet')
const names = ${JSON.stringify(NAMES)}
const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (message, { port, address }) => {
  const { id, questions } = packet.decode(message)
  const [{ name, type }] = questions
  const data = type === 'A' ? names[name.toLowerCase()] : undefined
  const answers = data === undefined ? [] : [{ type: 'A', name, ttl: 60, data }]
  socket.send(packet.encode({ type: 'response', id, flags: 0x180, questions, answers }), port, address)
})
socket.bind(53, '${SERVER}', () => console.log('ready'))
`
const RULES = `networks:
  phones:
    prefixes: [10.9.0.0/24]
    egress: deny
    bans:
      - { apps: [app, encrypted-dns, httpdns], authority: Government, reference: Order 1 }
  office:
    prefixes: [10.9.1.0/24]
`
const APPS: Readonly<Record<string, string>> = {
  app: 'names: [app.example]',
  'encrypted-dns': `names: [resolver.example]\naddresses: [${RESOLVERS.map(one => `${one}/32`).join(', ')}]`,
  httpdns: `addresses: [${HTTPDNS}/32]`
}

t.test('a gateway denies the addresses of what its rules ban', { skip }, async t => {
  await addMachines(t)
  for (const own of [HTTPDNS, SERVER, ...RESOLVERS])
    await on('internet', 'ip', 'address', 'add', `${own}/24`, 'dev', 'eth0')
  const names = new Running(t, 'ip', [
    ...['netns', 'exec', nameOf('internet'), process.execPath, '-e', NAME_SERVER]
  ])
  await eventually(
    () => `the name server: ${names.output}`,
    30,
    () => Promise.resolve(names.output.includes('ready'))
  )
  const dir = folder(t)
  const socket = join(dir, 'helper.sock')
  await startHelper(t, socket)
  mkdirSync(join(dir, 'rules/apps'), { recursive: true })
  writeFileSync(join(dir, 'rules/networks.yaml'), RULES)
  for (const [id, text] of Object.entries(APPS))
    writeFileSync(join(dir, `rules/apps/${id}.yaml`), `app: ${id}\ntitle: ${id}\n${text}\n`)
  const settings = [
    'listen: [10.9.0.1:53, 10.9.1.1:53]',
    `upstreams: { servers: [${SERVER}] }`,
    `egress: { firewall: ${socket}, learn-for: 0s }`,
    'log: { queries: { file: queries.jsonl } }'
  ]
  writeFileSync(join(dir, 'interdict.yaml'), `${settings.join('\n')}\n`)
  const check = await on(
    'gateway',
    process.execPath,
    PROGRAM,
    'check',
    '--egress',
    '--config',
    join(dir, 'interdict.yaml')
  )
  t.match(
    check.stdout,
    new RegExp(`${APP.replaceAll('.', '\\.')} +all +denied +app +app.example`),
    'check --egress'
  )
  const gateway = new Running(t, 'ip', [
    ...['netns', 'exec', nameOf('gateway'), 'env', '-u', 'NODE_OPTIONS', process.execPath, PROGRAM],
    ...['serve', '--config', join(dir, 'interdict.yaml')]
  ])
  const denies = async (address: string): Promise<boolean> =>
    (await on('gateway', 'nft', 'list', 'ruleset')).stdout.includes(address)
  await eventually(
    () => `the address of the app is denied: ${gateway.output}`,
    30,
    () => denies(APP)
  )
  await eventually('that of the resolver, too', 30, () => denies(RESOLVER))
  const ways = [
    ['the hard-coded address of a banned app', APP, 'tcp', 443],
    ['the same by QUIC, or with ECH', APP, 'udp', 443],
    ['HTTPDNS by address', HTTPDNS, 'tcp', 80],
    ...RESOLVERS.map((to, i) => [`DNS over HTTPS, resolver ${i + 1}`, to, 'tcp', 443] as const),
    ['DNS over TLS', RESOLVER, 'tcp', 853],
    ['port 53 elsewhere', RESOLVER, 'udp', 53]
  ] as const
  for (const [way, to, protocol, port] of ways)
    t.equal(await arrived(to, protocol, port), 0, `${way}: 0 of ${PACKETS}`)
  const few = { packets: 50 }
  t.equal(await arrived(OTHER, 'udp', 443, few), 50, 'another address')
  t.equal(await arrived(RESOLVER, 'udp', 8080, few), 50, 'another port of a resolver')
  t.equal(await arrived(APP, 'udp', 443, { from: OFFICE, ...few }), 50, 'another network')

  writeFileSync(join(dir, 'rules/networks.yaml'), RULES.replace('egress: deny', 'egress: off'))
  await eventually('the rules no longer deny', 30, async () => !(await denies(APP)))
  t.equal(await arrived(APP, 'udp', 443, few), 50, 'everything arrives again')
})
