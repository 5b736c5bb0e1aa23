import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packet from 'dns-packet'
import t, { type Test } from 'tap'
import { newToken, writeTokens } from '../../../src/admin/tokens/token-file.js'
import { generateKeys } from '../../../src/base/files/ed25519.js'
import { MS_PER_DAY, MS_PER_SECOND } from '../../../src/base/units.js'
import { ExportSerial, Fetches } from '../../../src/gateway/egress/denied-export.js'
import { ipsetText, listText, nftText } from '../../../src/gateway/egress/export-text.js'
import { healthOf } from '../../../src/gateway/status/health.js'
import { BadUpstream, framed, type Behaviour } from '../../upstream/bad-upstream.js'
import { freePort } from '../../udp/free-port.js'
import { serving } from '../serve.js'
import { eventually } from '../site.js'

const APP = '192.0.2.10'
const RESOLVER = '192.0.2.53'
const ADDRESSES: Readonly<Record<string, string>> = {
  'app.example': APP,
  'dns.example': RESOLVER,
  'more.example': '192.0.2.11'
}

const answering: Behaviour = query => {
  const { id, questions } = packet.decode(Buffer.from(query.message))
  const [{ name, type } = { name: '', type: 'A' }] = questions!
  const data = type === 'A' ? ADDRESSES[name.toLowerCase()] : undefined
  const response = packet.encode({
    type: 'response',
    id: id!,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: questions!,
    answers: data === undefined ? [] : [{ type: 'A' as const, name, ttl: 300, data }]
  })
  query.send(query.overTcp ? framed(response) : response)
}

const lastDay = new Date(Date.now() + 9 * MS_PER_DAY).toISOString().slice(0, 10)
const networks = (bans: string, egress = 'deny'): string => `networks:
  phones:
    prefixes: [10.20.0.0/16, '2001:db8::/32']
    egress: ${egress}
    bans: [{ ${bans}, addresses: [203.0.113.0/24], authority: Government, reference: Order 1 }]
    exceptions:
      - { apps: [app], prefixes: [10.20.9.0/24], purpose: research, approved-by: head, from: 2026-01-01, last-day: ${lastDay} }
  office: { prefixes: [127.0.0.0/8] }
`
const FILES = {
  'rules/networks.yaml': networks('apps: [app, encrypted-dns]'),
  'rules/apps/app.yaml': 'app: app\ntitle: App\nnames: [app.example]\n',
  'rules/apps/more.yaml': 'app: more\ntitle: More\nnames: [more.example]\n',
  'rules/apps/encrypted-dns.yaml':
    'app: encrypted-dns\ntitle: Encrypted DNS\nnames: [dns.example]\n'
}

async function start(t: Test, learnFor = '0s') {
  const port = await freePort()
  const { privatePem, publicKey } = generateKeys()
  const upstream = await BadUpstream.open(answering)
  t.teardown(() => upstream.close())
  const rig = await serving(t, {
    upstream: upstream.endpoint,
    more: `egress: { export-key: export.pem, learn-for: ${learnFor} }\nadmin: { http: '127.0.0.1:${port}' }`,
    files: FILES
  })
  writeFileSync(rig.site.path('export.pem'), privatePem, { mode: 0o600 })
  const now = new Date()
  const end = new Date(now.getTime() + MS_PER_DAY)
  const tokens = (['egress', 'read'] as const).map(scope => newToken(scope, [scope], now, end))
  writeTokens(
    rig.site.path('state/tokens.json'),
    tokens.map(({ stored }) => stored)
  )
  const [{ token }, reader] = tokens as [(typeof tokens)[0], (typeof tokens)[0]]
  const get = async (query: string, headers: Record<string, string> = {}, secret = token) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/egress/denied?${query}`, {
      headers: { authorization: `Bearer ${secret}`, ...headers }
    })
    const body = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, body, text: body.toString() }
  }
  await eventually('the token', async () => (await get('')).status !== 401)
  const { site, gateway } = rig
  return { site, gateway, get, publicKey, reader: reader.token }
}

const elements = (text: string): string[] => text.split('\n').filter(line => /^[0-9a-f]/.test(line))

t.test('firewalls elsewhere fetch what is denied, signed and with a serial', async t => {
  const { get, publicKey, reader, site, gateway } = await start(t)
  const list = 'format=list&network=phones'
  await eventually('the addresses', async () => (await get(list)).text.includes(`\n${APP}\n`))
  const first = await get(list)
  t.strictSame(elements(first.text), [APP, '203.0.113.0/24'])
  t.strictSame(elements((await get(`${list}&ports=dns`)).text), [RESOLVER])
  const excepted = await get('format=list&client=10.20.9.7')
  t.strictSame(elements(excepted.text), ['203.0.113.0/24'], 'what its exception is not about')
  t.match(first.headers.get('content-type'), /^text\/plain/)

  const signature = Buffer.from(first.headers.get('interdict-signature')!, 'base64')
  const key = createPublicKey({
    key: Buffer.from(publicKey, 'base64'),
    format: 'der',
    type: 'spki'
  })
  t.ok(verify(null, first.body, key, signature))
  t.notOk(verify(null, Buffer.concat([first.body, Buffer.from('\n')]), key, signature))
  const serial = Number(first.headers.get('interdict-serial'))
  t.match(first.text, `serial ${serial}\n`)
  const etag = first.headers.get('etag')!
  t.match(await get(list, { 'if-none-match': etag }), { status: 304, text: '' })

  const nft = await get('')
  t.match(nft.text, /table inet interdict_denied \{[^]*192\.0\.2\.10[^]*comment "phones"/)
  t.match((await get('format=ipset')).text, `add interdict_all4_new 10.20.0.0/21,${APP} -exist\n`)

  const denyState = async () => (await gateway.status()).observation!.deny!
  await eventually(
    'what is fetched is in the state',
    async () => (await denyState()).fetched !== null
  )
  // The resolver is denied to both groups of clients, and counts once.
  const { inForce, error, networks: counts } = await denyState()
  t.strictSame({ inForce, error, counts }, { inForce: null, error: null, counts: { phones: 2 } })
  t.notMatch(
    healthOf(await gateway.status()).problems.map(({ code }) => code),
    ['EGRESS_UNDENIED']
  )

  t.match(await get(list, {}, reader), { status: 403, text: /API_SCOPE/ })
  t.match(await get('network=none'), { status: 404, text: /API_NOT_FOUND/ })
  for (const query of ['network=office', 'format=list&client=127.0.0.1', 'client=127.0.0.1'])
    t.match(await get(query), { status: 200, text: /^# nothing is denied$/m }, query)
  for (const query of ['format=list', 'format=pf', `${list}&client=phone`])
    t.match(await get(query), { status: 400, text: /API_REQUEST/ }, query)

  writeFileSync(site.path('rules/networks.yaml'), networks('apps: [app, encrypted-dns, more]'))
  await eventually('a new ban', async () => (await get(list)).text.includes('192.0.2.11'))
  const second = await get(list, { 'if-none-match': etag })
  t.equal(second.status, 200)
  t.ok(Number(second.headers.get('interdict-serial')) > serial, 'the serial grows')
  t.equal(
    (await get(list)).headers.get('interdict-serial'),
    second.headers.get('interdict-serial'),
    'only with a change'
  )

  writeFileSync(
    site.path('rules/networks.yaml'),
    networks('apps: [app, encrypted-dns, more]', 'off')
  )
  await eventually('nothing', async () => (await get('')).text.includes('# nothing is denied'))
  const last = await get('')
  const own = Buffer.from(last.headers.get('interdict-signature')!, 'base64')
  t.ok(verify(null, last.body, key, own), 'firewalls get an empty, signed text')
  t.ok(
    Number(last.headers.get('interdict-serial')) > Number(second.headers.get('interdict-serial'))
  )
  t.notMatch(last.text, '192.0.2')
  t.strictSame(elements((await get(list)).text), [])

  writeFileSync(site.path('export.pem'), 'no key', { mode: 0o600 })
  t.match(await get(list), { status: 503, text: /EGRESS_EXPORT.*PEM/ })
})

t.test('what is not known yet is never an empty list', async t => {
  const { get } = await start(t, '1h')
  await eventually('all names', async () => (await get('')).text.includes('learn-for'))
  const { status, headers, text } = await get('')
  t.equal(status, 503)
  t.match(text, /EGRESS_EXPORT.*egress\.learn-for has not passed since the start/)
  t.equal(headers.get('retry-after'), '30')
})

t.test(
  'with exceptions for most clients, the list of a network is still that of the others',
  async t => {
    const { get, site } = await start(t)
    const list = 'format=list&network=phones'
    await eventually('the addresses', async () => (await get(list)).text.includes(`\n${APP}\n`))
    const rules = networks('apps: [app, encrypted-dns]')
    writeFileSync(
      site.path('rules/networks.yaml'),
      rules.replace('prefixes: [10.20.9.0/24]', "prefixes: [10.20.0.0/17, '2001:db8::/33']")
    )
    const excepted = 'format=list&client=10.20.1.1'
    await eventually('the exception', async () =>
      (await get(excepted)).text.includes('10.20.0.0/17')
    )
    t.notMatch(elements((await get(excepted)).text), [APP])
    t.strictSame(elements((await get(list)).text), [APP, '203.0.113.0/24'])
  }
)

t.test('each network is to be fetched within an hour', t => {
  const at = { now: 0, wall: 1_800_000_000_000 }
  const fetches = new Fetches({ now: () => at.now, wall: () => at.wall })
  const pass = (minutes: number) => {
    at.now += minutes * 60_000
    at.wall += minutes * 60_000
  }
  const networks = ['phones', 'tablets']
  pass(59)
  t.equal(fetches.problem(networks), null)
  t.equal(fetches.oldest(networks), undefined)
  fetches.add(['phones'])
  t.equal(fetches.oldest(networks), undefined, 'one was never fetched')
  pass(1)
  t.match(fetches.problem(networks), /: tablets$/)
  fetches.add(['tablets'])
  t.equal(fetches.problem(networks), null)
  t.equal(fetches.oldest(networks), at.wall - 60_000)
  pass(60)
  t.match(fetches.problem(networks), /: phones, tablets$/)
  t.equal(fetches.problem([]), null)
  t.end()
})

t.test('the serial grows over restarts, also if its file is lost or broken', t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'serial.json')
  let wall = 1_800_000_000_000
  const clock = { now: () => 0, wall: () => wall }
  const set = (address: string) => [
    { network: 'n', clients: ['10.0.0.0/8'], all: [address], dns: [] }
  ]
  const serial = new ExportSerial(file, clock)
  t.equal(serial.of(set(APP)), 1_800_000_000)
  t.equal(serial.of(set(APP)), 1_800_000_000)
  t.equal(serial.of(set(RESOLVER)), 1_800_000_001, 'twice in a second')
  wall -= 60 * MS_PER_SECOND
  const again = new ExportSerial(file, clock)
  t.equal(again.of(set(RESOLVER)), 1_800_000_001, 'unchanged by a restart')
  t.equal(again.of(set(APP)), 1_800_000_002, 'though the clock went back')
  wall += 120 * MS_PER_SECOND
  for (const content of ['{', '{"serial":"x"}', '[]']) {
    writeFileSync(file, content)
    wall += MS_PER_SECOND
    t.equal(new ExportSerial(file, clock).of(set(APP)), wall / MS_PER_SECOND, content)
  }
  t.throws(() => new ExportSerial(join(folder, 'none', 'x'), clock).of(set(APP)), /ENOENT/)
  t.end()
})

t.test('formats', t => {
  const phones = {
    network: 'phones',
    clients: ['10.0.0.0/8', '2001:db8::/32'],
    all: [APP, '2001:db8:1::1'],
    dns: [RESOLVER]
  }
  const all = { network: 'all', clients: ['0.0.0.0/0'], all: ['203.0.113.0/24'], dns: [] }
  const denied = { serial: 7, sets: [phones, all] }
  t.equal(
    listText({ ...denied, sets: [phones] }, phones, { network: 'phones', ports: 'dns' }),
    [
      '# Interdict: denied addresses, serial 7',
      '# network phones',
      '# denied on ports 53, 443, 853 to 10.0.0.0/8, 2001:db8::/32',
      `${RESOLVER}\n`
    ].join('\n')
  )
  const nft = nftText(denied).split('\n')
  t.strictSame(nft.slice(0, 4), [
    '# Interdict: denied addresses, serial 7',
    '# networks phones, all',
    'add table inet interdict_denied',
    'delete table inet interdict_denied'
  ])
  t.strictSame(
    nft.filter(line => line.includes('reject')).map(line => line.trim().replace(/ counter.*/, '')),
    [
      'ip saddr @clients4_0 ip daddr @all4_0',
      'ip saddr @clients4_0 ip daddr @dns4_0 meta l4proto { tcp, udp } th dport { 53, 443, 853 }',
      'ip6 saddr @clients6_0 ip6 daddr @all6_0',
      'ip6 saddr @clients6_0 ip6 daddr @dns6_0 meta l4proto { tcp, udp } th dport { 53, 443, 853 }',
      'ip saddr @clients4_1 ip daddr @all4_1',
      'ip saddr @clients4_1 ip daddr @dns4_1 meta l4proto { tcp, udp } th dport { 53, 443, 853 }'
    ]
  )
  t.strictSame(
    ipsetText(denied)
      .split('\n')
      .filter(line => line.startsWith('add')),
    [
      `add interdict_all4_new 10.0.0.0/8,${APP} -exist`,
      'add interdict_all4_new 0.0.0.0/1,203.0.113.0/24 -exist',
      'add interdict_all4_new 128.0.0.0/1,203.0.113.0/24 -exist',
      `add interdict_dns4_new 10.0.0.0/8,${RESOLVER} -exist`,
      'add interdict_all6_new 2001:db8::/32,2001:db8:1::1 -exist'
    ]
  )
  const many = Array.from({ length: 1_025 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  const huge = { ...phones, clients: many, all: many }
  t.throws(() => ipsetText({ serial: 7, sets: [huge] }), { code: 'EGRESS_EXPORT' })
  t.end()
})
