import t from 'tap'
import { csvOf, jsonLinesOf } from '../../src/admin/web/table-file.js'

t.test('tables as files', t => {
  const rows = [
    { name: 'a,b', lookups: 2, share: null },
    { name: 'say "x"', lookups: 0, blocked: true },
    { name: '=1+1', lookups: -1 }
  ]
  t.equal(
    csvOf(rows),
    'name,lookups,share,blocked\r\n"a,b",2,,\r\n"say ""x""",0,,true\r\n\'=1+1,-1,,\r\n'
  )
  t.equal(jsonLinesOf(rows).split('\n')[0], '{"name":"a,b","lookups":2,"share":null}')
  t.equal(csvOf([]), '\r\n')
  t.end()
})
