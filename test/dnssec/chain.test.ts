import t from 'tap'
import { TYPE } from './zone.js'
import { World } from './world.js'

for (const algorithm of [8, 10, 13, 14, 15, 16]) {
  t.test(`a chain signed with algorithm ${algorithm}`, async t => {
    const world = new World({ algorithm })
    world.zone('example', { algorithm })
    world.zone('shop.example', { algorithm, digests: [4] }).a('www.shop.example')
    const { verdict, reason, steps } = await world.validate('www.shop.example')
    t.equal(verdict, 'secure', reason)
    t.strictSame(
      steps.map(({ subject }) => subject),
      [
        '. DNSKEY',
        'example DS',
        'example DNSKEY',
        'shop.example DS',
        'shop.example DNSKEY',
        'www.shop.example A'
      ]
    )
  })
}

t.test('a name below several empty labels of one zone', async t => {
  const world = new World()
  world.zone('example').a('a.b.c.d.example')
  t.match(await world.validate('a.b.c.d.example'), { verdict: 'secure' })
})

t.test('an apex, and its DS', async t => {
  const world = new World()
  world.zone('example').a('example')
  t.match(await world.validate('example'), { verdict: 'secure' })
  t.match(await world.validate('example', TYPE.DS), { verdict: 'secure' })
  t.match(await world.validate('example', TYPE.DNSKEY), { verdict: 'secure' })
})
