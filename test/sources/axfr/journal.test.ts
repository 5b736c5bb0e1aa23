import t, { type Test } from 'tap'
import { nxdomain, TestPrimary } from './primary.js'
import { Rig } from './rig.js'

const STATES = [
  { serial: 1, policies: nxdomain('one', 'two') },
  { serial: 2, policies: nxdomain('one', 'three') },
  { serial: 3, policies: nxdomain('one', 'four') }
]

/** With a base and two versions in the journal. */
async function rig(t: Test): Promise<{ rig: Rig; primary: TestPrimary; lengths: number[] }> {
  const primary = await TestPrimary.open(t, STATES.slice(0, 1))
  const rig = new Rig(t)
  await rig.update([primary.as()])
  const lengths = [0]
  for (const state of STATES.slice(1)) {
    primary.states.push(state)
    await rig.update([primary.as()])
    lengths.push(rig.read('.journal').length)
  }
  return { rig, primary, lengths }
}

t.test('wherever a journal is torn, its complete versions count, and nothing else', async t => {
  const { rig: one, lengths } = await rig(t)
  const journal = one.read('.journal')
  for (let length = 0; length <= journal.length; length++) {
    one.write('.journal', journal.slice(0, length))
    const serial = length >= lengths[2]! ? 3 : length >= lengths[1]! ? 2 : 1
    if ((await one.serial()) !== serial) t.fail(`${length} octets: serial ${await one.serial()}`)
  }
  t.strictSame(await one.names(), ['one', 'four'])
})

t.test('an altered octet ends it as well', async t => {
  const { rig: one, lengths } = await rig(t)
  const journal = one.read('.journal')
  for (let at = 0; at < journal.length; at++) {
    const other = journal[at] === 'x' ? 'y' : 'x'
    one.write('.journal', journal.slice(0, at) + other + journal.slice(at + 1))
    const serial = at < lengths[1]! ? 1 : 2
    if ((await one.serial()) !== serial) t.fail(`octet ${at}: serial ${await one.serial()}`)
  }
})

t.test('after a torn journal, updates continue from the last complete version', async t => {
  const { rig: one, primary, lengths } = await rig(t)
  const journal = one.read('.journal')
  one.write('.journal', journal.slice(0, lengths[2]! - 5))
  primary.states.push({ serial: 4, policies: nxdomain('one', 'five') })
  t.match(await one.update([primary.as()]), { kind: 'taken', serial: 4, from: 'ixfr' })
  t.equal(primary.asked.at(-1)!.have, 2)
  t.equal(await one.serial(), 4)
  t.strictSame(await one.names(), ['one', 'five'])
})

t.test('the journal of another base does not count', async t => {
  const { rig: one } = await rig(t)
  const journal = one.read('.journal')
  const other = await TestPrimary.open(t, [{ serial: 9, policies: nxdomain('nine') }])
  await one.update([other.as()])
  one.write('.journal', journal)
  t.equal(await one.serial(), 9)
  t.strictSame(await one.names(), ['nine'])
})

t.test('a journal changed by another process is left alone', async t => {
  const { rig: one, primary } = await rig(t)
  const journal = one.read('.journal')
  primary.states.push({ serial: 4, policies: nxdomain('one', 'five') })
  primary.answer = ({ type }) => {
    if (type === 'IXFR') one.write('.journal', `${journal}@`)
    return undefined
  }
  const trouble = { code: 'TRANSFER_STATE' }
  t.match(await one.update([primary.as()]), { kind: 'failed', trouble })
  t.equal(await one.serial(), 3)
})

t.test('unreadable record: everything is fetched again', async t => {
  const { rig: one, primary } = await rig(t)
  one.write('.json', '{')
  t.match(await one.update([primary.as()]), { kind: 'taken', serial: 3, from: 'axfr' })
  t.strictSame(await one.names(), ['one', 'four'])
})

t.test('the copy of another zone does not count', async t => {
  const { rig: one } = await rig(t)
  one.write('.zone', one.read('.zone').replace(/^rpz/, 'xyz'))
  t.equal(await one.serial(), undefined)
})
