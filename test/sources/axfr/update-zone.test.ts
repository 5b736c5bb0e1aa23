import t from 'tap'
import { nxdomain, TestPrimary } from './primary.js'
import { Rig } from './rig.js'

const FIRST = { serial: 1, policies: nxdomain('one', 'two', 'three', 'four', 'five') }
const SECOND = { serial: 2, policies: nxdomain('one', 'three', 'four', 'five', 'six') }
const THIRD = { serial: 3, policies: nxdomain('one', 'two', 'four', 'five', 'six', 'seven') }

t.test('a zone without a copy is transferred as a whole, in any number of messages', async t => {
  for (const perMessage of [1, 3, 100]) {
    const primary = await TestPrimary.open(t, [FIRST])
    primary.perMessage = perMessage
    const rig = new Rig(t)
    const update = await rig.update([primary.as()])
    const wanted = { kind: 'taken', id: 'rpz-main', serial: 1, primary: 'p1', from: 'axfr' }
    t.match(update, { ...wanted, entries: 5, bad: [] })
    t.strictSame(primary.types(), ['SOA', 'AXFR'])
    t.strictSame(await rig.names(), ['one', 'two', 'three', 'four', 'five'])
    t.equal((await rig.text()).split('\n')[1], 'one.rpz.example. 60 IN CNAME .')
    const record = await rig.record()
    t.match(record, { failures: 0, copy: { serial: 1, refresh: 3600, retry: 600, expire: 86_400 } })
    t.equal(record.refreshed, record.tried)
  }
})

t.test('afterwards only changes are transferred, over several versions', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const rig = new Rig(t)
  await rig.update([primary.as()])
  primary.states.push(SECOND, THIRD)
  const update = await rig.update([primary.as()])
  t.match(update, { kind: 'taken', serial: 3, from: 'ixfr', changes: 5 })
  t.strictSame(primary.types(), ['SOA', 'AXFR', 'SOA', 'IXFR'])
  t.equal(primary.asked[3]!.have, 1)
  t.strictSame(await rig.names(), ['one', 'four', 'five', 'six', 'two', 'seven'])
  t.equal(await rig.serial(), 3)
  const lines = (await rig.text()).split('\n')
  t.equal(lines[2], ';wo.rpz.example. 60 IN CNAME .', 'a line that is gone is a comment')
  t.equal(lines[5], 'five.rpz.example. 60 IN CNAME .', 'no line has moved')
  if (update.kind !== 'taken') throw new Error(update.kind)
  t.strictSame(update.delta, {
    removed: ['two.rpz.example. 60 IN CNAME .', 'three.rpz.example. 60 IN CNAME .'],
    added: [
      'six.rpz.example. 60 IN CNAME .',
      'two.rpz.example. 60 IN CNAME .',
      'seven.rpz.example. 60 IN CNAME .'
    ],
    lines: [7, 8, 9],
    addedLines: 3
  })
  update.delta!.added.forEach((line, i) => t.equal(lines[update.delta!.lines[i]! - 1], line))
})

t.test('an unchanged zone is not transferred, and counts as confirmed', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const rig = new Rig(t)
  await rig.update([primary.as()])
  rig.now += 1000
  t.match(await rig.update([primary.as()]), { kind: 'unchanged', serial: 1 })
  t.strictSame(primary.types(), ['SOA', 'AXFR', 'SOA'])
  t.equal((await rig.record()).refreshed, new Date(rig.now).toISOString())
})

t.test('a primary that sent a NOTIFY is not queried for its SOA first', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const rig = new Rig(t)
  await rig.update([primary.as()], true)
  primary.states.push(SECOND)
  t.match(await rig.update([primary.as()], true), { kind: 'taken', serial: 2, from: 'ixfr' })
  t.match(await rig.update([primary.as()], true), { kind: 'unchanged', serial: 2 })
  t.strictSame(primary.types(), ['SOA', 'AXFR', 'IXFR', 'IXFR'])
})

t.test('a primary without differences sends the whole zone', async t => {
  const primary = await TestPrimary.open(t, [FIRST])
  const rig = new Rig(t)
  await rig.update([primary.as()])
  primary.states = [THIRD]
  t.match(await rig.update([primary.as()]), {
    kind: 'taken',
    serial: 3,
    from: 'axfr',
    delta: undefined
  })
  t.strictSame(primary.types(), ['SOA', 'AXFR', 'SOA', 'IXFR'])
  t.strictSame(await rig.names(), ['one', 'two', 'four', 'five', 'six', 'seven'])
})

t.test('where IXFR fails, AXFR is used', async t => {
  const cases = [
    { it: 'FORMERR', say: 1 },
    { it: 'NOTIMP', say: 4 },
    { it: 'REFUSED', say: 5 },
    { it: 'garbage', say: 'garbage' },
    { it: 'a serial that does not fit', say: 'misfit' },
    { it: 'removals of what is not there', say: 'unknown' },
    { it: 'an end too early', say: 'early' }
  ] as const
  for (const { it, say } of cases) {
    const primary = await TestPrimary.open(t, [FIRST])
    const rig = new Rig(t)
    await rig.update([primary.as()])
    primary.states.push(SECOND)
    primary.answer = asked => {
      if (asked.type !== 'IXFR') return undefined
      if (typeof say === 'number') return [primary.rcode(asked, say)]
      if (say === 'garbage')
        return [Uint8Array.of(asked.id >> 8, asked.id & 255, 0x84, 0, 0, 0, 0, 9)]
      if (say === 'early') return { thenClose: primary.messages(asked, [primary.soa(2)]) }
      const at = say === 'misfit' ? 7 : 1
      const gone = primary.policies({ serial: 1, policies: nxdomain('nowhere') })
      const parts = [primary.soa(2), primary.soa(at), ...gone, primary.soa(2), primary.soa(2)]
      return primary.messages(asked, parts)
    }
    const update = await rig.update([primary.as()])
    t.match(update, { kind: 'taken', serial: 2, from: 'axfr' }, it)
    t.strictSame(primary.types().slice(2), ['SOA', 'IXFR', 'AXFR'], it)
    t.strictSame(await rig.names(), Object.keys(SECOND.policies), it)
  }
})

t.test('serials wrap around: the last one is followed by the first', async t => {
  const primary = await TestPrimary.open(t, [{ ...FIRST, serial: 0xffff_ffff }])
  const rig = new Rig(t)
  await rig.update([primary.as()])
  primary.states.push({ ...SECOND, serial: 3 })
  t.match(await rig.update([primary.as()]), { kind: 'taken', serial: 3, from: 'ixfr' })
  primary.states = [{ ...FIRST, serial: 0xffff_fff0 }]
  t.match(await rig.update([primary.as()]), { kind: 'unchanged', serial: 3 }, 'no way back')
})

t.test('no version replaces a newer one, whatever the SOA said', async t => {
  const cases = [
    { it: 'an older zone instead of changes', serial: 2, by: 'IXFR' },
    { it: 'an older zone where IXFR fails', serial: 2, by: 'AXFR' },
    { it: 'the same serial with another content', serial: 3, by: 'AXFR' },
    { it: 'half the serial space ahead', serial: 0x8000_0003, by: 'AXFR' }
  ] as const
  for (const { it, serial, by } of cases) {
    const primary = await TestPrimary.open(t, [THIRD])
    const rig = new Rig(t)
    await rig.update([primary.as()])
    primary.answer = asked => {
      if (asked.type === 'SOA') return primary.messages(asked, [primary.soa(4)])
      if (asked.type !== by) return [primary.rcode(asked, 4)]
      return primary.messages(asked, primary.whole({ ...FIRST, serial }))
    }
    for (const isNotified of [false, true]) {
      const { kind } = await rig.update([primary.as()], isNotified)
      t.equal(kind, 'failed', it)
      t.strictSame(await rig.names(), Object.keys(THIRD.policies), it)
      t.equal(await rig.serial(), 3, it)
    }
  }
})

t.test('changes whose versions do not follow each other are not applied', async t => {
  const cases = [
    { it: 'a gap between two versions', chain: [1, 2, 3, 4] },
    { it: 'a version twice', chain: [1, 2, 1, 2] },
    { it: 'backwards', chain: [1, 4, 4, 2] },
    { it: 'from a later version', chain: [2, 4] },
    { it: 'to another version than announced', chain: [1, 3] }
  ] as const
  for (const { it, chain } of cases) {
    const primary = await TestPrimary.open(t, [FIRST])
    const rig = new Rig(t)
    await rig.update([primary.as()])
    primary.states.push({ ...SECOND, serial: 4 })
    primary.answer = asked => {
      if (asked.type !== 'IXFR') return undefined
      const serials = [4, ...chain, 4].map(serial => primary.soa(serial))
      return { thenClose: primary.messages(asked, serials) }
    }
    const update = await rig.update([primary.as()])
    t.match(update, { kind: 'taken', serial: 4, from: 'axfr' }, it)
    t.strictSame(await rig.names(), Object.keys(SECOND.policies), it)
  }
})

t.test('of several primaries, the one with the highest serial is used', async t => {
  const old = await TestPrimary.open(t, [FIRST])
  const good = await TestPrimary.open(t, [FIRST, SECOND])
  const gone = await TestPrimary.open(t, [THIRD])
  gone.close()
  const rig = new Rig(t)
  const update = await rig.update([gone.as('gone'), old.as('old'), good.as('good')])
  t.match(update, { kind: 'taken', serial: 2, primary: 'good' })
  t.match(update.bad, [{ primary: 'gone', code: 'TRANSFER_CONNECT' }])
  t.strictSame(old.types(), ['SOA'])
})

t.test('when the best one fails, the next is used', async t => {
  const broken = await TestPrimary.open(t, [FIRST, SECOND])
  broken.answer = ({ type }) => (type === 'AXFR' ? 'close' : undefined)
  const good = await TestPrimary.open(t, [FIRST])
  const rig = new Rig(t)
  const update = await rig.update([broken.as('broken'), good.as('good')])
  t.match(update, { kind: 'taken', serial: 1, primary: 'good' })
  t.match(update.bad, [{ primary: 'broken', code: 'TRANSFER_BROKEN' }])
})

t.test('a grown journal is merged into the base', async t => {
  const many = (serial: number, from: number, count: number) => {
    const names = Array.from({ length: count }, (_, i) => `name-${from + i}.${'long'.repeat(9)}`)
    return { serial, policies: nxdomain(...names) }
  }
  const primary = await TestPrimary.open(t, [many(1, 0, 12_000)])
  primary.perMessage = 500
  const rig = new Rig(t)
  rig.maxSize = 10_000_000
  rig.list = { ...rig.list, maxSize: 10_000_000 }
  await rig.update([primary.as()])
  primary.states.push(many(2, 9_000, 12_000))
  const update = await rig.update([primary.as()])
  t.match(update, { kind: 'taken', serial: 2, from: 'ixfr', changes: 18_000, delta: undefined })
  t.throws(() => rig.read('.journal'), { code: 'ENOENT' })
  t.equal(await rig.serial(), 2)
  t.equal((await rig.names()).length, 12_000)
  t.match(rig.read('.zone'), /^rpz\.example\. 60 IN SOA ns\.example\. admin\.example\. 2 /)
})
