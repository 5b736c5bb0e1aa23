import t from 'tap'
import { TYPE, wire, Zone, type Rr, type ZoneOptions } from './zone.js'
import { World } from './world.js'

const SALT = Uint8Array.of(0xab, 0xcd)
const KINDS: readonly (readonly [string, ZoneOptions, 'secure' | 'insecure'])[] = [
  ['NSEC', {}, 'secure'],
  ['NSEC3', { nsec3: {} }, 'secure'],
  ['NSEC3 with salt and 150 iterations', { nsec3: { iterations: 150, salt: SALT } }, 'secure'],
  ['NSEC3 with 151 iterations', { nsec3: { iterations: 151 } }, 'insecure'],
  ['NSEC3 with opt-out', { nsec3: { optOut: true } }, 'insecure']
]

/** A zone of each kind of denial below a signed root. */
function build(options: ZoneOptions) {
  const world = new World()
  const zone = world.zone('example', options)
  zone.a('www.example').a('a.deep.example').a('*.wild.example').a('x.y.wild.example')
  zone.cname('*.alias.example', 'www.example').add('text.example', TYPE.TXT, [1, 65])
  return { world, zone }
}

for (const [kind, options, outside] of KINDS) {
  const exact = options.nsec3?.iterations === 151 ? 'insecure' : 'secure'
  t.test(kind, async t => {
    const { world } = build(options)
    const verdict = async (name: string, type: number = TYPE.A) => {
      const { verdict, reason } = await world.validate(name, type)
      return `${verdict} ${verdict === 'bogus' ? reason : ''}`.trim()
    }
    t.equal(await verdict('www.example', TYPE.AAAA), exact, 'no such type')
    t.equal(await verdict('deep.example'), exact, 'empty non-terminal')
    t.equal(await verdict('example', TYPE.DS), 'secure', 'DS in the parent')
    t.equal(await verdict('none.example'), outside, 'no such name')
    t.equal(await verdict('b.c.none.example'), outside, 'no such name further down')
    t.equal(await verdict('zzz.example'), outside, 'after the last name')
    t.equal(await verdict('a.wild.example'), outside, 'expanded from a wildcard')
    t.equal(await verdict('a.b.wild.example'), outside, 'expanded over two labels')
    t.equal(await verdict('a.wild.example', TYPE.TXT), outside, 'a wildcard without the type')
    t.equal(await verdict('*.wild.example'), 'secure', 'the wildcard itself')
    t.equal(await verdict('a.alias.example'), outside, 'CNAME from a wildcard')
    t.equal(await verdict('www.example', TYPE.DS), exact, 'DS where no zone begins')
  })
}

for (const [kind, options] of KINDS) {
  t.test(`an unsigned delegation, proven by ${kind}`, async t => {
    const { world } = build(options)
    world.zone('plain.example', { isSigned: false }).a('www.plain.example')
    for (const name of ['www.plain.example', 'none.plain.example', 'plain.example'])
      t.match(await world.validate(name), { verdict: 'insecure' }, name)
    const { reason } = await world.validate('www.plain.example')
    t.match(reason, 'plain.example is not signed')
  })
}

t.test('an island of signatures below an unsigned delegation is insecure', async t => {
  const { world } = build({})
  world.zone('plain.example', { isSigned: false })
  world.zone('island.plain.example').a('www.island.plain.example')
  t.match(await world.validate('www.island.plain.example'), { verdict: 'insecure' })
})

t.test('DS with algorithms or digests that are not supported: insecure', async t => {
  const world = new World()
  const unknown = world.zone('unknown', { digests: [] }).a('www.unknown')
  const { tag } = unknown.ksk
  const ds = (algorithm: number, digest: number) => [tag >> 8, tag & 0xff, algorithm, digest]
  world.root.add('unknown', TYPE.DS, [...ds(200, 2), ...new Uint8Array(32)])
  t.match(await world.validate('www.unknown'), {
    verdict: 'insecure',
    ede: 1,
    reason: 'algorithm 200'
  })
  world.zone('old', { digests: [1] }).a('www.old')
  t.match(await world.validate('www.old'), { verdict: 'insecure', ede: 2, reason: 'digest 1' })
  world.zone('both', { digests: [1, 2] }).a('www.both')
  t.match(await world.validate('www.both'), { verdict: 'secure' })
})

t.test('denial that does not fit is bogus', async t => {
  for (const [kind, options] of KINDS.slice(0, 2)) {
    const type = options.nsec3 === undefined ? TYPE.NSEC : TYPE.NSEC3
    const cases: readonly (readonly [string, string, (world: World) => World['tamper']])[] = [
      [
        'no records of denial',
        'none.example',
        () => (_, qtype, it) => {
          if (qtype === TYPE.A) it.authority = it.authority.filter(rr => rr.type === TYPE.SOA)
        }
      ],
      [
        'a name that exists, denied with records of another',
        'www.example',
        world => (name, qtype, it) => {
          if (name === 'www.example' && qtype === TYPE.A)
            Object.assign(it, world.resolve('none.example', TYPE.A))
        }
      ],
      [
        'NXDOMAIN without proof that there is no wildcard',
        'a.wild.example',
        () => (name, qtype, it) => {
          if (name === 'a.wild.example' && qtype === TYPE.A)
            Object.assign(it, { rcode: 3, answer: [] })
        }
      ],
      [
        'a wildcard used for a name that exists',
        'x.y.wild.example',
        world => (name, qtype, it) => {
          if (name !== 'x.y.wild.example' || qtype !== TYPE.A) return
          const other = world.resolve('q.wild.example', TYPE.A)
          other.answer = other.answer.map(rr => ({ ...rr, name }))
          Object.assign(it, other)
        }
      ]
    ]
    for (const [what, name, tamper] of cases) {
      const { world } = build(options)
      world.tamper = tamper(world)
      const found = await world.validate(name)
      t.equal(found.verdict, 'bogus', `${kind} (${type}): ${what}: ${found.reason}`)
      t.ok([6, 12].includes(found.ede!), `EDE ${found.ede}`)
    }
  }
})

t.test('records of the parent deny nothing in a signed child', async t => {
  for (const [kind, options] of KINDS.slice(0, 2)) {
    const { world, zone } = build(options)
    world.zone('signed.example', options).a('www.signed.example')
    world.tamper = (name, type, it) => {
      if (!name.endsWith('signed.example') || type !== TYPE.A) return
      it.answer = []
      it.authority = zone.denial('signed.example')
    }
    t.match(await world.validate('www.signed.example'), { verdict: 'bogus' }, `${kind}: below`)
    t.match(await world.validate('signed.example'), { verdict: 'bogus' }, `${kind}: at the apex`)
    world.tamper = (name, type, it) => {
      if (name !== 'www.signed.example' || type !== TYPE.A) return
      Object.assign(it, { rcode: 3, answer: [], authority: zone.denial('none.example') })
    }
    t.match(await world.validate('www.signed.example'), { verdict: 'bogus' }, `${kind}: NXDOMAIN`)
  }
})

t.test('a zone with its own trust anchor is not denied by a zone above it', async t => {
  for (const [kind, options] of KINDS.filter(([kind]) => !kind.includes('151'))) {
    const { world, zone } = build(options)
    const island = new Zone('island.example')
    world.zones.push(island.a('www.island.example'))
    const key = Buffer.from(island.ksk.rdata.subarray(4)).toString('base64')
    const anchor = `island.example DNSKEY 257 3 13 ${key}`
    const validate = () => world.validator(undefined, [anchor]).validate(www, TYPE.A)
    const www = wire('www.island.example')
    t.match(await validate(), { verdict: 'secure' }, kind)
    world.tamper = (name, type, it) => {
      if (name !== 'www.island.example' || type !== TYPE.A) return
      Object.assign(it, { rcode: 3, answer: [], authority: zone.denial('none.example') })
    }
    t.match(await validate(), { verdict: 'bogus' }, `${kind}: NXDOMAIN`)
    world.tamper = (name, type, it) => {
      if (name !== 'www.island.example' || type !== TYPE.A) return
      it.answer = it.answer.filter(rr => rr.type === TYPE.A)
      it.authority = zone.denial('none.example')
    }
    t.match(await validate(), { verdict: 'bogus' }, `${kind}: without signatures`)
  }
})

t.test(
  'NSEC records of names outside of their zone, or up to such names, prove nothing',
  async t => {
    const cases = [
      ['wab.example', 'wzz.org', 'www.example'],
      ['aaa', 'zzz.example', 'www.example']
    ] as const
    for (const [owner, next, name] of cases) {
      const { world, zone } = build({})
      world.tamper = (qname, type, it) => {
        if (qname !== name || type !== TYPE.TXT) return
        const rdata = Uint8Array.from([...wire(next), 0, 6, 0, 0, 0, 0, 0, 3])
        const nsec = { name: owner, type: TYPE.NSEC, rdata, ttl: 300 }
        const apex = zone.at('example', TYPE.NSEC)
        const authority = [...apex, nsec, zone.signRrset([nsec], zone.zsk)]
        Object.assign(it, { rcode: 3, answer: [], authority })
      }
      const found = await world.validate(name, TYPE.TXT)
      t.match(found, { verdict: 'bogus', ede: 12 }, `${owner}: ${found.verdict} ${found.reason}`)
    }
  }
)

t.test("the child's own record does not deny its DS", async t => {
  const { world } = build({})
  const child = world.zone('signed.example').a('www.signed.example')
  world.tamper = (name, type, it) => {
    if (name === 'signed.example' && type === TYPE.DS)
      Object.assign(it, { answer: [], authority: child.denial('signed.example') })
  }
  t.match(await world.validate('www.signed.example'), { verdict: 'bogus', ede: 10 })
})

t.test('the NSEC of a wildcard under another name proves nothing', async t => {
  const { world, zone } = build({})
  world.tamper = (name, type, it) => {
    if (name !== 'a.wild.example' || type !== TYPE.TXT) return
    it.authority = zone.at('*.wild.example', TYPE.NSEC).map(rr => ({ ...rr, name }))
  }
  t.match(await world.validate('a.wild.example', TYPE.TXT), { verdict: 'bogus' })
})

t.test('NSEC3 with an unknown hash algorithm or unknown flags is ignored', async t => {
  for (const at of [0, 1]) {
    const { world } = build({ nsec3: {} })
    const zone = world.zones.at(-1)!
    const original = zone.all
    const changed = original.map(rr => {
      if (rr.type !== TYPE.NSEC3) return rr
      const rdata = Uint8Array.from(rr.rdata)
      rdata[at] = 0x82
      return { ...rr, rdata }
    })
    const isSignature = (type: number) => type === TYPE.RRSIG
    world.tamper = (name, type, it) => {
      if (name !== 'none.example' || type !== TYPE.A) return
      const nsec3 = changed.filter(rr => rr.type === TYPE.NSEC3)
      it.authority = nsec3.flatMap(rr => [rr, zone.signRrset([rr], zone.zsk)])
      t.notOk(it.authority.every(rr => isSignature(rr.type)))
    }
    t.match(await world.validate('none.example'), { verdict: 'bogus', ede: 12 }, `octet ${at}`)
  }
})

t.test('names are compared in lower case, RDATA of old types too', async t => {
  const world = new World()
  const zone = world.zone('example')
  zone.add('mx.example', TYPE.MX, [0, 10, ...wire('mail.example')]).a('www.example')
  world.tamper = (_, type, it) => {
    const upper = (octets: Uint8Array) =>
      octets.map(it => (it > 0x60 && it < 0x7b ? it - 0x20 : it))
    if (type === TYPE.MX)
      it.answer = it.answer.map(rr =>
        rr.type === TYPE.MX ? { ...rr, rdata: upper(rr.rdata) } : rr
      )
  }
  t.match(await world.validate('mx.example', TYPE.MX), { verdict: 'secure' })
})

t.test('damaged proof is bogus, whatever opt-out would excuse', async t => {
  const broken = ({ rdata, ...rr }: Rr): Rr => ({
    ...rr,
    rdata: rdata.map((it, i) => (i > 60 ? ~it : it))
  })
  const damages = [(signature: Rr) => [broken(signature)], () => []]
  for (const damage of damages) {
    const { world, zone } = build({ nsec3: { optOut: true } })
    const wildcard = zone.denial('none.example').at(-1)!
    world.tamper = (name, type, it) => {
      if (name !== 'none.example' || type !== TYPE.A) return
      it.authority = it.authority.flatMap(rr =>
        rr.name === wildcard.name && rr.type === TYPE.RRSIG ? damage(rr) : [rr]
      )
    }
    const found = await world.validate('none.example')
    t.match(found, { verdict: 'bogus' }, `${found.verdict} ${found.reason}`)
  }
})

t.test(
  'what a zone itself denies without proof is bogus, whatever opt-out would excuse',
  async t => {
    const { world, zone } = build({ nsec3: { optOut: true } })
    const wildcard = zone.denial('none.example').at(-1)!
    world.tamper = (name, type, it) => {
      if (name === 'none.example' && type === TYPE.A)
        it.authority = it.authority.filter(rr => rr.name !== wildcard.name)
    }
    const found = await world.validate('none.example')
    t.match(found, { verdict: 'bogus', reason: /proves it/ }, `${found.verdict} ${found.reason}`)
  }
)
