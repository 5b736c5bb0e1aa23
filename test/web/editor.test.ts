import { readFileSync } from 'node:fs'
import t from 'tap'
import { EDITOR_PHRASES } from '../../src/admin/web/editor/editor-phrases.js'
import { namesIn } from '../../src/admin/web/editor/rule-names.js'
import { placedProblems, rangeOf } from '../../src/admin/web/editor/rule-problems.js'
import { optionsAt, schemaFor, type JsonSchema } from '../../src/admin/web/editor/schema-options.js'
import { placeIn } from '../../src/admin/web/editor/yaml-place.js'

/** The place of `|` in a text. */
const placeOf = (marked: string) => placeIn(marked.replace('|', ''), marked.indexOf('|'))

t.test('the place of a word: path, and what belongs there', async t => {
  for (const [text, path, expects, present] of [
    ['net|', [], 'key', []],
    ['networks:\n  office:\n    pre|\n    bans: []\n', ['networks', 'office'], 'key', ['bans']],
    ['a:\n  b:\n    c: 1\n# note\n    d|\n  e: 2\n', ['a', 'b'], 'key', ['c']],
    [
      'bans:\n  - id: x\n    apps: [a]\n    mo|\n  - mode: y',
      ['bans', '[]'],
      'key',
      ['apps', 'id']
    ],
    ['bans:\n- id: x\n  mo|', ['bans', '[]'], 'key', ['id']],
    ['bans:\n  - i|\n    mode: monitor', ['bans', '[]'], 'either', ['mode']],
    ['bans:\n  - mode: mon|', ['bans', '[]', 'mode'], 'value', []],
    ['apps:\n  - tik|', ['apps', '[]'], 'either', []],
    ['a:\n  - - x|', ['a', '[]', '[]'], 'either', []],
    ['apps: [tiktok, dee|', ['apps', '[]'], 'value', []],
    ['bans: [{ id: x, apps: [a], mo|', ['bans', '[]'], 'key', ['id', 'apps']],
    ['  - { id: x, mode: |', ['[]', 'mode'], 'value', []],
    ['"quoted": { \'k\': v|', ['quoted', 'k'], 'value', []]
  ] as const)
    t.match(placeOf(text), { path, expects, present: [...present] }, text)
  t.equal(placeOf('apps: [tiktok, dee|')!.from, 15)
  t.equal(placeOf('\u{1f600}: { k: v|')!.from, 9, 'offsets are those of strings')
  for (const text of ['# com|', 'a: 1 # com|', 'a: [b] |', 'a: "b|', 'a:|'])
    t.equal(placeOf(text), undefined, text)
})

const NETWORKS = `# networks:
networks:
  # not: this
  office: { prefixes: [10.0.0.0/8] }
  guests:
    extends: office
    bans:
      - id: ban-one
      - { apps: [x], id: ban-two }
      # - id: none

lists: { ads: { file: a.txt } }
client-authorities:
  ca: { certificate: c.pem }
`
const NAMES = namesIn(
  new Map([
    ['networks.yaml', NETWORKS],
    ['apps/tiktok.yaml', 'app: tiktok\nvendor: ByteDance # x\n'],
    ['apps/big.yaml', null],
    ['tests/a.yaml', '']
  ])
)

t.test('names that the rules define', async t => {
  t.strictSame(NAMES, {
    networks: ['office', 'guests'],
    lists: ['ads'],
    authorities: ['ca'],
    apps: ['big', 'tiktok'],
    vendors: ['ByteDance'],
    rules: ['ban-one', 'ban-two']
  })
  t.strictSame(namesIn(new Map()).networks, [])
})

t.test('options of a place, by the published schemas', async t => {
  const optionsOf = (path: string, text: string) => {
    const schema = `docs/reference/schemas/${schemaFor(path)!}.schema.json`
    const read = JSON.parse(readFileSync(schema, 'utf8')) as JsonSchema
    return optionsAt(read, placeOf(text)!, NAMES)
  }
  const labels = (path: string, text: string) => optionsOf(path, text).map(({ label }) => label)
  const ban = 'networks:\n  office:\n    bans:\n      - id: x\n'
  t.ok(labels('networks.yaml', '|').includes('networks'))
  const keys = optionsOf('networks.yaml', `${ban}        auth|`)
  t.match(
    keys.find(({ label }) => label === 'authority'),
    { kind: 'key', info: String }
  )
  t.notOk(
    keys.some(({ label }) => label === 'id'),
    'it has one'
  )
  t.strictSame(labels('networks.yaml', `${ban}        mode: |`), ['enforce', 'monitor'])
  t.strictSame(labels('networks.yaml', `${ban}        apps: [|`), ['big', 'tiktok'])
  t.strictSame(labels('networks.yaml', `${ban}        vendors:\n          - |`), ['ByteDance'])
  t.strictSame(labels('networks.yaml', `${ban}        lists: [|`), ['ads'])
  t.strictSame(labels('networks.yaml', `${ban}        authority: |`), [])
  t.strictSame(labels('networks.yaml', 'networks:\n  a: { extends: |'), ['office', 'guests'])
  t.strictSame(labels('networks.yaml', 'scope:\n  |'), ['big', 'tiktok', 'ads'])
  t.strictSame(labels('networks.yaml', 'scope: { ads: [|'), ['office', 'guests'])
  t.strictSame(labels('networks.yaml', 'clients:\n  x: { certificate: { authority: |'), ['ca'])
  t.strictSame(labels('networks.yaml', 'clients:\n  x: { revoked: |'), ['true', 'false'])
  t.strictSame(labels('networks.yaml', 'none:\n  at:\n    all: |'), [])
  t.strictSame(labels('tests/a.yaml', 'tests:\n  - rule: |'), ['ban-one', 'ban-two'])
  t.strictSame(labels('apps/x.yaml', 'kind: |'), ['app', 'shared', 'bypass'])
  t.strictSame(labels('mandates/x.yaml', 'bans:\n  - networks: |'), ['office', 'guests', 'all'])
  t.strictSame(['lists/ads.txt', 'other/x.yaml', 'other.yaml'].map(schemaFor), [
    ...[undefined, undefined, undefined]
  ])
})

t.test('problems at their places', async t => {
  const at = { file: 'networks.yaml', line: 7, column: 3 }
  const code = 'RULES_UNKNOWN_APP'
  t.strictSame(
    placedProblems({
      errors: [{ code, message: 'networks.yaml:7:3: unknown app', ...at }],
      warnings: [{ code: 'X', message: 'nowhere' }]
    }),
    [{ ...at, severity: 'error', code, message: 'unknown app' }]
  )
  t.strictSame(rangeOf('  apps: [tiktok, x]', 10), [9, 15])
  t.strictSame(rangeOf('  "a b": 1', 3), [2, 7])
  t.strictSame(rangeOf('', 5), [0, 0])
  t.strictSame(rangeOf('abc', 9), [2, 3])
})

t.test('every text of CodeMirror is in every language', async t => {
  const packages = 'node_modules/@codemirror'
  const code = ['autocomplete', 'commands', 'lint', 'search']
    .map(name => readFileSync(`${packages}/${name}/dist/index.js`, 'utf8'))
    .join('\n')
  const texts = [...code.matchAll(/phrase\((?:view, )?"([^"]+)"/g)].map(([, text]) => text!)
  t.ok(texts.length > 20, 'texts are found')
  for (const language of ['fr', 'nl', 'de'] as const)
    t.strictSame(Object.keys(EDITOR_PHRASES[language]).sort(), [...new Set(texts)].sort(), language)
})
