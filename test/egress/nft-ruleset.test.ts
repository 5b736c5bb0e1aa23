import t from 'tap'
import type { DenyGroup } from '../../src/gateway/egress/helper-protocol.js'
import {
  removeElements,
  renewElements,
  tableCommands
} from '../../src/gateway/egress/nft-ruleset.js'

const GROUP: DenyGroup = {
  name: 'phones',
  sources: [
    ['10.0.0.0', '10.0.255.255'],
    ['10.1.0.7', '10.1.0.7']
  ],
  prefixes: [
    { prefix: '198.51.100.0/24', ports: 'all' },
    { prefix: '203.0.113.9', ports: 'dns' },
    { prefix: '2001:db8::/32', ports: 'all' }
  ],
  elements: []
}
const text = (value: unknown): string => JSON.stringify(value)

t.test('the table replaces itself in one transaction, and touches no other', async t => {
  const commands = tableCommands([GROUP])
  t.strictSame(
    commands.slice(0, 3).map(command => Object.keys(command)[0]),
    ['add', 'delete', 'add']
  )
  const tables = new Set([...text(commands).matchAll(/"table":"([^"]*)"/g)].map(([, name]) => name))
  t.strictSame([...tables], ['interdict_egress'])
  t.notMatch(text(commands), /flush/)
})

t.test('each set matches the clients of its group only', async t => {
  const rules = tableCommands([GROUP, { ...GROUP, name: 'lab' }]).filter(it =>
    text(it).includes('"rule"')
  )
  t.equal(rules.length, 8)
  for (const rule of rules) t.match(text(rule), /"saddr".*"@source4_[01]".*"daddr".*"@(all|dns)/)
  for (const rule of rules.filter(it => text(it).includes('@dns')))
    t.match(text(rule), /"set":\[53,443,853\]/)
  t.match(text(rules[4]), /@source4_1.*@all4_1/)
})

t.test('sets have ranges of clients and prefixes of the rules', async t => {
  const all = text(tableCommands([GROUP]))
  t.match(all, '"elem":[{"range":["10.0.0.0","10.0.255.255"]},"10.1.0.7"]')
  t.match(all, '"elem":[{"prefix":{"addr":"198.51.100.0","len":24}}]')
  t.notMatch(all, 'source6', 'no client has an IPv6 address')
})

t.test('elements are renewed and removed whether they are there or not', async t => {
  const one = { set: 'all4_0', address: '192.0.2.1', timeout: 60 }
  const verbs = (commands: readonly object[]) => commands.map(it => Object.keys(it)[0])
  t.strictSame(verbs(removeElements([one])), ['add', 'delete'])
  t.strictSame(verbs(renewElements([one])), ['add', 'delete', 'add'])
  t.match(text(renewElements([one])), '{"elem":{"val":"192.0.2.1","timeout":60}}')
  t.strictSame(renewElements([]), [])
})
