import t from 'tap'
import { TYPE, wire } from './zone.js'
import { withoutSignatures, World } from './world.js'

function build() {
  const world = new World()
  const zone = world.zone('example')
  const other = world.zone('other', { nsec3: {} })
  const plain = world.zone('plain', { isSigned: false })
  other.a('www.other')
  plain.a('www.plain').cname('signed.plain', 'www.other')
  zone.a('www.example').cname('near.example', 'www.example').cname('far.example', 'www.other')
  zone.cname('two.example', 'far.example').cname('plain.example', 'www.plain')
  zone.cname('gone.example', 'none.other').cname('loop.example', 'loop.example')
  zone.add('sub.example', TYPE.DNAME, wire('other'))
  return { world, zone }
}

const CASES = [
  ['near.example', 'secure', 'in the same zone'],
  ['far.example', 'secure', 'to another zone'],
  ['two.example', 'secure', 'two aliases'],
  ['plain.example', 'insecure', 'from signed to unsigned'],
  ['signed.plain', 'insecure', 'from unsigned to signed'],
  ['gone.example', 'secure', 'to a name that does not exist'],
  ['www.sub.example', 'secure', 'by DNAME'],
  ['none.sub.example', 'secure', 'by DNAME, to a name that does not exist']
] as const

t.test('aliases', async t => {
  const { world } = build()
  for (const [name, verdict, what] of CASES) {
    const found = await world.validate(name)
    t.equal(found.verdict, verdict, `${what}: ${found.reason}`)
  }
})

t.test('an alias without its signature is bogus', async t => {
  const { world } = build()
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = withoutSignatures(it.answer, TYPE.CNAME)
  }
  t.match(await world.validate('far.example'), {
    verdict: 'bogus',
    ede: 10,
    reason: 'far.example CNAME'
  })
})

t.test('the target of a secure alias without a signature is bogus', async t => {
  const { world } = build()
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = withoutSignatures(it.answer, TYPE.A)
  }
  t.match(await world.validate('far.example'), { verdict: 'bogus', reason: 'www.other A' })
  t.match(await world.validate('signed.plain'), { verdict: 'bogus', reason: 'www.other A' })
})

t.test('a CNAME that is not what the DNAME makes of the name', async t => {
  const { world } = build()
  world.tamper = (name, type, it) => {
    if (name !== 'www.sub.example' || type !== TYPE.A) return
    it.answer = it.answer.map(rr =>
      rr.type === TYPE.CNAME ? { ...rr, rdata: wire('www.example') } : rr
    )
  }
  t.match(await world.validate('www.sub.example'), { verdict: 'bogus', ede: 6 })
})

t.test('a DNAME without its signature', async t => {
  const { world } = build()
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = withoutSignatures(it.answer, TYPE.DNAME)
  }
  t.match(await world.validate('www.sub.example'), { verdict: 'bogus', ede: 10 })
})

t.test('a loop ends', async t => {
  const { world } = build()
  t.match(await world.validate('loop.example'), {
    verdict: 'bogus',
    reason: 'more than 16 aliases'
  })
})

t.test('a zone below an alias does not exist, but names beside it do', async t => {
  const { world, zone } = build()
  zone.a('a.near2.example').cname('b.near2.example', 'www.example')
  t.match(await world.validate('a.near2.example'), { verdict: 'secure' })
  t.match(await world.validate('b.near2.example', TYPE.TXT), { verdict: 'secure' })
  t.match(await world.validate('b.near2.example', TYPE.CNAME), { verdict: 'secure' })
})

t.test('a DNAME expanded from a wildcard is bogus', async t => {
  const { world, zone } = build()
  world.tamper = (name, type, it) => {
    if (name !== 'www.any.example' || type !== TYPE.A) return
    const dname = { name: '*.example', type: TYPE.DNAME, rdata: wire('other'), ttl: 3600 }
    const signature = zone.signRrset([dname], zone.zsk)
    const expanded = [dname, signature].map(rr => ({ ...rr, name: 'any.example' }))
    it.rcode = 0
    it.answer = [...expanded, ...world.resolve('www.other', TYPE.A).answer]
    it.authority = zone.expansion('any.example')
  }
  const found = await world.validate('www.any.example')
  t.match(found, { verdict: 'bogus', reason: 'any.example DNAME: expanded from a wildcard' })
})
