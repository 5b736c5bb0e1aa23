import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { suites } from '../suites.js'

t.test('every test file belongs to one suite, which the test runner starts', async t => {
  const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => join('dist/test', file.replace(/ts$/, 'js')))
  t.ok(tests.length > 100)
  t.strictSame(
    suites()
      .flatMap(({ files }) => files)
      .sort(),
    tests.sort()
  )
})

t.test('folders select tests', async t => {
  t.match(
    suites(['base', 'daemon']).map(({ name }) => name),
    [/^daemon/]
  )
  const some = suites(['base', 'querylog/archive/']).flatMap(({ files }) => files)
  t.ok(some.length > 5)
  t.ok(some.every(file => /^dist\/test\/(base|querylog\/archive)\//.test(file)))
  t.strictSame(suites(['bas']), [])
})
