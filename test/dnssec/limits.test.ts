import t from 'tap'
import { VALIDATION_LIMITS } from '../../src/resolver/validation/validation-budget.js'
import { withTag } from './keys.js'
import { TYPE, wire, type Rr } from './zone.js'
import { World } from './world.js'

/** A zone with many keys of the same tag and algorithm, and answers with signatures that none of them made. */
function keyTrap() {
  const world = new World()
  const zone = world.zone('trap')
  for (let i = 0; i < 20; i++) zone.extraKeys.push(withTag(zone.zsk, i))
  for (let i = 0; i < 30; i++) zone.a(`n${i}.trap`)
  world.tamper = (name, type, it) => {
    if (!name.endsWith('.trap') || type !== TYPE.A) return
    const [signature] = it.answer.filter(rr => rr.type === TYPE.RRSIG)
    const records = it.answer.filter(rr => rr.type === TYPE.A)
    const broken = Array.from({ length: 20 }, (_, i): Rr => {
      const rdata = Uint8Array.from(signature!.rdata)
      rdata[rdata.length - 1 - (i % 30)]! ^= 0x55 + i
      return { ...signature!, rdata }
    })
    it.answer = [...records, ...broken]
  }
  return { world, zone }
}

t.test('keys with the same tag really have it', async t => {
  const { world, zone } = keyTrap()
  t.equal(new Set(zone.extraKeys.map(rdata => Buffer.from(rdata).toString('hex'))).size, 20)
  world.tamper = undefined
  const { verdict, work } = await world.validate('n1.trap')
  t.equal(verdict, 'secure')
  t.ok(work.verifications < VALIDATION_LIMITS.failedVerifications)
})

t.test('KeyTrap: failed verifications are limited for each query, and for each zone', async t => {
  const { world } = keyTrap()
  const validator = world.validator()
  let failed = 0
  for (let i = 0; i < 30; i++) {
    const { verdict, ede, work } = await validator.validate(wire(`n${i}.trap`), TYPE.A)
    t.match({ verdict, ede }, { verdict: 'bogus', ede: 6 })
    t.ok(work.failedVerifications <= 16, `${work.failedVerifications} failed`)
    failed += work.failedVerifications
  }
  t.ok(failed <= 64 + 16 + 5 * 2, `${failed} of 30 queries`)
  const { reason } = await validator.validate(wire('n29.trap'), TYPE.A)
  t.match(reason, 'too many signatures of trap failed within a minute')
  world.now += 61
  const later = await validator.validate(wire('n29.trap'), TYPE.A)
  t.match(later, { reason: '16 signatures failed, the last in trap' })
})

t.test(
  'many wrong answers of a zone, with one signature each, do not make its others fail',
  async t => {
    const world = new World()
    const zone = world.zone('example').a('www.example')
    for (let i = 0; i < 100; i++) zone.a(`n${i}.example`)
    world.tamper = (name, type, it) => {
      if (!name.startsWith('n') || type !== TYPE.A) return
      for (const { type, rdata } of it.answer) if (type === TYPE.A) rdata[3]! ^= 1
    }
    const validator = world.validator()
    for (let i = 0; i < 100; i++)
      t.match(await validator.validate(wire(`n${i}.example`), TYPE.A), { verdict: 'bogus' })
    t.match(await validator.validate(wire('www.example'), TYPE.A), { verdict: 'secure' })
  }
)

t.test('a failure is cached, so that the same question takes no work', async t => {
  const { world } = keyTrap()
  const validator = world.validator()
  await validator.validate(wire('n1.trap'), TYPE.A)
  const before = world.queries.length
  await validator.validate(wire('n1.trap'), TYPE.A)
  t.equal(world.queries.length, before)
})

t.test('many DS with the tag of a key but other digests', async t => {
  const world = new World()
  const zone = world.zone('many', { digests: [] }).a('www.many')
  const { tag } = zone.ksk
  for (let i = 0; i < 40; i++)
    world.root.add('many', TYPE.DS, [tag >> 8, tag & 0xff, 13, 2, ...new Uint8Array(32).fill(i)])
  const { verdict, work } = await world.validate('www.many')
  t.equal(verdict, 'bogus')
  t.ok(work.failedVerifications <= 16, String(work.failedVerifications))
})

t.test('NSEC3: hashes are limited', async t => {
  const world = new World()
  const zone = world.zone('example', { nsec3: { iterations: 150 } }).a('www.example')
  const deep = `${'a.'.repeat(110)}example`
  const found = await world.validate(deep)
  t.match(found, { verdict: 'secure' }, 'a name of 110 labels is within the limit')
  const small = world.validator({ ...VALIDATION_LIMITS, hashes: 16 })
  const limited = await small.validate(wire(deep), TYPE.A)
  t.match(limited, {
    verdict: 'bogus',
    ede: 6,
    reason: 'NSEC3 of example needs more than 16 hashes'
  })
  t.equal(limited.work.hashes, 16)
  t.ok(zone.isSigned)
})

t.test('above 150 iterations nothing is hashed', async t => {
  const world = new World()
  world.zone('example', { nsec3: { iterations: 2500 } }).a('www.example')
  t.match(await world.validate('none.example'), {
    verdict: 'insecure',
    ede: 27,
    work: { hashes: 0 }
  })
})

t.test('CPU time is limited; waits for upstreams do not count', async t => {
  const world = new World()
  world.zone('example').a('www.example')
  const { Validator } = await import('../../src/resolver/validation/validator.js')
  const { TrustAnchors } = await import('../../src/resolver/validation/trust-anchors.js')
  const { ksk } = world.root
  const anchor = `. DNSKEY 257 3 13 ${Buffer.from(ksk.rdata.subarray(4)).toString('base64')}`
  let cpu = 0
  let step = 30
  const options = {
    now: () => world.now,
    cpuTime: () => (cpu += step),
    anchors: new TrustAnchors([anchor])
  }
  const source = {
    open: () => {
      const session = world.open()
      return {
        query: (name: Uint8Array, type: number) => {
          cpu += 1000
          return session.query(name, type)
        }
      }
    }
  }
  const slow = await new Validator({ ...options, source }).validate(wire('www.example'), TYPE.A)
  t.match(slow, { verdict: 'indeterminate', ede: 5, reason: 'more than 50 ms of CPU time' })
  t.equal(slow.work.verifications, 3)
  step = 1
  const quick = await new Validator({ ...options, source }).validate(wire('www.example'), TYPE.A)
  t.match(quick, { verdict: 'secure' })
})

t.test('queries are limited', async t => {
  const world = new World()
  const zone = world.zone('example', { nsec3: {} })
  const name = `${'a.'.repeat(100)}example`
  zone.a(name)
  t.match(await world.validate(name), { verdict: 'secure' }, 'the signature names the zone')
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = it.answer.filter(rr => rr.type === TYPE.A)
  }
  const { verdict, work, reason } = await world.validate(name)
  t.match({ verdict, reason }, { verdict: 'indeterminate', reason: 'more than 64 queries' })
  t.equal(work.queries, 64)
})

t.test('what is known of zones is kept', async t => {
  const world = new World()
  world.zone('example').a('a.example').a('b.example')
  const validator = world.validator()
  await validator.validate(wire('a.example'), TYPE.A)
  world.queries.length = 0
  t.match(await validator.validate(wire('b.example'), TYPE.A), { verdict: 'secure' })
  t.strictSame(world.queries, ['b.example 1'])
})
