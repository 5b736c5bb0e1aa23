import t from 'tap'
import { AddressLookups, MOST_OF_DOMAIN } from '../../../src/gateway/egress/address-lookups.js'
import { nameOf, type PlannedName } from '../../../src/gateway/egress/deny-plan.js'
import { showCanonical, showName } from '../../../src/wire/dns/name/name.js'
import { RRTYPE } from '../../../src/wire/dns/registry/rrtype.js'

const planned = (text: string): PlannedName => ({ text, name: nameOf(text), app: undefined })
const numbered = (count: number, domain: string): PlannedName[] =>
  Array.from({ length: count }, (_, i) => planned(`n${i}.${domain}`))

/** Answers each lookup at once; nothing has addresses. */
function start() {
  const asked: string[] = []
  const lookups = new AddressLookups(
    async (name, type) => {
      if (type === RRTYPE.A) asked.push(showCanonical(showName(name)))
      return { kind: 'response', message: { rcode: 0, answer: [], authority: [] }, upstream: 'u' }
    },
    () => undefined
  )
  return { lookups, asked }
}

const turn = (): Promise<void> => new Promise(done => setImmediate(done))

t.test('with more names than can be looked up in time, each has its turn', async t => {
  const { lookups, asked } = start()
  lookups.setNames(numbered(100, 'app.example'), [0])
  // All are due again before half of them are done.
  for (let i = 0, now = 0; i < 20; i++, now += 10_000) {
    lookups.tick(now)
    await turn()
  }
  t.equal(new Set(asked).size, 100)
  const counts = new Map<string, number>()
  for (const name of asked) counts.set(name, (counts.get(name) ?? 0) + 1)
  t.ok(Math.max(...counts.values()) - Math.min(...counts.values()) <= 1)
})

t.test('names that stay keep their time, and new ones come first', async t => {
  const { lookups, asked } = start()
  lookups.setNames([planned('a.example'), planned('b.example')], [0])
  lookups.tick(0)
  await turn()
  lookups.setNames([planned('b.example'), planned('c.example')], [0])
  lookups.tick(1)
  await turn()
  t.strictSame(asked, ['a.example', 'b.example', 'c.example'])
  t.strictSame(lookups.counts, { names: 2, failed: 0, waiting: 0 })
})

t.test('clients cannot send data in names that are looked up', async t => {
  const { lookups, asked } = start()
  lookups.setNames([planned('app.example')], [0, 1])
  for (const name of numbered(3 * MOST_OF_DOMAIN, 'tunnel.app.example')) lookups.addNames([name])
  lookups.addNames([planned('other.example')])
  t.equal(lookups.counts.names, 2 * (1 + MOST_OF_DOMAIN + 1))
  lookups.setNames([planned('app.example')], [0])
  lookups.addNames(numbered(3 * MOST_OF_DOMAIN, 'further.app.example'))
  t.equal(lookups.counts.names, 1 + MOST_OF_DOMAIN + 1, 'nor after a reload')
  for (let i = 0; i < 20; i++) {
    lookups.tick(0)
    await turn()
  }
  t.equal(asked.length, lookups.counts.names)
  t.notOk(asked.includes(`n${MOST_OF_DOMAIN}.tunnel.app.example`))
})
