import type { Answer } from 'dns-packet'
import t, { type Test } from 'tap'
import { encode, nxdomain, policy, TestPrimary, type Asked, type Said } from './primary.js'
import { Rig } from './rig.js'

const GOOD = { serial: 1, policies: nxdomain('one', 'two') }
const NEWER = { serial: 2, policies: nxdomain('one', 'three') }

/** What a primary says to AXFR and IXFR, and with what code it is refused. */
const SAYS: readonly {
  readonly it: string
  readonly code: string
  readonly say: (primary: TestPrimary, asked: Asked) => Said
}[] = [
  { it: 'nothing at all', code: 'TRANSFER_TIMEOUT', say: () => 'hang' },
  { it: 'goodbye', code: 'TRANSFER_BROKEN', say: () => 'close' },
  {
    it: 'REFUSED',
    code: 'TRANSFER_REFUSED',
    say: (primary, asked) => [primary.rcode(asked, 5)]
  },
  {
    it: 'half of it, and goodbye',
    code: 'TRANSFER_BROKEN',
    say: (primary, asked) => ({
      thenClose: primary.messages(asked, primary.whole(NEWER).slice(0, -1))
    })
  },
  {
    it: 'half of it, and then nothing',
    code: 'TRANSFER_TIMEOUT',
    say: (primary, asked) => primary.messages(asked, primary.whole(NEWER).slice(0, -1))
  },
  records('another SOA at its end', primary => [
    ...primary.whole(NEWER).slice(0, -1),
    primary.soa(3)
  ]),
  records('no SOA in front', primary => primary.whole(NEWER).slice(1)),
  records('something behind its end', primary => [...primary.whole(NEWER), policy('x', '.')]),
  records('a record of another zone', primary => [
    primary.soa(2),
    { type: 'A', name: 'elsewhere.example', ttl: 60, data: '192.0.2.1' },
    primary.soa(2)
  ]),
  records('a record of class CH', primary => [
    primary.soa(2),
    { type: 'TXT', name: 'x.rpz.example', ttl: 60, class: 'CH', data: 'x' },
    primary.soa(2)
  ]),
  records('an SOA below the apex', primary => [
    primary.soa(2),
    { ...primary.soa(2), name: 'sub.rpz.example' },
    primary.soa(2)
  ]),
  {
    it: 'a message with no record',
    code: 'TRANSFER_BROKEN',
    say: (_, { id }) => [encode(id, 'AXFR', [])]
  },
  {
    it: 'an answer to something else',
    code: 'TRANSFER_BROKEN',
    say: (primary, asked) => primary.messages({ ...asked, id: asked.id ^ 1 }, primary.whole(NEWER))
  },
  {
    it: 'an answer about another type',
    code: 'TRANSFER_BROKEN',
    say: (primary, { id }) => primary.messages({ id, type: 'A' }, primary.whole(NEWER))
  },
  {
    it: 'garbage',
    code: 'TRANSFER_BROKEN',
    say: (_, { id }) => [
      Uint8Array.of(id >> 8, id & 255, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 0xff, 1)
    ]
  },
  {
    it: 'more than may be',
    code: 'TRANSFER_LARGE',
    say: (primary, asked) => {
      const names = Array.from({ length: 2_000 }, (_, i) => `${'long'.repeat(12)}.${i}`)
      const whole = primary.whole({ serial: 2, policies: nxdomain(...names) })
      return primary.messages(asked, whole)
    }
  },
  {
    it: 'a zone that is not a response policy zone',
    code: 'RULES_LIST_EMPTY',
    say: (primary, asked) => primary.messages(asked, [primary.soa(2), primary.soa(2)])
  }
]

function records(it: string, answers: (primary: TestPrimary) => readonly Answer[]) {
  const say = (primary: TestPrimary, asked: Asked): Said =>
    primary.messages(asked, answers(primary))
  return { it, code: 'TRANSFER_BROKEN', say }
}

for (const { it, code, say } of SAYS) {
  t.test(`${it}: rejected as a whole, and the last valid copy stays`, async t => {
    const primary = await TestPrimary.open(t, [GOOD])
    primary.perMessage = 100
    const rig = rigOf(t)
    await rig.update([primary.as()])
    primary.states.push(NEWER)
    primary.answer = asked => (asked.type === 'SOA' ? undefined : say(primary, asked))
    if (code === 'TRANSFER_TIMEOUT') rig.maxTime = 300
    rig.now += 5_000
    const before = await rig.record()
    const update = await rig.update([primary.as()])
    t.match(update, { kind: 'failed', trouble: { code } })
    t.strictSame(await rig.names(), ['one', 'two'])
    t.equal(await rig.serial(), 1)
    const record = await rig.record()
    t.match(record, { failures: 1, trouble: { code }, copy: { serial: 1 } })
    t.equal(record.refreshed, before.refreshed, 'nobody has confirmed it')
    t.equal((await rig.update([primary.as()])).kind, 'failed')
    t.equal((await rig.record()).failures, 2)
  })
}

t.test('an unwritable folder: reported, and the copy stays', async t => {
  const primary = await TestPrimary.open(t, [GOOD])
  const rig = rigOf(t)
  rig.write('.zone', '')
  rig.list = { ...rig.list, id: 'rpz-main.zone/x' }
  const refused = { kind: 'failed', trouble: { code: 'TRANSFER_STATE' }, isRecorded: false }
  t.match(await rig.update([primary.as()]), refused)
})

t.test('a primary with a key: responses without its signature are rejected', async t => {
  const secret = Buffer.from('0123456789abcdef0123456789abcdef')
  const key = { name: 'transfer.example', algorithm: 'hmac-sha256', secret } as const
  const cases = [
    { it: 'no signature', key: undefined, time: 0 },
    { it: 'another secret', key: { ...key, secret: Buffer.from('x'.repeat(32)) }, time: 0 },
    { it: 'another name', key: { ...key, name: 'other.example' }, time: 0 },
    { it: 'another algorithm', key: { ...key, algorithm: 'hmac-sha512' }, time: 0 },
    { it: 'an old signature', key, time: -301 },
    { it: 'a signature of the future', key, time: 301 }
  ] as const
  for (const { it, key: theirs, time } of cases) {
    const primary = await TestPrimary.open(t, [GOOD])
    primary.key = theirs
    primary.time = () => Math.floor(Date.now() / 1000) + time
    const rig = rigOf(t)
    const update = await rig.update([primary.as('p1', key)])
    t.match(update, { kind: 'failed', trouble: { code: 'TRANSFER_TSIG' } }, it)
    t.notMatch(JSON.stringify(update), secret.toString('base64'), 'the secret is not revealed')
    t.strictSame(await rig.names(), [], it)
  }
})

for (const algorithm of ['hmac-sha256', 'hmac-sha512'] as const) {
  t.test(`${algorithm}: a long response with few signed messages`, async t => {
    const key = { name: 'transfer.example', algorithm, secret: Buffer.alloc(64, 7) }
    const names = Array.from({ length: 300 }, (_, i) => `name-${i}`)
    const primary = await TestPrimary.open(t, [{ serial: 1, policies: nxdomain(...names) }])
    primary.perMessage = 1
    primary.key = key
    for (const signEvery of [1, 7, 100]) {
      primary.signEvery = signEvery
      const rig = rigOf(t)
      t.match(await rig.update([primary.as()]), { kind: 'taken', entries: 300 }, `${signEvery}`)
    }
    primary.signEvery = 101
    const rig = rigOf(t)
    const update = await rig.update([primary.as()])
    t.match(update, { kind: 'failed', trouble: { code: 'TRANSFER_TSIG' } }, 'over 99 between')
  })
}

function rigOf(t: Test): Rig {
  const rig = new Rig(t)
  rig.maxSize = 100_000
  return rig
}
