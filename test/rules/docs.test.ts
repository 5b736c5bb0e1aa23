import { readFileSync } from 'node:fs'
import t from 'tap'
import { appSchema } from '../../src/policy/rules/schema/app-schema.js'
import { networksSchema } from '../../src/policy/rules/schema/networks-schema.js'
import { keysOf } from '../yaml/schema-keys.js'
import { app, load } from './folder.js'

const page = readFileSync('docs/reference/rules.md', 'utf8')

for (const [file, schema] of Object.entries({ 'networks.yaml': networksSchema, app: appSchema })) {
  t.test(`docs/reference/rules.md explains every key of ${file}`, async t => {
    const keys = new Set([...keysOf(schema).keys()].map(path => path.split('.').at(-1)!))
    t.ok(keys.size > 5)
    for (const key of keys) {
      t.ok(page.includes(`\`${key}\``) || page.includes(`\`${key}:`), key)
    }
  })
}

const broken = [
  ...page.matchAll(/```text\n# networks\.yaml\n([^]*?)```\n\n[^]*?```text\n([^]*?)```/g)
]

t.equal(broken.length, 1)
for (const [, text, printed] of broken) {
  t.test('prints the errors that docs/reference/rules.md shows', async t => {
    const files = { ...app('tiktok'), 'networks.yaml': `# networks.yaml\n${text}` }
    const result = await load(t, files)
    const messages = result.ok ? [] : result.errors.map(({ message }) => message)
    const short = messages.map(message => message.replaceAll(/[^ ]*\/(?=networks\.yaml)/g, ''))
    t.equal(short.join('\n') + '\n', printed)
  })
}
