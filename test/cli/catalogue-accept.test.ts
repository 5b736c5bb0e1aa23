import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { lines, record } from '../querylog/archive/lines.js'
import { catalogueBundle, clipWith } from '../sources/catalogue-bundle.js'
import { interdict, writeSite } from './run.js'

const NETWORKS = `networks:
  office: { prefixes: [10.0.0.0/8], bans: [{ apps: [clip], authority: A, reference: R }] }
`
/** Own comments and order: an edit must keep both. */
const CLIP = `# reviewed in May
title: Clip
app: clip
names:
  - { name: =api.clip.example, role: api } # the app
`
const at = (second: number, day = 10): string =>
  `2026-11-${day}T10:00:${String(second).padStart(2, '0')}.000Z`
const banned = { qname: 'api.clip.example', app: 'clip', verdict: 'blocked' } as const
const free = { app: undefined, match: undefined, ede: undefined, verdict: 'forwarded' } as const
const clients = ['10.0.0.1', '10.0.0.2']
/** A name in the app's domain, one looked up only beside the app, and one looked up anyway. */
const LOG = lines(
  record(at(0, 1), { qname: 'old.example', ...free }),
  ...clients.flatMap((client, i) =>
    [0, 10, 20].flatMap(second => [
      record(at(second + i), { ...banned, client }),
      record(at(second + i), { ...free, client, qname: 'sdk.beside.example' })
    ])
  ),
  record(at(50), { ...free, qname: 'cdn.clip.example' }),
  record(at(51), { ...free, qname: 'old.example' })
)

function site(t: Test, more: Readonly<Record<string, string>> = {}, settings = '') {
  const config = writeSite(t, {
    'interdict.yaml': `rules: rules
log: { queries: { file: log/queries.jsonl, which: all } }
upstreams: { use-resolv-conf: false }
${settings}`,
    'rules/networks.yaml': NETWORKS,
    'rules/apps/clip.yaml': CLIP,
    'log/queries.jsonl': LOG,
    ...more
  })
  const folder = dirname(config)
  const run = (...words: string[]) => interdict(...words, '-c', config)
  const accept = (name: string, ...words: string[]) =>
    run('catalogue', 'accept', name, '--app', 'clip', '--since', '2026-11-05', ...words)
  const text = (): string => readFileSync(join(folder, 'rules/apps/clip.yaml'), 'utf8')
  return { folder, run, accept, text }
}

t.test('report new-names suggests names with their evidence', async t => {
  const { run } = site(t)
  const { out, err } = await run('report', 'new-names', '--since', '2026-11-05', '--json')
  t.equal(err, '')
  const { tables } = JSON.parse(out) as { tables: Record<string, unknown[]> }
  t.match(tables.domain, [{ name: 'cdn.clip.example', app: 'clip', domain: 'clip.example' }])
  t.equal(tables.domain!.length, 1, 'what is blocked already, or is old, is not suggested')
  t.match(tables.beside, [{ name: 'sdk.beside.example', app: 'clip', share: 1 }])
})

t.test('a suggestion is written into the app file with its evidence, once reviewed', async t => {
  const { accept, run, text } = site(t)
  const dry = await accept('cdn.clip.example', '--dry-run', '--role', 'cdn', '--user', 'ann')
  t.match(dry, { code: 0, out: /\+ {2}- name: cdn\.clip\.example/ }, dry.err)
  t.match(dry.out, /clip\.yaml is not changed/)
  t.equal(text(), CLIP)
  t.match(await accept('cdn.clip.example'), { code: 2, err: /--yes/ })

  const done = await accept('cdn.clip.example', '--yes', '--role', 'cdn', '--user', 'ann')
  t.match(done, { code: 0, out: /Wrote .*clip\.yaml\. A running gateway reloads it/ }, done.err)
  t.ok(text().startsWith(CLIP), 'comments and order stay')
  t.match(
    text().slice(CLIP.length),
    /^ {2}- name: cdn\.clip\.example\n {4}role: cdn\n {4}first-seen: '?2026-11-10'?\n {4}evidence: \[query-log\]\n {4}note: .*in the domain clip\.example; 1 lookup of 1 client; accepted by ann on 20\d\d-\d\d-\d\d/
  )
  t.match(await run('check'), { code: 0 })
  const explained = await run('explain', 'cdn.clip.example', '--from', '10.0.0.1', '--no-upstream')
  t.match(explained.out, /BLOCKED[^]*clip\.yaml:6/)
  t.match(await accept('cdn.clip.example', '--yes'), { code: 1, err: /EDIT_EXISTS/ })

  t.equal((await accept('=sdk.beside.example', '--yes')).code, 0)
  t.match(
    text(),
    /name: =sdk\.beside\.example[^]*100% of its lookups together with the app; 6 look/
  )
})

t.test('without evidence, or with errors, nothing is written', async t => {
  const { accept, run, text } = site(t)
  t.match(await accept('other.example', '--yes'), { code: 1, err: /CATALOGUE_EVIDENCE/ })
  t.match(await accept('bad name', '--yes'), { code: 2, err: /not a domain name/ })
  t.match(await accept('co.uk', '--evidence', 'x', '--yes'), { code: 1, out: /RULES_TOO_WIDE/ })
  const unknown = ['catalogue', 'accept', 'a.example', '--app', 'clop', '--yes']
  t.match(await run(...unknown), { code: 1, err: /'clip'.*CATALOGUE_NO_APP/ })
  t.equal(text(), CLIP)
  t.equal((await accept('other.example', '--evidence', 'ticket 12', '--yes')).code, 0)
  t.match(text(), /other\.example\n.*\n {4}evidence: \[ticket 12\]\n {4}note: accepted by /)
})

t.test('beside a catalogue in force, the site gets a file of its own names', async t => {
  const keys = generateKeys()
  const setting = `catalogue: { url: c.catalogue, keys: ['${keys.publicKey}'], monitor-new-names: 0s }\n`
  const { folder, accept, run, text } = site(t, { 'rules/apps/clip.yaml': CLIP }, setting)
  const app = clipWith('=api.clip.example')
  const file = await catalogueBundle({ app, serial: 1, key: keys.privatePem, earlier: CLIP })
  writeFileSync(join(folder, 'c.catalogue'), file)
  t.equal((await run('catalogue', 'update')).code, 0)
  t.match(await accept('cdn.clip.example', '--yes'), { code: 0, out: /- {2}- \{ name: =api/ })
  t.match(
    text(),
    /^# Names of this site, beside those of the catalogue\.\napp: clip\ntitle: "Clip"\nnames:\n {2}- name: cdn/
  )
  for (const name of ['cdn.clip.example', 'api.clip.example'])
    t.match((await run('explain', name, '--from', '10.0.0.1', '--no-upstream')).out, /BLOCKED/)
  t.ok(existsSync(join(folder, 'state/catalogue/catalogue.json')))
})
