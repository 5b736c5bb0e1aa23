import t from 'tap'
import { newKey } from './keys.js'
import { NOW, TYPE, covers, wire, type ZoneOptions } from './zone.js'
import { withoutSignatures, World } from './world.js'

const DAY = 86_400

function build(options: ZoneOptions = {}) {
  const world = new World()
  const zone = world.zone('example', options).a('www.example')
  return { world, zone }
}

t.test('expired signatures', async t => {
  const { world } = build({ inception: NOW - 20 * DAY, expiration: NOW - DAY })
  const { verdict, ede, reason, steps } = await world.validate('www.example')
  t.match({ verdict, ede }, { verdict: 'bogus', ede: 7 })
  t.match(reason, /^example DNSKEY: .*key \d+ \(ECDSAP256SHA256\) of example expired on 2026-05-31/)
  t.match(steps.at(-2), { subject: 'example DNSKEY', verdict: 'bogus' })
})

t.test('signatures of the future, as of a clock that is wrong', async t => {
  const { world } = build({ inception: NOW + 3600, expiration: NOW + DAY })
  t.match(await world.validate('www.example'), {
    verdict: 'bogus',
    ede: 8,
    reason: /not valid before 2026-06-01 01:00:00 UTC; the clock of this machine says 2026-06-01/
  })
})

t.test('signature times wrap around', async t => {
  const world = new World({ inception: 2 ** 32 - 1000, expiration: 2 ** 32 + 1000 })
  const options = { inception: 2 ** 32 - 1000, expiration: 1000 }
  world.zone('example', options).a('www.example')
  for (const now of [2 ** 32 - 500, 2 ** 32, 2 ** 32 + 500]) {
    world.now = now
    t.match(await world.validate('www.example'), { verdict: 'secure' }, String(now))
  }
  world.now = 2 ** 32 + 2000
  t.match(await world.validate('www.example'), { verdict: 'bogus', ede: 7 })
})

t.test('a signature that expires before it begins', async t => {
  const { world } = build({ inception: NOW + 3600, expiration: NOW - 3600 })
  t.match(await world.validate('www.example'), { verdict: 'bogus', ede: 6 })
})

t.test('no signatures: a server on the way strips them', async t => {
  const { world } = build()
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = withoutSignatures(it.answer, TYPE.A)
  }
  t.match(await world.validate('www.example'), {
    verdict: 'bogus',
    ede: 10,
    reason: 'www.example A: no RRSIG, although example is signed'
  })
})

t.test('a record that was changed', async t => {
  const { world, zone } = build()
  world.tamper = (_, type, it) => {
    if (type === TYPE.A)
      it.answer = it.answer.map(rr =>
        rr.type === TYPE.A ? { ...rr, rdata: Uint8Array.of(1, 2, 3, 4) } : rr
      )
  }
  t.match(await world.validate('www.example'), {
    verdict: 'bogus',
    ede: 6,
    reason: `www.example A: signature of key ${zone.zsk.tag} (ECDSAP256SHA256) of example does not verify`
  })
})

t.test('a record that was added, and one that was removed', async t => {
  const { world, zone } = build()
  zone.a('www.example', 2)
  world.tamper = (name, type, it) => {
    if (type === TYPE.A) it.answer.push({ name, type, rdata: Uint8Array.of(192, 0, 2, 9) })
  }
  t.match(await world.validate('www.example'), { verdict: 'bogus' })
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = it.answer.slice(1)
  }
  t.match(await world.validate('www.example'), { verdict: 'bogus' })
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer = [...it.answer.toReversed(), it.answer[0]!]
  }
  t.match(await world.validate('www.example'), { verdict: 'secure' }, 'order and duplicates')
})

t.test('another key than the DS says', async t => {
  const { world, zone } = build()
  world.tamper = (name, type, it) => {
    if (name !== 'example' || type !== TYPE.DNSKEY) return
    const forged = newKey()
    const rrs = [{ name, type, rdata: forged.rdata, ttl: 3600 }]
    it.answer = [...rrs, zone.signRrset(rrs, forged)]
  }
  t.match(await world.validate('www.example'), {
    verdict: 'bogus',
    ede: 9,
    reason: /no DNSKEY of example matches DS in \. \(key \d+\)/
  })
})

t.test('DNSKEY signed only by a key that no DS matches', async t => {
  const { world, zone } = build()
  world.tamper = (name, type, it) => {
    if (name !== 'example' || type !== TYPE.DNSKEY) return
    const keys = it.answer.filter(rr => rr.type === TYPE.DNSKEY)
    it.answer = [...keys, zone.signRrset(keys, zone.zsk)]
  }
  t.match(await world.validate('www.example'), { verdict: 'bogus', ede: 9 })
})

t.test('malformed keys are ignored', async t => {
  const { world, zone } = build()
  zone.extraKeys.push(Uint8Array.of(1, 0, 3))
  t.match(await world.validate('www.example'), { verdict: 'secure' })
})

t.test('a malformed NSEC record that is signed', async t => {
  const { world, zone } = build()
  world.tamper = (name, _, it) => {
    if (name !== 'none.example') return
    const rrs = [{ name: 'example', type: TYPE.NSEC, rdata: Uint8Array.of(0, 0, 0), ttl: 300 }]
    it.authority = [...rrs, zone.signRrset(rrs, zone.zsk)]
  }
  t.match(await world.validate('none.example'), { verdict: 'bogus', ede: 6, reason: 'malformed' })
})

t.test('signatures themselves are not signed', async t => {
  const { world } = build()
  t.match(await world.validate('www.example', TYPE.RRSIG), { verdict: 'insecure' })
})

t.test('no DNSKEY', async t => {
  const { world } = build()
  world.tamper = (name, type, it) => {
    if (name === 'example' && type === TYPE.DNSKEY) it.answer = []
  }
  t.match(await world.validate('www.example'), { verdict: 'bogus', ede: 9 })
})

t.test('DS removed without proof', async t => {
  const { world } = build()
  world.tamper = (name, type, it) => {
    if (name !== 'example' || type !== TYPE.DS) return
    it.answer = []
  }
  t.match(await world.validate('www.example'), {
    verdict: 'bogus',
    ede: 12,
    reason: '. neither has DS of example nor proves that there is none'
  })
})

t.test('keys that may not sign: no zone key flag, another protocol, revoked', async t => {
  for (const change of [
    (rdata: Uint8Array) => (rdata[0] = 0),
    (rdata: Uint8Array) => (rdata[2] = 2),
    (rdata: Uint8Array) => (rdata[1]! |= 0x80)
  ]) {
    const { world, zone } = build()
    const key = newKey(13, 256)
    change(key.rdata)
    let sum = 0
    for (const [i, octet] of key.rdata.entries()) sum += i & 1 ? octet : octet << 8
    const tag = (sum + (sum >>> 16)) & 0xffff
    zone.extraKeys.push(key.rdata)
    zone.add('new.example', TYPE.A, [192, 0, 2, 3])
    world.tamper = (name, type, it) => {
      if (name !== 'new.example' || type !== TYPE.A) return
      const rrs = it.answer.filter(rr => rr.type === TYPE.A)
      it.answer = [...rrs, zone.signRrset(rrs, key, { tag })]
    }
    t.match(await world.validate('new.example'), { verdict: 'bogus', ede: 11 })
  }
})

t.test('a signature that names another zone', async t => {
  const { world, zone } = build()
  const other = world.zone('other')
  world.tamper = (name, type, it) => {
    if (name !== 'www.example' || type !== TYPE.A) return
    const rrs = it.answer.filter(rr => rr.type === TYPE.A)
    it.answer = [...rrs, other.signRrset(rrs, other.zsk)]
  }
  t.match(await world.validate('www.example'), {
    verdict: 'bogus',
    ede: 10,
    reason: 'only of other'
  })
  world.tamper = (name, type, it) => {
    if (name !== 'www.example' || type !== TYPE.A) return
    const rrs = it.answer.filter(rr => rr.type === TYPE.A)
    it.answer = [...rrs, zone.signRrset(rrs, zone.zsk, { signer: 'www.example' })]
  }
  t.match(await world.validate('www.example'), { verdict: 'bogus', ede: 10 })
})

t.test('a signature with more labels than the name', async t => {
  const { world, zone } = build()
  world.tamper = (_, type, it) => {
    if (type !== TYPE.A) return
    const rrs = it.answer.filter(rr => rr.type === TYPE.A)
    it.answer = [...rrs, zone.signRrset(rrs, zone.zsk, { labels: 3 })]
  }
  t.match(await world.validate('www.example'), { verdict: 'bogus', ede: 6 })
})

t.test('one good signature among bad ones is enough', async t => {
  const { world, zone } = build()
  world.tamper = (_, type, it) => {
    if (type !== TYPE.A) return
    const rrs = it.answer.filter(rr => rr.type === TYPE.A)
    it.answer.splice(
      1,
      0,
      zone.signRrset(rrs, newKey()),
      zone.signRrset(rrs, zone.zsk, { labels: 3 })
    )
  }
  t.match(await world.validate('www.example'), { verdict: 'secure' })
})

t.test('two algorithms: one that is not supported beside one that is', async t => {
  const { world, zone } = build()
  const { tag } = zone.ksk
  world.root.add('example', TYPE.DS, [tag >> 8, tag & 0xff, 200, 2, ...new Uint8Array(32)])
  t.match(await world.validate('www.example'), { verdict: 'secure' })
})

t.test('upstreams that do not answer: indeterminate, and soon retried', async t => {
  for (const question of ['www.example 1', 'example 43', 'example 48', '. 48']) {
    const { world } = build()
    world.failing.set(question, 'test: SERVFAIL')
    const validator = world.validator()
    const first = await validator.validate(wire('www.example'), TYPE.A)
    t.match(first, { verdict: 'indeterminate', ede: 5, reason: 'test: SERVFAIL' }, question)
    world.failing.clear()
    t.match(await validator.validate(wire('www.example'), TYPE.A), { verdict: 'indeterminate' })
    world.now += 6
    t.match(await validator.validate(wire('www.example'), TYPE.A), { verdict: 'secure' })
  }
})

t.test('without a trust anchor: indeterminate', async t => {
  const { world } = build()
  const { Validator } = await import('../../src/resolver/validation/validator.js')
  const { TrustAnchors } = await import('../../src/resolver/validation/trust-anchors.js')
  const options = { source: world, now: () => NOW, cpuTime: () => 0 }
  const ds = `corp.example DS 1 13 2 ${'00'.repeat(32)}`
  const validator = new Validator({ ...options, anchors: new TrustAnchors([ds]) })
  t.match(await validator.validate(wire('www.example'), TYPE.A), {
    verdict: 'indeterminate',
    reason: 'no trust anchor'
  })
})

t.test("an anchor of an internal zone replaces the parent's proof", async t => {
  const { world } = build()
  world.root.add('internal', TYPE.NS, wire('ns.example'))
  const zone = world.zone('corp.internal', { digests: [] }).a('www.corp.internal')
  t.match(await world.validate('www.corp.internal'), { verdict: 'insecure' })
  const key = Buffer.from(zone.ksk.rdata.subarray(4)).toString('base64')
  const validator = world.validator(undefined, [`corp.internal IN DNSKEY 257 3 13 ${key}`])
  t.match(await validator.validate(wire('www.corp.internal'), TYPE.A), { verdict: 'secure' })
})

t.test('RRSIG covering is what decides, not its order', async t => {
  const { world } = build()
  world.tamper = (_, type, it) => {
    if (type === TYPE.A) it.answer.sort((a, b) => Number(covers(b, 1)) - Number(covers(a, 1)))
  }
  t.match(await world.validate('www.example'), { verdict: 'secure' })
})
