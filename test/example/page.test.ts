import { readFileSync } from 'node:fs'
import t from 'tap'
import { PAGE, pageNow } from './page.js'

t.test(`${PAGE} is what npm run example makes`, async t => {
  t.equal(readFileSync(PAGE, 'utf8'), await pageNow(t.testdir({})))
})
