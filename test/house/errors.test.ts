import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ERROR_CODES } from '../../src/base/errors/error.js'
import { allRows } from './markdown.js'

const documented = allRows('docs/reference/errors.md').map(([code]) => code!.replaceAll('`', ''))

t.test('docs/reference/errors.md has exactly one row for each error code', async t => {
  t.strictSame([...documented].sort(), [...ERROR_CODES].sort())
})

t.test('every row has a meaning and a remedy', async t => {
  for (const [code, meaning, remedy] of allRows('docs/reference/errors.md')) {
    t.ok(meaning && meaning.length > 10, `${String(code)} has a meaning`)
    t.ok(remedy && remedy.length > 10, `${String(code)} has a remedy`)
  }
})

t.test('no code is in two groups of the catalogue, where one would hide the other', async t => {
  const folder = 'src/base/errors/messages'
  const codes = readdirSync(folder).flatMap(file =>
    [...readFileSync(`${folder}/${file}`, 'utf8').matchAll(/^ {2}([A-Z_]+): /gm)].map(m => m[1]!)
  )
  t.strictSame(codes.sort(), [...ERROR_CODES].sort())
})

t.test('every code is raised somewhere', async t => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    f => f.endsWith('.ts') && !f.startsWith('base/errors/messages/')
  )
  const sources = files.map(f => readFileSync(`src/${f}`, 'utf8')).join('\n')
  const raised = new Set(sources.match(/'[A-Z0-9_]+'/g))
  for (const code of ERROR_CODES) t.ok(raised.has(`'${code}'`), code)
})
