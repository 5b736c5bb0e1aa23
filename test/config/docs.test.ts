import { readFileSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { settingsSchema } from '../../src/gateway/config/settings-schema.js'
import { keysOf } from '../yaml/schema-keys.js'

const page = readFileSync('docs/reference/settings.md', 'utf8')
const shipped = readFileSync('interdict.yaml', 'utf8')
/** What has no default is to be given. */
const keys = new Map(
  [...keysOf(settingsSchema)]
    // Every list of upstreams has the same keys.
    .filter(([key]) => !/^(?:upstreams\.forward|remote-lists\.bootstrap)\./.test(key))
    .map(([key, text]) => [key, text ?? 'none'])
)
/** Rows of the page's tables: key to default. */
const rows = new Map(
  [...page.matchAll(/^\| `([a-z0-9.-]+)` +\| `([^|]*)` +\|/gm)].map(([, k, d]) => [k!, d!])
)

t.test('docs/reference/settings.md has every key with its default, and no other', async t => {
  t.strictSame(new Map([...rows].sort()), new Map([...keys].sort()))
})

t.test('the shipped settings file is the defaults', async t => {
  const read = readConfig(shipped, '/x/interdict.yaml')
  t.strictSame(read, readConfig('', '/x/interdict.yaml'))
  t.equal(read.ok, true)
})

t.test('the shipped settings file is still the defaults without the # of its keys', async t => {
  const text = shipped.replaceAll(/^# ( *(?!yaml-language)[a-z0-9-]+:( .*)?)$/gm, '$1')
  const read = readConfig(text, '/x/interdict.yaml')
  t.strictSame(read, readConfig('', '/x/interdict.yaml'))
  // There is no alert by default, for example, so nothing can be said of one.
  const own =
    /^(?:alerts|admin\.oidc|bindings\.feeds|catalogue|fleet|listen|log\.outputs|reports|rules|transfers\.primaries|transfers\.keys|upstreams\.servers)\./
  const always = [...keys.keys()].filter(key => !own.test(key))
  for (const key of always) t.match(text, new RegExp(`^ *${key.split('.').at(-1)!}:`, 'm'), key)
})

t.test('docs/reference/settings.md shows errors as they are printed', async t => {
  const [, text, printed] = /```text\n(# interdict\.yaml\n[^]*?)```\n\n```text\n([^]*?)```/.exec(
    page
  )!
  const read = readConfig(text!, 'interdict.yaml')
  t.equal(read.ok ? '' : read.errors.map(({ message }) => `${message}\n`).join(''), printed)
})
