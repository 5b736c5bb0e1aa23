import t from 'tap'
import { answerVerdict } from '../../src/resolver/validation/answer-verdict.js'
import type { Validation } from '../../src/resolver/validation/verdict.js'
import { newKey } from './keys.js'
import { encode, withoutSignatures, World, type Response } from './world.js'
import { NOW, TYPE, wire, type Rr } from './zone.js'

const DAY = 86_400
const LONG = 60 * DAY

/** What a client of a network that enforces gets: the answer that came, validated with queries of its own. */
async function enforced(
  world: World,
  name: string,
  change: (it: Response) => void = () => undefined,
  type: number = TYPE.A
) {
  const response = world.resolve(name, type)
  change(response)
  const message = encode(name, type, response)
  const validation: Validation = await world.validator().validateMessage(wire(name), type, message)
  return answerVerdict(validation)
}

const isSignature = ({ type }: Rr): boolean => type === TYPE.RRSIG

function signed(): World {
  const world = new World()
  world.zone('example').a('www.example')
  return world
}

t.test('1: the upstream strips RRSIG from everything', async t => {
  const world = signed()
  world.tamper = (_name, _type, it) => {
    it.answer = it.answer.filter(rr => !isSignature(rr))
    it.authority = it.authority.filter(rr => !isSignature(rr))
  }
  const strip = (it: Response) => (it.answer = it.answer.filter(rr => !isSignature(rr)))
  t.match(await enforced(world, 'www.example', strip), {
    ...{ isAccepted: false, isBogus: true, ede: 10 },
    reason: /^\. DNSKEY: .*no RRSIG.*a server on the way may remove DNSSEC records/
  })
})

t.test('2: upstreams mix: the one that answers strips, that of the chain does not', async t => {
  const strip = (it: Response) => (it.answer = withoutSignatures(it.answer, TYPE.A))
  t.match(await enforced(signed(), 'www.example', strip), {
    ...{ isAccepted: false, isBogus: true, ede: 10 },
    reason: /^www\.example A: no RRSIG, although example is signed/
  })
})

t.test('3: an old server that has no DS, and answers with an error', async t => {
  const world = signed()
  world.failing.set('example 43', '192.0.2.1 returned NOTIMP')
  t.match(await enforced(world, 'www.example'), {
    ...{ isAccepted: false, isBogus: false, ede: 5 },
    reason: /example DS.*192\.0\.2\.1 returned NOTIMP/
  })
})

t.test('4: the clock is wrong at boot', async t => {
  for (const [off, ede, why] of [
    [-LONG, 8, /is not valid before .*the clock of this machine says 2026-04-02/],
    [LONG, 7, /expired on .*the clock of this machine says 2026-07-31/]
  ] as const) {
    const world = signed()
    world.now = NOW + off
    t.match(await enforced(world, 'www.example'), { isBogus: true, ede, reason: why })
  }
})

t.test(
  '5: a rollover of the root: both keys published, then only one that is not trusted',
  async t => {
    const world = signed()
    const next = newKey(13, 257)
    world.root.extraKeys.push(next.rdata)
    t.match(await enforced(world, 'www.example'), { isAccepted: true, isSecure: true })
    const other = signed()
    other.tamper = (name, type, it) => {
      if (name === '.' && type === TYPE.DNSKEY)
        it.answer = it.answer.filter(rr => Buffer.compare(rr.rdata, other.root.ksk.rdata) !== 0)
    }
    t.match(await enforced(other, 'www.example'), {
      ...{ isAccepted: false, isBogus: true, ede: 9 },
      reason: /no DNSKEY of \. matches the trust anchor/
    })
  }
)

t.test('6: an internal zone below a signed parent that does not delegate it', async t => {
  const world = signed()
  const internal = { name: 'host.corp.example', type: TYPE.A, rdata: Uint8Array.of(10, 0, 0, 1) }
  const answer = (it: Response) =>
    Object.assign(it, { rcode: 0, answer: [internal], authority: [] })
  t.match(await enforced(world, 'host.corp.example', answer), {
    ...{ isAccepted: false, isBogus: true, ede: 10 },
    reason: /^host\.corp\.example A: no RRSIG, although example is signed/
  })
})

t.test('7: a CNAME from a signed zone to one that is not', async t => {
  const world = signed()
  world.zones[1]!.cname('to.example', 'www.plain')
  world.zone('plain', { isSigned: false }).a('www.plain')
  t.match(await enforced(world, 'to.example'), { isAccepted: true, isSecure: false })
  const strip = (it: Response) => (it.answer = withoutSignatures(it.answer, TYPE.CNAME))
  t.match(await enforced(world, 'to.example', strip), { isAccepted: false, isBogus: true, ede: 10 })
})

t.test('8: NSEC3 with 150 iterations, and with one more', async t => {
  for (const [iterations, isSecure] of [
    [150, true],
    [151, false]
  ] as const) {
    const world = new World()
    world.zone('example', { nsec3: { iterations } }).a('www.example')
    t.match(
      await enforced(world, 'absent.example'),
      { isAccepted: true, isSecure },
      `${iterations}`
    )
  }
})

t.test('what was added to a signed answer is not served as secure', async t => {
  const world = signed()
  const added = { name: 'www.example', type: TYPE.TXT, rdata: Uint8Array.of(1, 0x61) }
  t.match(await enforced(world, 'www.example', it => it.answer.push(added)), {
    ...{ isAccepted: false, isBogus: true, ede: 6 },
    reason: 'www.example TXT: does not belong to the answer'
  })
  t.match(await enforced(world, 'www.example', it => (it.rcode = 3)), {
    reason: 'www.example NXDOMAIN: the name has records'
  })
})
