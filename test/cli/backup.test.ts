import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { writeArchive } from './backup-rig.js'
import { interdict, PROGRAM } from './run.js'
import { listenAddress, startServer } from './server-process.js'

const SETTINGS = `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
cookies: { secret-file: secrets/cookies }
log: { queries: { flush: 10ms, chain: { sign-key: secrets/chain.pem }, privacy: { keys: pseudonyms } } }
`
const COOKIES = `${'0123456789abcdef'.repeat(2)}\n`
const PASSPHRASE = 'correct horse battery staple'

/** A gateway's folder, and one beside it for backups. */
async function siteOf(t: Test) {
  const site = new Site(t, {
    'interdict.yaml': SETTINGS,
    'rules/networks.yaml': banning('banned.example'),
    'secrets/cookies': COOKIES,
    'state/history/000001.jsonl': '{"a":1}\n{"b":2}\n{"half',
    'state/lists/big.list': 'fetched.example\n',
    'state/witness.json': '{}',
    'state/outputs/siem/spooled': 'a lookup\n',
    'state/candidate-x/networks.yaml': '',
    'pseudonyms/2026-12-01.key': 'secret'
  })
  const vault = new Site(t, {
    passphrase: `${PASSPHRASE}\n`,
    wrong: `another ${PASSPHRASE}\n`
  })
  for (const path of [site.path('secrets/cookies'), vault.path('passphrase'), vault.path('wrong')])
    chmodSync(path, 0o600)
  await interdict('bundle', 'keygen', site.path('secrets/chain.pem'))
  const config = site.path('interdict.yaml')
  const backup = (...words: readonly string[]) =>
    interdict('backup', '-c', config, '-o', vault.path('backup'), ...words)
  return { site, vault, config, backup }
}

/** Names of all files below a folder. */
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => statSync(join(folder, name)).isFile())
    .sort()

t.test('a backup has settings, rules, state and secrets, and no lookups and caches', async t => {
  const { site, vault, backup } = await siteOf(t)
  site.write('log/queries.jsonl', '{"a":1}\n')
  site.write('log/chain.jsonl', '{"chain":1}\n')
  const { code, out } = await backup('--json')
  t.equal(code, 0)
  t.match(JSON.parse(out), { files: 6, encrypted: false, missing: [] })
  t.equal(statSync(vault.path('backup')).mode & 0o777, 0o600)
  rmSync(site.folder, { recursive: true, force: true })
  t.match(await interdict('restore', vault.path('backup')), { code: 0 })
  t.strictSame(filesBelow(site.folder), [
    'interdict.yaml',
    'log/chain.jsonl',
    'rules/networks.yaml',
    'secrets/chain.pem',
    'secrets/cookies',
    'state/history/000001.jsonl'
  ])
  t.equal(site.read('state/history/000001.jsonl'), '{"a":1}\n{"b":2}\n', 'cut at a line')
  t.equal(site.read('secrets/cookies'), COOKIES)
  t.equal(statSync(site.path('secrets/cookies')).mode & 0o777, 0o600)
})

t.test('the query log and pseudonym keys by options', async t => {
  const { site, vault, backup } = await siteOf(t)
  const log = {
    'queries.jsonl': '{"a":1}\n{"ha',
    'queries-20261101T000000.000Z.jsonl': '{}\n',
    'archive/day=2026-11-01/queries-20261031T000000.000Z.parquet': 'PAR1',
    'service.log': 'a line\n',
    'chain.jsonl': '{}\n'
  }
  for (const [name, text] of Object.entries(log)) site.write(`log/${name}`, text)
  t.match(await backup('--query-log', '--pseudonym-keys'), { code: 0 })
  rmSync(site.folder, { recursive: true, force: true })
  t.match(await interdict('restore', vault.path('backup')), { code: 0 })
  t.strictSame(filesBelow(site.path('log')), [
    'archive/day=2026-11-01/queries-20261031T000000.000Z.parquet',
    'chain.jsonl',
    'queries-20261101T000000.000Z.jsonl',
    'queries.jsonl'
  ])
  t.equal(site.read('log/queries.jsonl'), '{"a":1}\n')
  t.equal(site.read('pseudonyms/2026-12-01.key'), 'secret')
})

t.test('a gateway is backed up while it runs, restored, and its chain is verified', async t => {
  const { site, vault, config, backup } = await siteOf(t)
  const first = startServer(t, site)
  const endpoint = await listenAddress(first)
  for (let i = 0; i < 5; i++) await askUdp(endpoint, 'banned.example')
  await eventually('the lookups are logged', () => site.records('log/queries.jsonl').length === 5)
  t.match(await interdict('log', 'rotate', '-c', config), { code: 0 })
  await askUdp(endpoint, 'banned.example')
  await eventually('the next is logged', () => site.records('log/queries.jsonl').length === 1)
  await eventually(
    'the chain has the closed file',
    () => site.has('log/chain.jsonl') && site.read('log/chain.jsonl').includes('"kind":"file"')
  )
  t.match(await backup('--query-log'), { code: 0, err: '' })
  t.match(await interdict('restore', vault.path('backup'), '--force'), {
    code: 1,
    err: /a gateway uses .*\/state: process \d+ has locked it; stop it first.* \(RESTORE_RUNNING\)/
  })
  t.match(await interdict('restore', vault.path('backup')), { code: 1, err: /RESTORE_EXISTS/ })
  first.child.kill('SIGTERM')
  t.equal(await first.ended, 0)

  rmSync(site.folder, { recursive: true, force: true })
  t.match(await interdict('restore', vault.path('backup')), { code: 0, out: /^Restored \d+ files/ })
  const second = startServer(t, site)
  const again = await listenAddress(second)
  t.match(await askUdp(again, 'banned.example'), { rcode: 'NXDOMAIN' })
  await eventually('it is logged after those of the backup', () =>
    [2, 7].includes(site.records('log/queries.jsonl').length)
  )
  second.child.kill('SIGTERM')
  t.equal(await second.ended, 0)
  const { out } = await interdict('verify-log', '-c', config, '--json')
  const { breaks, files, unproven } = JSON.parse(out) as {
    breaks: object[]
    files: number
    unproven: object[]
  }
  // The open file awaits its first checkpoint.
  t.strictSame(
    { breaks, files, unproven },
    {
      breaks: [],
      files: 1,
      unproven: [{ kind: 'live', at: 'queries.jsonl' }]
    }
  )
})

t.test('--check verifies the files, and checks settings and rules elsewhere', async t => {
  const { site, vault, config, backup } = await siteOf(t)
  t.match(await backup(), { code: 0 })
  const check = (file = 'backup') => interdict('backup', '--check', vault.path(file))
  const before = filesBelow(site.folder)
  const good = await check()
  t.match(good, { code: 0, err: '' })
  t.match(good.out, /: 5 files of .*: intact\n/)
  t.match(good.out, /no errors/)
  t.strictSame(filesBelow(site.folder), before, 'nothing was written')
  // It reads nothing from where the files were.
  renameSync(site.folder, vault.path('moved'))
  t.match(await check(), { code: 0 })
  t.match(
    (await interdict('backup', '--check', vault.path('backup'), '--json')).out,
    /"intact|"check"/
  )
  renameSync(vault.path('moved'), site.folder)

  rmSync(vault.path('backup'))
  site.write('rules/networks.yaml', 'networks: [')
  t.match(await backup(), { code: 0 }, 'rules that do not load are backed up as they are')
  const bad = await check()
  t.equal(bad.code, 1)
  t.match(bad.out, new RegExp(`^${site.path('rules/networks.yaml')}:1:\\d+: `, 'm'))
  site.write('rules/networks.yaml', banning('banned.example'))

  rmSync(vault.path('backup'))
  rmSync(site.path('secrets/cookies'))
  const { out } = await backup()
  t.match(out, /not in the backup, as it does not exist: .*cookies \(cookies\.secret-file\)/)
  const missing = await check()
  t.match(missing, { code: 1, out: /COOKIE_SECRETS_UNREADABLE/ })
  t.match(missing.out, new RegExp(site.path('secrets/cookies')))
  t.notMatch(missing.out, /interdict-backup-/, 'no path of the temporary folder')
  t.equal(existsSync(config), true)
})

/** Whether two files that gzip has made unpack to the same. */
function hasSameContent(one: Buffer, other: Buffer): boolean {
  try {
    return gunzipSync(one).equals(gunzipSync(other))
  } catch {
    return false
  }
}

t.test('a backup that is damaged or cut off anywhere is refused', async t => {
  const { vault, backup } = await siteOf(t)
  const path = vault.path('damaged')
  const cases = [
    { words: [], places: 12 },
    // To derive the key from the passphrase takes most of the time.
    { words: ['--passphrase-file', vault.path('passphrase')], places: 4 }
  ]
  for (const { words, places } of cases) {
    rmSync(vault.path('backup'), { force: true })
    t.match(await backup(...words), { code: 0 })
    const whole = readFileSync(vault.path('backup'))
    const check = async (what: string): Promise<void> => {
      const { code, err } = await interdict('backup', '--check', path, ...words)
      t.match({ code, err }, { code: 1, err: /\((BACKUP_BROKEN|BACKUP_KEY)\)\n$/ }, what)
    }
    for (let i = 0; i < places; i++) {
      // From 10 on: the time and system in the header of gzip mean nothing.
      const at = 10 + Math.floor((i * (whole.length - 11)) / (places - 1))
      const octets = Buffer.from(whole)
      octets[at]! ^= 0x40
      writeFileSync(path, octets)
      // Bits between blocks of compressed data mean nothing.
      if (!hasSameContent(octets, whole)) await check(`octet ${at} changed`)
      writeFileSync(path, whole.subarray(0, at))
      await check(`cut off after ${at}`)
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.from('more')]))
    await check('data follows')
    t.match(await interdict('restore', path, '--root', vault.path('new'), ...words), { code: 1 })
    t.notOk(existsSync(vault.path('new')), 'nothing was restored')
  }
  writeFileSync(path, 'no backup')
  t.match(await interdict('backup', '--check', path), { code: 1, err: /it is not a backup/ })
})

t.test('a backup is encrypted by a passphrase or to an RSA key', async t => {
  const { site, vault, backup } = await siteOf(t)
  const given = (...words: readonly string[]) =>
    interdict('backup', '--check', vault.path('backup'), ...words)
  const own = ['--passphrase-file', vault.path('passphrase')]
  t.match(await backup(...own), { code: 0, out: /, encrypted\n/ })
  t.notOk(readFileSync(vault.path('backup')).includes('banned'))
  t.match(await given(...own), { code: 0 })
  t.match(await given(), {
    code: 1,
    err: /it is encrypted; give --passphrase-file or --key \(BACKUP_KEY\)/
  })
  t.match(await given('--passphrase-file', vault.path('wrong')), {
    code: 1,
    err: /wrong passphrase, or encrypted to another key \(BACKUP_KEY\)/
  })
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { privateKey: other } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { publicKey: curve } = generateKeyPairSync('ed25519')
  vault.write('to.pem', publicKey.export({ type: 'spki', format: 'pem' }))
  vault.write('curve.pem', curve.export({ type: 'spki', format: 'pem' }))
  vault.write('own.key', privateKey.export({ type: 'pkcs8', format: 'pem' }))
  vault.write('other.key', other.export({ type: 'pkcs8', format: 'pem' }))
  rmSync(vault.path('backup'))
  t.match(await backup('--recipient', vault.path('to.pem')), { code: 0 })
  t.match(await given('--key', vault.path('own.key')), { code: 0 })
  t.match(await given('--key', vault.path('other.key')), { code: 1, err: /BACKUP_KEY/ })
  t.match(await given(...own), { code: 1, err: /BACKUP_KEY/ })
  t.match(
    await interdict(
      'restore',
      vault.path('backup'),
      '--root',
      vault.path('new'),
      '--key',
      vault.path('own.key')
    ),
    { code: 0 }
  )
  t.equal(readFileSync(join(vault.path('new'), site.path('secrets/cookies')), 'utf8'), COOKIES)
  rmSync(vault.path('backup'))
  t.match(await backup('--recipient', vault.path('curve.pem')), {
    code: 1,
    err: /expected an RSA key \(BACKUP_RECIPIENT\)/
  })
  chmodSync(vault.path('passphrase'), 0o644)
  t.match(await backup(...own), { code: 1, err: /mode 644 is too open.*BACKUP_RECIPIENT/ })
  vault.write('short', 'short')
  chmodSync(vault.path('short'), 0o600)
  t.match(await backup('--passphrase-file', vault.path('short')), {
    code: 1,
    err: /less than 12 characters/
  })
  t.notOk(existsSync(vault.path('backup')))
})

t.test('a restore moves rules and state aside, and nothing of them stays in force', async t => {
  const { site, vault, backup } = await siteOf(t)
  t.match(await backup(), { code: 0 })
  site.write('rules/apps/later.yaml', 'app: later\n')
  site.write('state/later.json', '{}')
  site.write('interdict.yaml', `${SETTINGS}# changed\n`)
  const restore = (...words: readonly string[]) =>
    interdict('restore', vault.path('backup'), ...words)
  const refused = await restore()
  t.match(refused, {
    code: 1,
    err: /^\d files exist already, such as .*interdict\.yaml; nothing was restored.*RESTORE_EXISTS/
  })
  t.match(site.read('interdict.yaml'), /changed/)
  const { code, out } = await restore('--force', '--json')
  t.equal(code, 0)
  const { moved } = JSON.parse(out) as { moved: string[] }
  t.equal(site.read('interdict.yaml'), SETTINGS)
  t.notOk(site.has('rules/apps'))
  t.notOk(site.has('state/later.json'))
  t.ok(site.has('state/lists/big.list'), 'copies of lists stay')
  t.match(
    readFileSync(
      moved.find(path => path.includes('interdict.yaml.replaced'))!,
      'utf8'
    ),
    /changed/
  )
  t.ok(moved.some(path => /rules\/\.replaced-[^/]+\/apps$/.test(path)))
  rmSync(vault.path('backup'))
  t.match(
    await backup('--json'),
    { code: 0, out: /"files": 5,/ },
    'what was put aside is not backed up'
  )
})

const BARE = "listen: ['127.0.0.1:0']\nrules: rules\nstate: { folder: state }\n"

t.test('entries that lead elsewhere are refused, and nothing is written', async t => {
  const site = new Site(t, {})
  const path = site.path('made')
  const settings = { name: 'gw/interdict.yaml', text: BARE }
  const restore = () => interdict('restore', path, '--root', site.path('root'))
  const rule = { name: 'gw/rules/networks.yaml', text: 'networks: {}\n' }
  writeArchive(path, [settings, rule])
  t.match(await restore(), { code: 0 }, 'this form is accepted')
  rmSync(site.path('root'), { recursive: true })
  const link = { type: 'SymbolicLink', linkpath: '/etc' } as const
  for (const more of [
    { name: '../gw/rules/x.yaml', text: 'x' },
    { name: 'gw/rules/../../x', text: 'x' },
    { name: '/gw/rules/x', text: 'x' },
    { name: 'gw/rules/./x', text: 'x' },
    { name: 'etc/passwd', text: 'x' },
    { name: 'gw/rulesx', text: 'x' },
    { name: 'gw/rules/networks.yaml', text: 'twice' }
  ]) {
    writeArchive(path, [settings, rule, more])
    t.match(await restore(), { code: 1, err: /BACKUP_ENTRY/ }, `listed: ${more.name}`)
  }
  for (const more of [
    { name: 'gw/rules/x', ...link },
    { name: 'gw/rules/x', ...link, type: 'Link' as const },
    { name: 'gw/rules/x', type: 'CharacterDevice' as const },
    { name: 'gw/rules/unlisted', text: 'x' }
  ]) {
    writeArchive(path, [settings, rule], more)
    t.match(await restore(), { code: 1, err: /BACKUP_ENTRY/ }, `${more.name} ${'type' in more}`)
  }
  t.notOk(site.has('root'))

  writeArchive(path, [settings, rule])
  mkdirSync(site.path('root/gw'), { recursive: true })
  mkdirSync(site.path('elsewhere'))
  mkdirSync(site.path('root/gw/rules'))
  writeArchive(path, [settings, { ...rule, name: 'gw/rules/apps/x.yaml' }])
  symlinkSync(site.path('elsewhere'), site.path('root/gw/rules/apps'))
  t.match(await restore(), { code: 0 }, 'a link in rules is moved aside')
  t.strictSame(readdirSync(site.path('elsewhere')), [])
})

t.test('a link in the log folder does not lead a restore out of it', async t => {
  const site = new Site(t, {})
  const settings = { name: 'gw/interdict.yaml', text: BARE }
  writeArchive(site.path('made'), [settings, { name: 'gw/log/archive/x', text: 'x' }])
  mkdirSync(site.path('root/gw/log'), { recursive: true })
  mkdirSync(site.path('elsewhere'))
  symlinkSync(site.path('elsewhere'), site.path('root/gw/log/archive'))
  const { code, err } = await interdict('restore', site.path('made'), '--root', site.path('root'))
  t.match(
    { code, err },
    { code: 1, err: /a symbolic link leads out of .*log; .*\(RESTORE_INCOMPLETE\)/ }
  )
  t.strictSame(readdirSync(site.path('elsewhere')), [])
})

t.test('an unreadable file, an existing backup and a wrong use are refused', async t => {
  const { site, vault, config, backup } = await siteOf(t)
  t.match(await backup(), { code: 0 })
  t.match(await backup(), { code: 1, err: /it exists already \(BACKUP_WRITE\)/ })
  rmSync(vault.path('backup'))
  symlinkSync('nowhere', site.path('state/dangling'))
  t.match(await backup(), { code: 0 }, 'a link that leads nowhere is no file')
  rmSync(vault.path('backup'))
  rmSync(site.path('secrets/cookies'))
  mkdirSync(site.path('secrets/cookies'))
  t.match(await backup(), { code: 1, err: /cannot back up .*cookies: .*\(BACKUP_READ\)/ })
  t.strictSame(
    readdirSync(vault.folder).filter(name => name.startsWith('backup')),
    []
  )
  t.match(await interdict('backup', '-c', config), { code: 2, err: /give -o FILE/ })
  const at = ['-o', vault.path('backup')]
  t.match(await interdict('backup', '-c', config, ...at, '--key', 'x'), { code: 2 })
  const file = vault.path('passphrase')
  const two = ['--passphrase-file', file, '--recipient', file]
  t.match(await interdict('backup', '-c', config, ...at, ...two), { code: 2, err: /not both/ })
})

/** Peak memory of a command in MB. */
async function peakOf(vault: Site, ...words: readonly string[]): Promise<number> {
  vault.write(
    'peak.mjs',
    "process.on('exit', () => console.error(`peak ${process.resourceUsage().maxRSS}`))"
  )
  const command = ['--import', vault.path('peak.mjs'), PROGRAM, ...words]
  const env = { ...process.env, NODE_OPTIONS: undefined }
  const { stderr } = await promisify(execFile)(process.execPath, command, { env })
  return Number(/peak (\d+)/.exec(stderr)![1]) / 1024
}

t.test('100 MB are copied, checked and restored piece by piece', async t => {
  const { site, vault, config } = await siteOf(t)
  const key = ['--passphrase-file', vault.path('passphrase')]
  const measure = async (name: string): Promise<number[]> => {
    const path = vault.path(name)
    return [
      await peakOf(vault, 'backup', '-c', config, '-o', path, ...key),
      await peakOf(vault, 'backup', '--check', path, ...key),
      await peakOf(vault, 'restore', path, '--root', vault.path(`${name}-restored`), ...key)
    ]
  }
  const small = await measure('small')
  // Random octets, so that the backup is as large.
  const block = randomBytes(1024 * 1024)
  for (let i = 0; i < 100; i++) appendFileSync(site.path('state/history/large'), block)
  const large = await measure('large')
  t.ok(statSync(vault.path('large')).size > 100_000_000)
  for (const [i, peak] of large.entries())
    t.ok(peak < small[i]! + 80, `${peak} MB, ${small[i]} MB without the file`)
  const restored = join(vault.path('large-restored'), site.path('state/history/large'))
  t.equal(statSync(restored).size, 100 * block.length)
})
