import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { catalogueBundle, clipWith, type OfferedCatalogue } from '../sources/catalogue-bundle.js'
import { interdict, writeSite } from './run.js'

const NETWORKS =
  'networks:\n  all: { prefixes: [10.0.0.0/8], bans: [{ apps: [clip], authority: A, reference: R }] }\n'
const OLD = clipWith('clip.example', 'old.example')
const NEW = clipWith('clip.example', 'new.example')
const nowInSeconds = (): number => Math.floor(Date.now() / 1000)

/** A site with the ban of an app, and its catalogue. */
function site(t: Test, more: Readonly<Record<string, string>> = {}, setting = '') {
  const keys = generateKeys()
  const config = writeSite(t, {
    'interdict.yaml': `rules: rules
catalogue: { url: apps.catalogue, keys: ['${keys.publicKey}']${setting} }
`,
    'rules/networks.yaml': NETWORKS,
    'rules/apps/clip.yaml': OLD,
    ...more
  })
  const folder = dirname(config)
  const offer = async (
    offered: Partial<OfferedCatalogue> = {},
    key = keys.privatePem
  ): Promise<void> => {
    const { app = NEW, serial = 2, ...rest } = offered
    const file = await catalogueBundle({ app, serial, ...rest, key, earlier: OLD })
    writeFileSync(join(folder, 'apps.catalogue'), file)
  }
  const run = (...words: string[]) => interdict('-c', config, ...words)
  const catalogue = (...words: string[]) => run('catalogue', ...words)
  const shown = async () =>
    JSON.parse((await catalogue('show', '--json')).out) as {
      inForce: { serial: number } | null
      monitored: unknown[]
      error: { code: string } | null
    }
  return { folder, offer, run, catalogue, shown }
}

t.test('interdict catalogue: preview, update, monitored names, rollback and pin', async t => {
  const { offer, run, catalogue, shown } = site(t)
  const explain = (name: string, ...words: string[]) =>
    run('explain', name, '--from', '10.0.0.1', '--no-upstream', ...words)
  await offer({ app: OLD, serial: 1 })
  t.match(await catalogue('update'), {
    code: 0,
    out: /Updated to catalogue 1\.1 .*: 0 names added/
  })
  const before = JSON.parse((await run('check', '--json')).out) as { rules: { sha256: string } }

  await offer()
  const preview = await catalogue('preview')
  t.match(preview, { code: 0, out: /\+ new\.example: cdn; evidence list-a/ })
  t.match(preview.out, /- old\.example\n {2}collateral: Shared videos stop/)
  t.match(preview.out, /blocked +app clip/)
  t.equal((await shown()).inForce?.serial, 1, 'a preview changes nothing')

  t.match(await catalogue('update'), { code: 0, out: /1 name added, 1 removed in 1 app/ })
  t.match(await catalogue('update'), { code: 0, out: /^Unchanged: catalogue 1\.2/ })
  t.match(await shown(), {
    inForce: { serial: 2 },
    monitored: [{ app: 'clip', name: 'new.example' }]
  })
  const after = JSON.parse((await run('check', '--json')).out) as { rules: { sha256: string } }
  t.not(after.rules.sha256, before.rules.sha256, 'the catalogue is part of the SHA-256')
  t.match((await explain('a.new.example')).out, /MONITORED[^]*added +by catalogue 2 at .*monitored/)
  const later = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)
  t.match((await explain('a.new.example', '--at', later)).out, /BLOCKED/)
  t.match((await explain('old.example')).out, /NOT BLOCKED|FORWARDED|Not blocked/i)
  t.match((await explain('clip.example')).out, /BLOCKED/)

  t.match(await catalogue('rollback'), { code: 0, out: 'Catalogue 1 is in force instead of 2.\n' })
  t.match((await explain('old.example')).out, /BLOCKED/, 'what returns is enforced at once')
  t.match(await catalogue('update'), { code: 0, out: /^Unchanged: catalogue 1\.1/ })
  t.match(await catalogue('rollback'), { code: 1, err: /CATALOGUE_NONE/ })
  t.match(await catalogue('pin'), { code: 0, out: 'Pinned to version 1.1.\n' })
  await offer({ serial: 3 })
  t.match(await catalogue('update'), { code: 0, out: /^Pinned: catalogue 1\.1/ })
  t.match(await catalogue('pin', '9'), { code: 1, err: /CATALOGUE_NONE/ })
  t.match(await catalogue('pin', '--off'), { code: 0, out: 'Not pinned.\n' })
  t.match(await catalogue('update'), { code: 0, out: /^Updated to catalogue 1\.3/ })
})

t.test('a catalogue that is unsigned, altered, expired or missing changes nothing', async t => {
  const { folder, offer, catalogue, shown } = site(t)
  await offer()
  t.equal((await catalogue('update')).code, 0)
  const refused = async (code: string): Promise<void> => {
    t.match(await catalogue('update'), { code: 1, err: new RegExp(code) })
    t.match(await shown(), { inForce: { serial: 2 }, error: { code } })
  }
  await offer({ serial: 1 })
  await refused('CATALOGUE_OLDER')
  await offer({ app: OLD })
  await refused('CATALOGUE_ALTERED')
  await offer({ serial: 3 }, generateKeys().privatePem)
  await refused('BUNDLE_UNSIGNED')
  await offer({ serial: 3, expires: nowInSeconds() - 10 })
  await refused('BUNDLE_EXPIRED')
  await offer({ serial: 3, app: 'app: clip\n' })
  await refused('CATALOGUE_BROKEN')
  await offer({ serial: 3, app: clipWith('com') })
  await refused('CATALOGUE_REFUSED')
  rmSync(join(folder, 'apps.catalogue'))
  await refused('REMOTE_FETCH')
})

t.test('an update that fails the policy tests is refused before it is written', async t => {
  const { folder, offer, catalogue } = site(t, {
    'rules/tests/open.yaml':
      'tests:\n  - { title: open, columns: [client, name, expect], rows: [[10.0.0.1, new.example, forwarded]] }\n'
  })
  await offer()
  t.match(await catalogue('preview'), { code: 1, out: /new\.example[^]*POLICY_TEST/ })
  t.match(await catalogue('update'), { code: 1, err: /CATALOGUE_REFUSED/ })
  t.notOk(existsSync(join(folder, 'state/catalogue/catalogue.json')))
})

t.test('names that the site has beside the catalogue are added; bundles include it', async t => {
  const { folder, offer, run, catalogue } = site(t, {
    'rules/apps/clip.yaml': clipWith('own.example')
  })
  await offer()
  t.equal((await catalogue('update')).code, 0)
  const explain = (name: string) => run('explain', name, '--from', '10.0.0.1', '--no-upstream')
  t.match((await explain('own.example')).out, /BLOCKED[^]*rules\/apps\/clip\.yaml:5/)
  t.match((await explain('clip.example')).out, /MONITORED[^]*catalogue\/apps\/clip\.yaml:5/)
  const output = join(folder, 'rules.bundle')
  t.equal((await run('bundle', join(folder, 'rules'), '-o', output)).code, 0)
  t.match((await run('bundle', 'show', output)).out, / catalogue\.json$/m)
  t.match((await run('check', output)).out, /3 names: no errors/)
})

t.test('says why there is no catalogue', async t => {
  const { folder, catalogue } = site(t, { 'rules/catalogue.json': '{}' })
  t.match(await catalogue('update'), { code: 1, err: /CATALOGUE_OWN/ })
  t.match(await interdict('-c', join(folder, 'interdict.yaml'), 'check'), {
    code: 1,
    out: /CATALOGUE_BROKEN/
  })
  const config = join(folder, 'interdict.yaml')
  const settings = readFileSync(config, 'utf8')
  writeFileSync(config, 'rules: rules\n')
  t.match(await catalogue('show'), { code: 1, err: /CATALOGUE_OFF/ })
  writeFileSync(config, settings.replace('rules: rules', 'rules: { bundle: x, keys: [k] }'))
  t.match(await catalogue('show'), { code: 1, err: /catalogue: expected off/ })
})
