import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { Directive } from '../../src/sources/migrate/draft/migration.js'
import { interdict } from './run.js'

const FIXTURES = 'test/fixtures/migrate'

function emptyFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-migrate-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Report {
  readonly settings: Readonly<Record<'carried' | 'unneeded' | 'open', number>>
  readonly directives: readonly Directive[]
  readonly errors: readonly unknown[]
}

interface Network {
  readonly prefixes: readonly string[]
  readonly extends: readonly string[]
  readonly allow: readonly unknown[]
  readonly block: readonly { readonly names?: readonly string[] }[]
  readonly dns64: string
}
interface Rules {
  readonly defaults: {
    readonly records: readonly unknown[]
    readonly 'record-files': readonly { readonly file: string }[]
  }
  readonly networks: Readonly<Record<string, Network>>
}
interface Settings {
  readonly listen: readonly string[]
  readonly upstreams: {
    readonly servers: readonly string[]
    readonly forward: Readonly<Record<string, readonly string[]>>
  }
  readonly transfers: { readonly primaries: unknown }
}

/** Migrates a fixture. Every reader's output must pass `check`. */
async function migrated(t: Test, source: string) {
  const folder = join(emptyFolder(t), 'new')
  const made = await interdict('migrate', join(FIXTURES, source), folder, '--json')
  t.match(made, { code: 0, err: '' })
  const report = JSON.parse(made.out) as Report
  t.strictSame(report.errors, [])
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
  const rules = parse(read('rules/networks.yaml')) as Rules
  const settings = parse(read('interdict.yaml')) as Settings
  const open = report.directives.filter(({ outcome }) => outcome === 'open').map(({ text }) => text)
  return { folder, report, read, rules, settings, open }
}

/** How many settings of a file the report has. */
function reported({ directives }: Report, file: string): number {
  const found = directives.filter(it => it.file.endsWith(file))
  return found.reduce((sum, { count }) => sum + count, 0)
}

t.test('Unbound: every setting is carried over or listed', async t => {
  const { report, rules, settings, open, read } = await migrated(t, 'unbound.conf')
  const lines = readFileSync(join(FIXTURES, 'unbound.conf'), 'utf8').split('\n')
  const written = lines.flatMap((line, i) => (/^\s*[a-z\d-]+:\s+\S/.test(line) ? [i + 1] : []))
  const listed = report.directives.filter(it => it.file.endsWith('unbound.conf') && it.count > 0)
  t.strictSame(
    listed.map(({ line }) => line).sort((a, b) => a - b),
    written
  )
  t.strictSame(settings.listen, ['0.0.0.0:53', '[::]:5353'])
  t.strictSame(settings.upstreams.servers, ['tls://9.9.9.9#dns.quad9.net'])
  t.strictSame(settings.upstreams.forward, { 'corp.example': ['10.0.0.53', '[2001:db8::53]:5353'] })
  t.strictSame(rules.networks.clients?.prefixes, ['127.0.0.0/8', '::1/128', '10.0.0.0/8'])
  t.strictSame(rules.networks.clients?.dns64, '64:ff9b::/96')
  t.match(rules.defaults.records, [
    { name: 'nas.home.example', a: '192.168.1.5' },
    { name: 'mail.home.example', mx: '10 nas.home.example.', ttl: '300s' },
    { name: 'text.home.example', txt: '"a b"' },
    { name: '5.1.168.192.in-addr.arpa', ptr: 'nas.home.example' }
  ])
  t.equal(read('rules/lists/unbound-nxdomain.txt'), 'tracker.example\n')
  t.ok(open.includes('forward-zone: forward-addr: 1.1.1.1'), 'TLS without a name')
  t.ok(open.includes('evil.example.rpz-nsdname CNAME .'))
  t.ok(open.includes('old DNAME new.example.'))
  t.ok(open.includes('include: missing.conf'))
  t.match(read('rules/records/lab.example.zone'), '\n; old DNAME')
})

t.test('BIND: every statement is carried over or listed', async t => {
  const { report, rules, settings, open, read } = await migrated(t, 'named.conf')
  const text = readFileSync(join(FIXTURES, 'named.conf'), 'utf8').replace(
    /\/\/.*|\/\*[^]*?\*\//g,
    ''
  )
  const statements = text.split(';').length - text.split('}').length
  t.equal(reported(report, 'named.conf'), statements)
  t.strictSame(rules.networks.clients?.block, [
    { lists: ['rpz-example'], action: 'nxdomain' },
    { lists: ['feed-example'] }
  ])
  t.strictSame(settings.transfers.primaries, {
    'primary-1': { address: '192.0.2.7', key: 'transfer.example' }
  })
  t.equal(read('keys/transfer.example'), 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n')
  t.strictSame(settings.upstreams, {
    servers: ['9.9.9.9', '10.0.0.53:5353'],
    forward: { 'corp.example': ['10.0.0.53'], 'branch.example': ['192.0.2.8'] }
  })
  t.ok(open.includes('zone gone.example, primary'))
  t.ok(open.includes('view lab { … }'))
  t.notMatch(JSON.stringify(report), 'c2VjcmV0', 'no secret in the report')
})

t.test('a response policy zone alone', async t => {
  const { rules, open } = await migrated(t, 'rpz.zone')
  t.strictSame(rules.networks.clients?.block, [{ lists: ['rpz'] }])
  t.strictSame(open, ['evil.example.rpz-nsdname CNAME .'])
})

/** Number of values in YAML that have no others in them. */
function leavesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  const items = Object.values(value)
  return items.length === 0 ? 1 : items.reduce((sum: number, item) => sum + leavesOf(item), 0)
}

t.test('AdGuard Home: every setting is carried over or listed', async t => {
  const { report, rules, settings, open, read } = await migrated(t, 'AdGuardHome.yaml')
  const source = parse(readFileSync(join(FIXTURES, 'AdGuardHome.yaml'), 'utf8')) as unknown
  t.equal(reported(report, 'AdGuardHome.yaml'), leavesOf(source))
  t.strictSame(rules.networks['kids-tablet'], {
    description: 'Client Kids tablet of AdGuard Home',
    extends: ['filtered'],
    prefixes: ['192.168.1.50/32'],
    forward: { '.': ['1.1.1.3'] },
    block: [{ apps: ['youtube'] }]
  })
  t.strictSame(rules.networks.clients?.block, [{ apps: ['tiktok', 'bytedance-shared', 'x'] }])
  t.strictSame(rules.networks.filtered?.allow, [{ lists: ['allow'] }, 'good.example'])
  t.equal(read('rules/lists/custom-rules.txt'), '||ads.example^\n192.168.1.7 printer.example\n')
  t.equal(settings.upstreams.servers[0], 'https://dns10.quad9.net/dns-query@9.9.9.10')
  t.strictSame(settings.upstreams.forward.lan, ['10.0.0.53:5353'])
  t.strictSame(
    rules.defaults['record-files'].map(({ file }) => file),
    ['bing', 'google', 'youtube-moderate'].map(name => `safe-search/${name}.zone`)
  )
  t.ok(open.includes('user_rules: /ad[0-9]+/'))
  t.ok(open.includes('dns.upstream_dns: quic://dns.adguard-dns.com'))
  t.notMatch(JSON.stringify(report), 'xyz', 'no password in the report')
})

t.test('Pi-hole 6: every row and key is carried over or listed', async t => {
  const { report, rules, settings, open } = await migrated(t, 'pi-hole-6.zip')
  const rows = { group: 3, adlist: 5, adlist_by_group: 5, domainlist: 66, client: 5 }
  for (const [table, count] of Object.entries(rows))
    t.equal(reported(report, `/${table}`), count, table)
  t.equal(reported(report, '/domainlist_by_group'), 66)
  t.equal(reported(report, '/client_by_group'), 6)
  // 16 keys, and 3 lines of dnsmasq in one of them.
  t.equal(reported(report, 'pihole.toml'), 19)
  t.equal(reported(report, 'etc/hosts') + reported(report, 'dhcp.leases'), 3)
  t.equal(rules.networks['group-default']?.block[1]?.names?.length, 61)
  t.strictSame(rules.networks['clients-default-kids']?.extends, ['group-default', 'group-kids'])
  t.strictSame(rules.networks['clients-default-kids']?.prefixes, [
    '192.168.1.50/32',
    '192.168.2.0/24'
  ])
  t.strictSame(rules.networks.unfiltered?.prefixes, ['192.168.1.70/32'])
  t.strictSame(settings.upstreams.servers, ['9.9.9.9', '127.0.0.1:5335'])
  t.equal(Object.keys(settings.upstreams.forward).length, 6)
  t.ok(open.includes('client AA:BB:CC:DD:EE:FF'))
  t.ok(open.includes('denied regex ^ad[0-9]+\\.'))
  t.notMatch(JSON.stringify(report), 'BALLOON', 'no password in the report')
})

t.test('Pi-hole 5', async t => {
  const { report, rules, settings, open } = await migrated(t, 'pi-hole-5.tar.gz')
  t.equal(reported(report, 'setupVars.conf'), 11)
  t.strictSame(settings.upstreams.forward, {
    '1.168.192.in-addr.arpa': ['192.168.1.1'],
    lan: ['192.168.1.1']
  })
  t.match(rules.defaults.records, [{ name: 'nas.lan' }, { name: 'files.lan', cname: 'nas.lan' }])
  t.strictSame(open, ['denied regex ^x[0-9]', 'DNSSEC=true', 'DHCP_ACTIVE=true'])
})

t.test('as text, with other addresses', async t => {
  const folder = join(emptyFolder(t), 'new')
  const source = join(FIXTURES, 'unbound.conf')
  const made = await interdict('migrate', source, folder, '--listen', '127.0.0.1:5300')
  t.match(made, { code: 0, err: '' })
  t.match(made.out, /^Unbound: \d+ settings carried over, \d+ not needed, \d+ to do$/m)
  t.match(made.out, `${source}:28: bogus-key: 1`)
  t.match(readFileSync(join(folder, 'interdict.yaml'), 'utf8'), 'listen:\n  - 127.0.0.1:5300\n')
  t.match(readFileSync(join(folder, 'migration.txt'), 'utf8'), 'Carried over\n')
  t.match(await interdict('migrate', source, folder), { code: 1, err: 'INIT_EXISTS' })
})

t.test('what cannot be read', async t => {
  const folder = emptyFolder(t)
  const source = join(folder, 'source')
  const cases: readonly (readonly [string | Uint8Array, readonly string[], string])[] = [
    ['hello\n', [], 'MIGRATE_UNKNOWN'],
    ['dns: [', ['--kind', 'adguard-home'], 'MIGRATE_UNREADABLE'],
    ['options {', ['--kind', 'bind'], 'a brace is not closed'],
    [Buffer.from('PK\x03\x04'), [], 'cut off'],
    [Buffer.from([0x1f, 0x8b, 8]), [], 'MIGRATE_UNREADABLE']
  ]
  for (const [content, options, err] of cases) {
    writeFileSync(source, content)
    t.match(await interdict('migrate', source, join(folder, 'new'), ...options), {
      code: 1,
      out: '',
      err
    })
    t.notOk(existsSync(join(folder, 'new')))
  }
  t.match(await interdict('migrate', join(folder, 'none'), folder), {
    code: 1,
    err: 'MIGRATE_UNREADABLE'
  })
  t.match(await interdict('migrate', source, folder, '--kind', 'x'), {
    code: 2,
    err: 'adguard-home'
  })
})
