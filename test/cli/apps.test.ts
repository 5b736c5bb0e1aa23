import t from 'tap'
import { FILES, interdict, writeSite } from './run.js'

const settings = writeSite(t, {
  ...FILES,
  'rules/apps/clip-shared.yaml': [
    'app: clip-shared',
    'title: Example infrastructure',
    'kind: shared',
    'vendor: Example',
    'country: BE',
    'collateral: [Other apps of Example stop.]',
    'names:',
    '  - { name: clip.cdn.example, role: cdn, confidence: high, first-seen: 2025-11-15,',
    '      evidence: [list, own capture], note: edge name }',
    '  - { name: =api.clip.test, role: api }',
    'shared-names: [{ name: cdn.example, note: of many }]',
    ''
  ].join('\n'),
  'rules/apps/old.yaml':
    'app: old\ntitle: Old\nvendor: Other\nsuccessor: clip\nnames: [old.example]\n',
  'rules/evidence.yaml':
    'sources: { list: { publisher: A list, date: 2025-11-15, family: list } }\n'
})
const apps = (...words: string[]) => interdict('-c', settings, 'apps', ...words)

interface Listing {
  readonly apps: readonly { readonly app: string; readonly bans: readonly { id: string }[] }[]
  readonly name?: { readonly claims: readonly { app: string; name: string }[]; shared: unknown }
}
const found = async (...words: string[]): Promise<Listing> =>
  JSON.parse((await apps('--json', ...words)).out) as Listing
const ids = ({ apps }: Listing): string[] => apps.map(({ app }) => app)

const searches = [
  { words: [], apps: ['clip-shared', 'clip', 'old'] },
  { words: ['clip'], apps: ['clip'] },
  { words: ['cli'], apps: ['clip-shared', 'clip'] },
  { words: ['infra'], apps: ['clip-shared'] },
  { words: ['EXAMPLE', 'infrastructure'], apps: ['clip-shared'] },
  { words: ['be'], apps: ['clip-shared'] },
  { words: ['api.clip'], apps: ['clip-shared'] },
  { words: ['--vendor', 'example'], apps: ['clip-shared', 'clip'] },
  { words: ['--country', 'be'], apps: ['clip-shared'] },
  { words: ['--role', 'cdn'], apps: ['clip-shared'] },
  { words: ['--kind', 'app', 'example'], apps: ['clip', 'old'] },
  { words: ['v16.clip.example'], apps: ['clip'] },
  { words: ['clip.cdn.example'], apps: ['clip-shared'] }
]

for (const { words, apps } of searches) {
  t.test(`finds ${apps.join()} for "${words.join(' ')}"`, async t => {
    t.strictSame(ids(await found(...words)), apps)
  })
}

t.test('finds the apps that claim a domain name, and shared infrastructure', async t => {
  const { name } = await found('V16.clip.example.')
  t.match(name, {
    name: 'v16.clip.example',
    claims: [{ app: 'clip', name: 'clip.example', line: 5 }]
  })
  const edge = await found('x.akamaized.net')
  t.match(edge, {
    apps: [],
    name: { claims: [], shared: { zone: 'akamaized.net', operator: 'Akamai' } }
  })
})

t.test('takes the host name of a URL, host:port or e-mail address', async t => {
  for (const text of [
    'https://v16.clip.example/foo',
    'v16.clip.example:443',
    'a@v16.clip.example'
  ]) {
    const { code, out, err } = await apps(text)
    t.match({ code, err }, { code: 0, err: 'using the host name v16.clip.example\n' })
    t.match(out, /^v16\.clip\.example is claimed by clip/)
  }
  t.match(await apps('v16.clip.example/foo'), { code: 2, err: /^error: <search>: .*'\/'/ })
  t.match(await apps('TV/radio'), { code: 1, out: /No app matches/ }, 'words, not a name')
})

t.test('shows which networks ban an app now, with the rule', async t => {
  const { apps } = await found('clip')
  t.match(apps[0]?.bans, [
    { network: 'phones', id: 'federal', mode: 'enforce', action: 'nxdomain' }
  ])
  t.match(apps[0]?.bans[0], { rule: /rules\/networks\.yaml:6$/ })
  t.strictSame((await found('old')).apps[0]?.bans, [])
})

t.test('shows several apps as a table', async t => {
  const { out, code } = await apps()
  t.equal(code, 0)
  t.match(out, /^app +title +vendor +kind +names +banned in\n/)
  t.match(out, /\nclip-shared +Example infrastructure +Example +BE +shared +2 +-\n/)
  t.match(out, /\nclip +Clip +Example +app +1 +1 network\n/)
})

t.test('shows all details of a single app', async t => {
  const { out } = await apps('clip-shared')
  t.match(out, /^Example infrastructure \(clip-shared\)\n/)
  t.match(out, /Also breaks +Other apps/)
  t.match(out, /Never ban +cdn\.example: of many/)
  t.match(out, /\nclip\.cdn\.example +cdn +high +2025-11-15 +2\n/)
  t.match(out, /\n=api\.clip\.test +api +- +- +0\n/)
  t.match((await apps('old')).out, /Successor +clip\n/)
  t.match((await apps('clip')).out, /Banned in +phones: nxdomain, from 2023-03-13/)
})

t.test('shows the evidence for a name, with its publisher', async t => {
  const { out } = await apps('x.clip.cdn.example')
  t.match(out, /^x\.clip\.cdn\.example is claimed by clip-shared \(Example infrastructure\)\n/)
  t.match(out, /Matched by +clip\.cdn\.example, .*clip-shared\.yaml:8\n/)
  t.match(out, /Evidence +list: A list, 2025-11-15\n +own capture\n/)
})

t.test(
  'exits with 1 if nothing matches or the rules are invalid, with 2 for an unknown role',
  async t => {
    t.match(await apps('nosuch'), { code: 1, out: "No app matches 'nosuch'.\n" })
    t.match(await apps('--role', 'roll'), { code: 2, err: /--role: roll is not one of app, api/ })
    const broken = writeSite(t, {
      ...FILES,
      'rules/evidence.yaml': 'sources: { x: { family: y } }\n'
    })
    const { code, err } = await interdict('-c', broken, 'apps')
    t.equal(code, 1)
    t.match(err, /evidence\.yaml:1:15: sources\.x\.publisher: missing.*DOCUMENT_INVALID/)
  }
)
