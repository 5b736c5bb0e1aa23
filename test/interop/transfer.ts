/**
 * Response policy zones from BIND, NSD and Knot: transferred whole and signed, changed after a
 * NOTIFY, and in force after a restart without a primary. Run by `npm run test:interop`.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { install, NAME_SERVERS } from '../../tools/install.js'
import { startBind, startKnot, startNsdPrimary, type SharedKey } from './primaries.js'
import { dig, eventually, interdict, site, startInterdict, type Site } from './processes.js'

install(...NAME_SERVERS)
t.setTimeout(300_000)

const ZONE = 'rpz.example'
const NAMES = 2_000

/** The zone as text, with so many names that its changes are less than all of it. */
function zone(serial: number, names: readonly string[]): string {
  const many = Array.from({ length: NAMES }, (_, i) => `name-${i}.example CNAME .\n`)
  return `$TTL 60
@ SOA ns.rpz.example. admin.rpz.example. ${serial} 3600 600 86400 60
@ NS ns.rpz.example.
ns A 127.0.0.1
odd.example TXT "a; \\"quoted\\" text" "and more"
odd.example CAA 0 issue "ca.example"
*.wild.example CNAME *.
own.example A 192.0.2.80
${many.join('')}${names.map(name => `${name} CNAME .\n`).join('')}`
}

const PRIMARIES = [
  { it: 'BIND', start: startBind, algorithm: 'hmac-sha256' },
  { it: 'NSD', start: startNsdPrimary, algorithm: 'hmac-sha512' },
  { it: 'Knot', start: startKnot, algorithm: 'hmac-sha256' }
] as const

for (const { it, start, algorithm } of PRIMARIES) {
  t.test(`a zone of ${it}, signed with ${algorithm}`, async t => {
    const key = { name: 'transfer.example', algorithm, secret: randomBytes(32).toString('base64') }
    const at = await siteOf(t)
    const wanted = { zone: ZONE, text: zone(1, ['one.example']), key, secondary: at.port }
    const primary = await start(t, wanted)
    setUp(at, primary.port, key)
    const first = await startInterdict(t, at)
    await first.says('zone refreshed')
    await isBanned(at, 'one.example')
    t.match(await status(at, 'own.example'), /NOERROR/, 'what the zone has of its own')
    t.match(await status(at, 'below.wild.example'), /NOERROR/)
    t.match(await status(at, 'two.example'), /SERVFAIL/, 'what it has not; there is no upstream')
    t.match(await lists(at), /^rpz +rpz.example +2,005 /m)

    // A file that was written in the same second as the one before may be taken for it.
    await sleep(1_500)
    primary.change(zone(2, ['two.example']))
    await isBanned(at, 'two.example')
    t.match(await status(at, 'one.example'), /SERVFAIL/, 'what is no longer in it')
    await first.says(/"serial":2.*"from":"ixfr","changes":2/)
    t.match(await lists(at), /serial 2 of hq/)

    await sleep(1_500)
    primary.change(zone(3, ['two.example', 'three.example']))
    await isBanned(at, 'three.example')
    first.signal('SIGTERM')
    t.equal(await first.ended, 0)
    primary.program.signal('SIGKILL')
    await startInterdict(t, at)
    for (const name of ['two.example', 'three.example']) await isBanned(at, name)
    t.match(await status(at, 'one.example'), /SERVFAIL/)
  })

  t.test(`${it} with another secret: nothing is taken`, async t => {
    const key = { name: 'transfer.example', algorithm, secret: randomBytes(32).toString('base64') }
    const at = await siteOf(t)
    const wanted = { zone: ZONE, text: zone(1, ['one.example']), key, secondary: at.port }
    const { port } = await start(t, wanted)
    setUp(at, port, { ...key, secret: randomBytes(32).toString('base64') })
    const running = await startInterdict(t, at)
    await running.says(/TRANSFER_TSIG.*BADSIG/)
    t.match(await status(at, 'one.example'), /SERVFAIL/)
  })
}

async function siteOf(t: Test): Promise<Site> {
  return site(
    t,
    '',
    `networks: { all: { prefixes: [127.0.0.0/8], block: [{ lists: [rpz] }] } }
lists: { rpz: { transfer: ${ZONE} } }
`
  )
}

function setUp(at: Site, primary: number, key: SharedKey): void {
  const { port } = at
  at.write('secret', `${key.secret}\n`)
  at.write(
    'interdict.yaml',
    `listen: ['127.0.0.1:${port}']
workers: 1
rules: rules
upstreams: { use-resolv-conf: false }
log: { queries: { which: none } }
transfers:
  primaries: { hq: { address: '127.0.0.1:${primary}', key: ${key.name} } }
  keys: { ${key.name}: { algorithm: ${key.algorithm}, secret-file: secret } }
`
  )
}

async function status({ port }: Site, name: string): Promise<string> {
  return dig(['@127.0.0.1', '-p', String(port), name, '+noall', '+comments'])
}

async function isBanned(at: Site, name: string): Promise<void> {
  await eventually(`${name} is banned`, 20, async () =>
    (await status(at, name)).includes('NXDOMAIN')
  )
}

async function lists({ dir }: Site): Promise<string> {
  return (await interdict('-c', `${dir}/interdict.yaml`, 'lists')).text
}
