import t from 'tap'
import { Counters } from '../../src/analysis/replay/counters.js'
import { NameInterner } from '../../src/analysis/replay/name-interner.js'
import { randomHashKey } from '../../src/analysis/replay/octet-interner.js'

t.test('counts by ids of any size', async t => {
  const counters = new Counters()
  for (const id of [0, 5000, 0, 70_000]) counters.add(id)
  const counts: unknown[] = []
  counters.forEach((count, id) => counts.push([id, count]))
  t.strictSame(counts, [
    [0, 2],
    [5000, 1],
    [70_000, 1]
  ])
})

t.test('gives ids to names, again from 0 once all are removed', async t => {
  const names = new NameInterner(randomHashKey(() => 0.5))
  for (let round = 0; round < 2; round++) {
    const id = names.idOfText(`www.example${round}`)
    t.equal(id, 0)
    t.equal(names.idOfText(`WWW.Example${round}.`), id, 'each spelling')
    t.equal(names.idOfText('a..b'), -1, 'not a domain name')
    t.equal(names.idOfWire(names.wireOf(id).slice()), id)
    t.equal(names.textOf(id), `www.example${round}`)
    t.notOk(names.isFull)
    names.clear()
  }
})
