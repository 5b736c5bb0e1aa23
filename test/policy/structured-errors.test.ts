import t from 'tap'
import { publicReference, pageOf } from '../../src/policy/rules/model/public-reference.js'

t.test('public references are stable, and no two ids share one', t => {
  t.match(publicReference('federal-phones/tiktok'), /^ban-[0-9a-f]{10}$/, 'no id of a network')
  t.equal(publicReference('be-federal-tiktok'), 'be-federal-tiktok')
  t.match(publicReference('BE 2023 7'), /^be-2023-7-[0-9a-f]{10}$/)
  t.match(publicReference('§'), /^[0-9a-f]{10}$/)
  const ids = ['a/b', 'a.b', 'a-b', 'A/b', 'a b', 'a/b ', '§', '¶']
  t.equal(new Set(ids.map(publicReference)).size, ids.length)
  t.equal(pageOf('https://bans.example/', 'a-b'), 'https://bans.example/bans/a-b/')
  t.end()
})
