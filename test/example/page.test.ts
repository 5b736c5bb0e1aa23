import { readFileSync } from 'node:fs'
import t from 'tap'
import { pageNow, PAGES } from './page.js'

for (const page of PAGES) {
  t.test(`${page} is what npm run example makes`, async t => {
    t.equal(readFileSync(page, 'utf8'), await pageNow(page, t.testdir({})))
  })
}
