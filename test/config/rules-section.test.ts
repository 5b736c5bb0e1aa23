import { resolve } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'

const FILE = '/srv/interdict.yaml'
const KEY = 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE='

t.test('rules are a path, or a mapping with a folder or a bundle', t => {
  const read = (text: string) => readConfig(text, FILE)
  const folder = { ok: true, config: { rules: resolve('/srv/policy'), bundle: undefined } }
  t.match(read('rules: policy'), { ...folder, config: { activation: { tests: 'refuse' } } })
  t.match(read('rules: { folder: policy }'), folder)
  t.match(read('rules: { folder: policy, tests: warn }'), {
    config: { activation: { tests: 'warn' } }
  })
  t.match(read(`rules: { bundle: b, keys: ['${KEY}'], tests: warn }`), {
    config: { bundle: { keys: [KEY], signatures: 1 }, activation: { tests: 'warn' } }
  })
  const mandates = `mandates: { folder: orders, keys: ['${KEY}', a.pub] }`
  const ordered = { folder: resolve('/srv/orders'), keys: [KEY], keyFiles: [resolve('/srv/a.pub')] }
  t.match(read(`rules: { folder: policy, ${mandates} }`), { config: { mandates: ordered } })
  t.match(read(`rules: { bundle: b, keys: ['${KEY}'], ${mandates} }`), {
    config: { mandates: ordered, bundle: { keys: [KEY] } }
  })
  t.match(read("rules: { folder: policy, outside-folders: ['../a', /b] }"), {
    config: { outsideFolders: [resolve('/a'), resolve('/b')] }
  })
  t.end()
})

const invalid: readonly (readonly [text: string, message: RegExp])[] = [
  ['rules: {}', /rules\.bundle: missing; expected folder or bundle/],
  ['rules: { folder: a, bundle: b }', /:1:\d+: rules\.bundle: expected folder or bundle, not both/],
  ['rules: { bundle: b }', /rules\.keys: missing; expected at least one public key/],
  [`rules: { folder: a, keys: ['${KEY}'] }`, /:1:\d+: rules\.keys: expected keys only with bundle/],
  [
    `rules: { bundle: b, keys: ['${KEY}'], signatures: 2 }`,
    /:1:\d+: rules\.signatures: expected a/
  ],
  [
    'rules: { folder: a, tests: never }',
    /:1:\d+: rules\.tests: expected one of refuse, warn, found 'never'/
  ],
  ['rules: { folder: a, mandates: { folder: m } }', /:1:\d+: rules\.mandates\.keys: missing/],
  [
    `rules: { bundle: b, keys: ['${KEY}'], outside-folders: [/b] }`,
    /:1:\d+: rules\.outside-folders: expected outside-folders only with folder/
  ],
  [
    'rules: { folder: a, activate: manual, outside-folders: [/b] }',
    /rules\.outside-folders: expected outside-folders only with folder/
  ],
  [
    'rules: { folder: a, outside-folders: [/b/..] }',
    /rules\.outside-folders: expected folders, not the whole/
  ],
  ['rules: { folder: a, test: warn }', /unknown key 'test'; did you mean 'tests'\?/]
]

for (const [text, message] of invalid) {
  t.test(`invalid: ${text}`, t => {
    t.match(readConfig(text, FILE), { ok: false, errors: [{ code: 'DOCUMENT_INVALID', message }] })
    t.end()
  })
}
