import t, { type Test } from 'tap'
import { addressWords, readAddress } from '../../src/base/values/address.js'
import {
  COST,
  CpuBudget,
  type CpuExcess,
  type CpuLimits
} from '../../src/resolver/server/cpu-budget.js'
import { UsageTable } from '../../src/resolver/server/usage-table.js'
import { RecordCounter } from '../../src/wire/tls/openssl/record-counter.js'

const MILLISECOND = 1000
const SECOND = 1_000_000

interface Stage {
  readonly budget: CpuBudget
  readonly reports: CpuExcess[]
  /** @returns whether the client is within its limit */
  readonly charge: (address: string, cost: number) => boolean
  readonly pass: (ms: number) => void
  /** Part of the time in which the thread is busy. */
  busy: number
}

function stage(limits: Partial<CpuLimits> = {}): Stage {
  let now = 1
  const reports: CpuExcess[] = []
  const bits = { ipv4: 32, ipv6: 56 }
  const one: Stage = {
    budget: new CpuBudget(
      { share: 0.25, bits, exempt: undefined, ...limits },
      7,
      { now: () => now, wall: () => now },
      () => one.busy,
      excess => reports.push({ ...excess, client: excess.client.slice() })
    ),
    reports,
    charge: (address, cost) => one.budget.charge(addressWords(readAddress(address)), cost),
    pass: ms => (now += ms),
    busy: 0
  }
  return one
}

t.test('closes connections of a client above its share, until its use has decayed', t => {
  const { charge, pass, budget, reports } = stage()
  t.ok(charge('192.0.2.1', 1.2 * SECOND))
  t.notOk(charge('192.0.2.1', 0.1 * SECOND))
  t.notOk(charge('192.0.2.1', 0), 'nor may it connect')
  t.ok(charge('192.0.2.2', 0), 'another client in its network may')
  t.equal(budget.counts.closed, 2)
  t.match(reports[0], { isNetwork: false, used: 0.26, allowed: 0.25 })
  pass(200)
  t.ok(charge('192.0.2.1', 0))
  t.end()
})

t.test('allows a share in the long run', t => {
  const { charge, pass } = stage()
  let done = 0
  for (let at = 0; at < 60_000; at += 10) {
    pass(10)
    if (!charge('192.0.2.1', 0)) continue
    charge('192.0.2.1', 5 * MILLISECOND)
    done += 5
  }
  // Beside what it may use at once: 1.25 s.
  t.ok(done > 14_000 && done < 17_000, `${done} ms in 60 s`)
  t.end()
})

t.test('has a share for the network of a client, but sheds no newcomer', t => {
  const { charge, reports } = stage()
  const address = (i: number): string => `2001:db8:0:${i}00::1`
  for (let i = 0; i < 50; i++) t.ok(charge(address(i), 100 * MILLISECOND))
  t.notOk(charge(address(50), 10 * MILLISECOND))
  t.notOk(charge(address(7), 0))
  t.ok(charge(address(51), 5 * MILLISECOND))
  t.ok(charge('2001:db8:1::1', 10 * MILLISECOND), 'another network')
  t.match(reports[0], { isNetwork: true, allowed: 1 })
  t.end()
})

t.test('sheds those that use most while the thread is short of CPU time', t => {
  const one = stage()
  const { charge, pass } = one
  const use = new Map([
    ['192.0.2.1', 200],
    ['198.51.100.1', 100],
    ['203.0.113.1', 8]
  ])
  const shed: string[] = []
  one.busy = 1
  for (let second = 0; second < 20; second++) {
    pass(1000)
    for (const [address, ms] of use) {
      if (charge(address, ms * MILLISECOND)) continue
      shed.push(address)
      use.delete(address)
    }
  }
  t.strictSame(shed, ['192.0.2.1'], 'then there is room for the others')
  one.busy = 0.5
  pass(30_000)
  t.ok(charge('192.0.2.1', 1000 * MILLISECOND), 'then shares are as before')
  t.end()
})

t.test('lowers no share while the thread is busy with queries', t => {
  const one = stage()
  one.busy = 1
  for (let second = 0; second < 20; second++) {
    one.pass(1000)
    t.ok(one.charge('192.0.2.1', 200 * MILLISECOND))
  }
  t.end()
})

t.test('does not limit exempt clients, nor with a share of 0', t => {
  for (const { charge } of [stage({ share: 0 }), stage({ exempt: { find: () => 1 } })]) {
    for (let i = 0; i < 5; i++) t.ok(charge('192.0.2.1', SECOND))
  }
  t.end()
})

t.test('keeps to changed limits', t => {
  const { charge, budget } = stage()
  t.ok(charge('192.0.2.1', 200 * MILLISECOND))
  budget.configure({ share: 0.01, bits: { ipv4: 32, ipv6: 56 }, exempt: undefined })
  t.notOk(charge('192.0.2.1', 0))
  t.end()
})

/** What many clients behind one address use in a second, with and without an attack from elsewhere. */
const ORDINARY = {
  'a site of 2,000 devices restarts: 100 connections in a second, the limit':
    100 * COST.fullHandshake,
  'as many devices, a connection of 10 s each': 10 * COST.fullHandshake
}

for (const [it, cost] of Object.entries(ORDINARY)) {
  t.test(`ordinary use behind one address is not limited: ${it}`, (t: Test) => {
    const one = stage()
    t.ok(one.charge('192.0.2.1', cost))
    for (let second = 0; second < 60; second++) {
      one.pass(1000)
      t.ok(one.charge('192.0.2.1', 10 * COST.fullHandshake))
    }
    t.end()
  })
}

t.test('a table of use keeps clients that use much', t => {
  const table = new UsageTable(1000, 7)
  table.add(1, 2, 1000, 0)
  for (let i = 0; i < 200_000; i++) table.add(3, i, 1, 1)
  t.equal(table.add(1, 2, 0, 0), 1000)
  t.equal(Math.round(table.add(1, 2, 0, 1000)), 368, 'as long as it counts')
  t.equal(table.add(5, 6, 0, 0), 0)
  t.end()
})

t.test('counts records, however they are split', t => {
  const record = (size: number): Buffer =>
    Buffer.concat([Buffer.of(23, 3, 3, size >> 8, size & 0xff), Buffer.alloc(size, 0xff)])
  const octets = Buffer.concat([22, 0, 300, 1, 22].map(record))
  t.equal(new RecordCounter().count(octets, octets.length), 5)
  t.equal(new RecordCounter().count(octets, octets.length - 1), 4)
  for (let at = 0; at <= octets.length; at++) {
    const counter = new RecordCounter()
    const parts = [octets.subarray(0, at), octets.subarray(at)]
    t.equal(
      parts.reduce((sum, part) => sum + counter.count(part, part.length), 0),
      5
    )
  }
  const counter = new RecordCounter()
  const each = [...octets].map(octet => counter.count(Buffer.of(octet), 1))
  t.equal(
    each.reduce((sum, count) => sum + count),
    5
  )
  t.end()
})
