import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { loadRules } from '../../../src/policy/rules/load.js'
import { decodeBundle, encodeBundle } from '../../../src/sources/bundle/bundle.js'
import { BundleFiles } from '../../../src/sources/bundle/bundle-files.js'
import { readContent } from '../../../src/sources/bundle/pack.js'

const MAKING = { serial: 1, created: 0, expires: 1, keys: [] }

function folder(t: Test, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'interdict-pack-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return path
}

t.test('all files are packed except hidden files and backups; links are followed', async t => {
  const path = folder(t, {
    'networks.yaml': 'x',
    'networks.yaml~': 'old',
    '.git/config': 'x',
    'lists/deep/er.txt': 'x',
    '..data/apps.yaml': 'linked'
  })
  symlinkSync('..data/apps.yaml', join(path, 'apps.yaml'))
  const content = await readContent(path)
  t.strictSame([...content.keys()], ['apps.yaml', 'lists/deep/er.txt', 'networks.yaml'])
  t.equal(Buffer.from(content.get('apps.yaml')!).toString(), 'linked')
})

t.test('link loops, dangling links and a missing folder are rejected', async t => {
  const circle = folder(t, { 'a/b.yaml': 'x' })
  symlinkSync('..', join(circle, 'a/up'))
  await t.rejects(readContent(circle), { code: 'BUNDLE_PACK' })
  const nowhere = folder(t, {})
  symlinkSync('gone', join(nowhere, 'a'))
  await t.rejects(readContent(nowhere), { code: 'BUNDLE_PACK' })
  await t.rejects(readContent(join(nowhere, 'none')), { code: 'BUNDLE_PACK' })
})

async function bundled(t: Test, files: Readonly<Record<string, string>>): Promise<BundleFiles> {
  const octets = await encodeBundle(await readContent(folder(t, files)), MAKING)
  return new BundleFiles(await decodeBundle(octets, 'b'), { path: '/b', prefix: 'b:' })
}

const networks = (lists: string): string =>
  `networks: { all: { prefixes: [192.0.2.0/24], block: [{ lists: [bad] }] } }\nlists: { bad: ${lists} }\n`

t.test('rules are read from a bundle as from a folder', async t => {
  const files = { 'lists/a.txt': 'a.example\n', 'lists/b.txt': 'b.example\n' }
  for (const list of ['{ file: ./lists/a.txt }', '{ folder: lists }', '{ folder: lists/ }']) {
    const loaded = await loadRules(await bundled(t, { 'networks.yaml': networks(list), ...files }))
    t.strictSame(loaded.ok ? [] : loaded.errors, [])
  }
})

t.test('errors name the bundle, file, line and column', async t => {
  const wrong = await bundled(t, { 'networks.yaml': 'networks:\n  all: { prefix: [] }\n' })
  const loaded = await loadRules(wrong)
  t.match(loaded.ok ? '' : loaded.errors[0]?.message, /^b:networks\.yaml:2:\d+: /)
})

t.test('no rule can refer outside its bundle', async t => {
  for (const list of ['{ file: ../secret }', '{ file: /etc/passwd }', '{ folder: .. }']) {
    const loaded = await loadRules(await bundled(t, { 'networks.yaml': networks(list) }))
    t.match(loaded.ok ? '' : loaded.errors[0]?.code, 'RULES_UNREADABLE')
  }
})

t.test('not even through a name that exists beside it in the gateway', async t => {
  const list = String.raw`{ file: "\0../../etc/passwd" }`
  const octets = await encodeBundle(
    new Map([['networks.yaml', Buffer.from(networks(list))]]),
    MAKING
  )
  const parts = { path: '/b', prefix: 'b:', copies: folder(t, {}) }
  const loaded = await loadRules(new BundleFiles(await decodeBundle(octets, 'b'), parts))
  t.match(loaded.ok ? '' : loaded.errors[0]?.code, 'DOCUMENT_INVALID')
})
