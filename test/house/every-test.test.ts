import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'

t.test('every test file belongs to a suite, which the test runner starts', async t => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  const suites = new Set(files.filter(file => /\/suite[^/]*\.ts$/.test(file)).map(dirname))
  const isInSuite = (folder: string): boolean =>
    folder !== '.' && (suites.has(folder) || isInSuite(dirname(folder)))
  const tests = files.filter(file => file.endsWith('.test.ts'))
  t.ok(tests.length > 100)
  t.strictSame(
    tests.filter(file => !isInSuite(dirname(file))),
    []
  )
})
