import t from 'tap'
import { DenyTable } from '../../src/gateway/egress/deny-table.js'
import type { DenyGroup } from '../../src/gateway/egress/helper-protocol.js'
import type { NftCommand } from '../../src/gateway/egress/nft-ruleset.js'

const GROUP: DenyGroup = {
  name: 'phones',
  sources: [['10.0.0.0', '10.0.255.255']],
  prefixes: [],
  elements: [{ address: '192.0.2.1', ports: 'all', seconds: 60 }]
}

function rig(refuses: (commands: string) => boolean = () => false) {
  let now = 0
  const ran: string[] = []
  const clock = { now: () => now, wall: () => now }
  const table = new DenyTable(async (commands: readonly NftCommand[]) => {
    await Promise.resolve()
    const text = JSON.stringify(commands)
    ran.push(text)
    if (refuses(text)) throw new Error('refused')
  }, clock)
  return { table, ran, pass: (time: number) => (now += time) }
}

t.test('nothing is written before the gateway has said what', async t => {
  const { table, ran } = rig()
  t.notOk(table.isKnown)
  await table.restore()
  t.strictSame(ran, [])
})

t.test('what was denied is restored with the time that is left', async t => {
  const { table, ran, pass } = rig()
  await table.replace([GROUP])
  await table.change({
    remove: [],
    add: [{ group: 0, address: '192.0.2.2', ports: 'dns', seconds: 10 }]
  })
  pass(20_000)
  await table.restore()
  t.match(ran[2], '"val":"192.0.2.1","timeout":40')
  t.notMatch(ran[2], '192.0.2.2', 'it has expired')
})

t.test('changes follow one another, and a removed address is not restored', async t => {
  const { table, ran } = rig()
  const done: string[] = []
  const first = table.replace([GROUP]).then(() => done.push('replace'))
  const second = table
    .change({ remove: [{ group: 0, address: '192.0.2.1' }], add: [] })
    .then(() => done.push('change'))
  await Promise.all([first, second])
  t.strictSame(done, ['replace', 'change'])
  await table.restore()
  t.notMatch(ran[2], '192.0.2.1')
})

t.test(
  'a change that is refused rewrites the table, and fails if that is refused, too',
  async t => {
    const isChange = (text: string): boolean => !text.includes('"chain"')
    const { table, ran } = rig(isChange)
    const small = { ...GROUP, elements: [] }
    await table.replace([small])
    await table.change({ remove: [], add: [{ ...GROUP.elements[0]!, group: 0 }] })
    t.equal(ran.length, 3)
    t.match(ran[2], /"chain".*192\.0\.2\.1/)
    const all = rig(() => true)
    await t.rejects(all.table.replace([small]), { message: 'refused' })
    await t.rejects(all.table.change({ remove: [], add: [{ ...GROUP.elements[0]!, group: 0 }] }))
  }
)

t.test('a group that has no such clients is an error', async t => {
  const { table, ran } = rig()
  await table.replace([GROUP])
  const add = [{ group: 0, address: '2001:db8::1', ports: 'all', seconds: 5 }] as const
  await t.rejects(table.change({ remove: [], add: [...add] }), { message: /no clients with IPv6/ })
  await t.rejects(table.change({ remove: [{ group: 7, address: '192.0.2.1' }], add: [] }))
  t.equal(ran.length, 1)
})
