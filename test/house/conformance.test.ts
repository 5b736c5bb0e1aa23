import { readFileSync } from 'node:fs'
import t from 'tap'
import { PAGE, pageOf, shownScenarios, unmatched } from '../conformance/page.js'
import { missingTests, readRows } from '../conformance/rows.js'

const rows = readRows()
const scenarios = shownScenarios()

t.test('every row is shown, and every scenario shows one', async t => {
  t.strictSame(unmatched(rows, scenarios), [])
})

t.test('every test that rows name is there', async t => {
  t.strictSame(missingTests(rows), [])
})

t.test('a row that nothing shows, and a scenario that shows nothing, are found', async t => {
  const lonely = { Heading: { lonely: { what: 'a row', tests: [] } } }
  const wrong = unmatched(lonely, scenarios.slice(0, 1))
  t.match(wrong.at(-1), 'nothing shows lonely')
  t.equal(wrong.length, 2)
  const gone = { what: 'a row', tests: [{ says: 'it', in: 'gone.test.ts', title: 'gone' }] }
  t.strictSame(missingTests({ Heading: { gone } }), ['test/gone.test.ts: gone'])
})

t.test(`${PAGE} is what npm run conformance makes`, async t => {
  t.equal(readFileSync(PAGE, 'utf8'), await pageOf(rows, scenarios))
})
