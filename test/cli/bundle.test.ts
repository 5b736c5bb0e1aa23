import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { encodeBundle } from '../../src/sources/bundle/bundle.js'
import { FILES, interdict, writeSite } from './run.js'

/** A site with a rules folder, a bundle of it, and two key pairs. */
async function signed(t: Test) {
  const config = writeSite(t, FILES)
  const at = (name: string): string => join(dirname(config), name)
  const [one, two] = [
    await interdict('bundle', 'keygen', at('one.pem')),
    await interdict('bundle', 'keygen', at('two.pem'))
  ]
  const bundle = at('rules.bundle')
  const words = [
    'bundle',
    at('rules'),
    '-o',
    bundle,
    '-k',
    at('one.pem'),
    '--serial',
    '7',
    '-c',
    config
  ]
  const made = await interdict(...words)
  return { config, at, bundle, made, keys: [one.out.trim(), two.out.trim()] as const }
}

t.test('creates, shows, signs and verifies a bundle', async t => {
  const { at, bundle, made, keys } = await signed(t)
  t.match(made, { code: 0, out: /serial 7, SHA-256 [0-9a-f]{64}\n2 files/ }, made.err)
  t.equal(statSync(at('one.pem')).mode & 0o777, 0o600, 'the private key is for its owner alone')
  const both = ['bundle', 'verify', bundle, '--signatures', '2', '--trust', ...keys]
  t.match(await interdict(...both), { code: 1, err: /BUNDLE_UNSIGNED/ })
  t.match(await interdict('bundle', 'sign', bundle, '-k', at('two.pem')), { code: 0 })
  t.match(await interdict(...both), {
    code: 0,
    out: new RegExp(`signed by ${keys[1].slice(0, 20).replaceAll('+', '\\+')}`)
  })
  writeFileSync(at('one.pub'), `${keys[0]}\n`)
  const byFile = ['bundle', 'verify', bundle, '--trust', at('one.pub')]
  t.match(await interdict(...byFile), { code: 0 }, 'a file with a key, as keygen prints it')
  const shown = JSON.parse((await interdict('bundle', 'show', bundle, '--json')).out) as object
  t.match(shown, {
    serial: 7,
    signers: keys,
    files: [{ name: 'apps/clip.yaml' }, { name: 'networks.yaml' }]
  })
  t.strictSame(JSON.parse((await interdict(...both, '--json')).out), shown, 'the same of verify')
  const again = await interdict('bundle', 'sign', bundle, '-k', at('two.pem'), '--json')
  t.strictSame(JSON.parse(again.out), shown, 'and of sign')
  const created = await interdict('bundle', at('rules'), '-o', at('x'), '--serial', '7', '--json')
  t.match(JSON.parse(created.out), { serial: 7, signers: [], files: [{}, {}] }, created.err)
  const key = await interdict('bundle', 'keygen', at('three.pem'), '--json')
  t.match(JSON.parse(key.out), { file: at('three.pem'), publicKey: /^MCow/ })
  t.match(await interdict('bundle', 'show', bundle), { code: 0, out: / networks\.yaml\n$/ })
})

t.test(
  'shows the trust anchors that a bundle brings, even if other rules in it are invalid',
  async t => {
    const anchors = [
      `corp.example DS 12345 13 2 ${'AB'.repeat(32)}`,
      `. DS 1 8 2 ${'0C'.repeat(32)}`
    ]
    const { config, at, bundle } = await signed(t)
    const networks = readFileSync(at('rules/networks.yaml'), 'utf8')
    const dnssec = `dnssec:\n  trust-anchors:\n${anchors.map(anchor => `    - ${anchor}\n`).join('')}`
    writeFileSync(at('rules/networks.yaml'), networks + dnssec)
    await interdict('bundle', at('rules'), '-o', at('anchors.bundle'), '-c', config)
    const { out, err } = await interdict('bundle', 'show', at('anchors.bundle'))
    for (const anchor of anchors) t.match(out, `\ntrust anchor ${anchor}\n`, err)
    const json = await interdict('bundle', 'show', at('anchors.bundle'), '--json')
    t.match(JSON.parse(json.out), { trustAnchors: anchors })
    t.match(JSON.parse((await interdict('bundle', 'show', bundle, '--json')).out), {
      trustAnchors: []
    })
    const content = new Map([
      ['networks.yaml', Buffer.from(`${dnssec}networks: 12\nnetworks: [}`)],
      ['apps/x.yaml', Buffer.from('\xff')]
    ])
    const making = { serial: 8, created: 1_700_000_000, expires: 1_800_000_000, keys: [] }
    writeFileSync(at('broken.bundle'), await encodeBundle(content, making))
    const broken = await interdict('bundle', 'show', at('broken.bundle'), '--json')
    t.match(JSON.parse(broken.out), { trustAnchors: anchors }, broken.err)
  }
)

t.test('never overwrites a key', async t => {
  const { at } = await signed(t)
  const before = readFileSync(at('one.pem'), 'utf8')
  t.match(await interdict('bundle', 'keygen', at('one.pem')), { code: 1, err: /BUNDLE_WRITE/ })
  t.equal(readFileSync(at('one.pem'), 'utf8'), before)
})

t.test('the same folder yields the same hash', async t => {
  const { config, at, bundle } = await signed(t)
  const again = ['bundle', at('rules'), '-o', at('again.bundle'), '-c', config]
  t.match(await interdict(...again), { code: 0, out: /not signed/ })
  const hashOf = async (file: string): Promise<string> =>
    (JSON.parse((await interdict('bundle', 'show', file, '--json')).out) as { sha256: string })
      .sha256
  t.equal(await hashOf(bundle), await hashOf(at('again.bundle')))
})

t.test('does not pack invalid rules, nor rules that fail their tests', async t => {
  const { config, at } = await signed(t)
  const test =
    'tests:\n  - title: x\n    columns: [client, name, expect]\n    rows: [[10.20.1.1, tracker.example, forwarded]]\n'
  const words = ['bundle', at('rules'), '-o', at('new.bundle'), '-c', config]
  mkdirSync(at('rules/tests'))
  writeFileSync(at('rules/tests/x.yaml'), test)
  t.match(await interdict(...words), { code: 1, err: /tests\/x\.yaml:\d+:\d+: .*POLICY_TEST/ })
  writeFileSync(at('rules/apps/clip.yaml'), 'app: other\ntitle: Clip\nnames: [clip.example]\n')
  t.match(await interdict(...words), {
    code: 1,
    err: /rules\/apps\/clip\.yaml:1:\d+: .*RULES_APP_FILE/
  })
})

t.test('check and diff accept a bundle instead of a folder', async t => {
  const { config, at, bundle } = await signed(t)
  t.match(await interdict('check', bundle, '-c', config), { code: 0, out: /1 network, 7 rules/ })
  t.match(await interdict('diff', bundle, at('rules')), { code: 0 })
  writeFileSync(
    at('rules/apps/clip.yaml'),
    'app: clip\ntitle: Clip\nkind: app\nvendor: Example\nnames: [clap.example]\n'
  )
  t.match(await interdict('diff', bundle, at('rules')), { code: 1, out: /clap\.example/ })
  truncateSync(bundle, 500)
  t.match(await interdict('check', bundle, '-c', config), { code: 1, out: /BUNDLE_BROKEN/ })
  t.match(await interdict('diff', bundle, at('rules')), { code: 1, err: /BUNDLE_BROKEN/ })
})

t.test('check, diff and replay read the copies of lists that a bundle downloads', async t => {
  const { config, at } = await signed(t)
  const networks = `networks: { all: { prefixes: [10.0.0.0/8], block: [{ lists: [ads] }] } }
lists: { ads: { url: 'https://lists.example/ads.txt' } }
`
  writeFileSync(at('rules/networks.yaml'), networks)
  const bundle = at('new.bundle')
  const made = await interdict('bundle', at('rules'), '-o', bundle, '-c', config)
  t.equal(made.code, 0, made.err)
  t.match(await interdict('check', bundle, '-c', config), { code: 0, out: /RULES_LIST_ABSENT/ })
  mkdirSync(at('state/lists'), { recursive: true })
  writeFileSync(at('state/lists/ads'), 'ad.example\nother.example\n')
  const checked = await interdict('check', bundle, '-c', config)
  t.match(checked, { code: 0, out: /1 rule, 2 names: no errors/ })
  t.notMatch(checked.out, /RULES_LIST_ABSENT/)
  t.match(await interdict('diff', bundle, at('rules'), '-c', config), { code: 0 })
  const line = { v: 1, time: '2026-01-01T00:00:00.000Z', generation: 1, client: '10.0.0.1' }
  const asked = { network: 'all', protocol: 'udp', qname: 'ad.example', qtype: 'A' }
  const became = { rcode: 'NOERROR', verdict: 'forwarded', us: 1 }
  writeFileSync(at('queries.jsonl'), `${JSON.stringify({ ...line, ...asked, ...became })}\n`)
  const replayed = await interdict('replay', at('queries.jsonl'), '-r', bundle, '-c', config)
  t.match(replayed, { code: 0, out: /ad\.example/ }, replayed.err)
})

t.test('reports errors with a code, and wrong options', async t => {
  const { config, at, bundle, keys } = await signed(t)
  writeFileSync(at('no.pem'), 'no key\n')
  const make = ['bundle', at('rules'), '-c', config]
  const refused: readonly (readonly [words: string[], says: RegExp, code: number])[] = [
    [
      ['bundle', 'sign', bundle, '-k', at('no.pem')],
      /: it is not a private key in PEM \(BUNDLE_KEY/,
      1
    ],
    [['bundle', 'show', at('none.bundle')], /BUNDLE_UNREADABLE/, 1],
    [['bundle', 'show', at('no.pem')], /BUNDLE_BROKEN/, 1],
    [[...make, '-o', at('none/x.bundle')], /BUNDLE_WRITE/, 1],
    [[...make, '-o', bundle, '--serial', '0'], /--serial/, 2],
    [[...make, '-o', bundle, '--days', 'x'], /--days/, 2],
    [['bundle', 'verify', bundle, '--trust', 'AAAA'], /--trust/, 2],
    [['bundle', 'verify', bundle, '--trust', keys[0], '--signatures', '2'], /--signatures/, 2]
  ]
  for (const [words, says, code] of refused) t.match(await interdict(...words), { code, err: says })
})
