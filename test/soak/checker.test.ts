import t from 'tap'
import { encodeEde } from '../../src/wire/dns/edns/ede-option.js'
import { header, name, octets, opt, question, record, u32, type Part } from '../dns/octets.js'
import { Checker, type Question } from './checker.js'
import { History } from './history.js'
import { nameOf, respond, type Kind } from './world.js'

/**
 * Generation 1 from 0 on, 2 written at 10,000 and in force at 10,100; the upstream away from 50,000
 * to 53,000; a worker killed at 90,000 and gone at 90,010.
 */
function checker(): Checker {
  const history = new History()
  history.written(0)
  history.inForce(1, 5)
  history.written(10_000)
  history.inForce(2, 10_100)
  history.upstreamGoes(50_000)
  history.upstreamComes(53_000)
  history.workerDies(90_000)
  history.workerDied(90_010)
  return new Checker(history)
}

const asked = (kind: Kind, sent: number): Question => ({
  kind,
  number: 7,
  message: octets(header(7, 0x0100, 1, 0, 0, 1), question(nameOf(kind, 7)), opt(1232)),
  overTcp: false,
  sent
})

const banned = (kind: Kind, generation: number, rcode = 3): Uint8Array => {
  const data = [
    name('interdict.invalid'),
    name('h.invalid'),
    u32(generation),
    ...Array<Part>(4).fill(u32(60))
  ]
  const soa = record('soak.example', 6, 60, data)
  return octets(header(7, 0x8180 | rcode, 1, 0, 1, 0), question(nameOf(kind, 7)), soa)
}

const failed = (kind: Kind, ede: number): Uint8Array => {
  const option = [...encodeEde(ede, '')]
  return octets(header(7, 0x8182, 1, 0, 0, 1), question(nameOf(kind, 7)), opt(1232, option))
}

const given = (kind: Kind): Uint8Array => respond(asked(kind, 0).message)

const cases: readonly {
  it: string
  kind: Kind
  sent: number
  reply?: Uint8Array
  wrong: boolean
}[] = [
  { it: 'a ban that holds', kind: 'odd', sent: 5000, reply: banned('odd', 1), wrong: false },
  { it: 'an answer without a ban', kind: 'even', sent: 5000, reply: given('even'), wrong: false },
  { it: 'an answer despite a ban', kind: 'odd', sent: 5000, reply: given('odd'), wrong: true },
  {
    it: 'a ban that does not hold',
    kind: 'even',
    sent: 5000,
    reply: banned('even', 1),
    wrong: true
  },
  {
    it: 'the old rules in the change',
    kind: 'odd',
    sent: 10_050,
    reply: banned('odd', 1),
    wrong: false
  },
  {
    it: 'the new rules in the change',
    kind: 'odd',
    sent: 10_050,
    reply: given('odd'),
    wrong: false
  },
  { it: 'the old rules after it', kind: 'odd', sent: 11_000, reply: banned('odd', 1), wrong: true },
  {
    it: 'the new rules after it',
    kind: 'even',
    sent: 11_000,
    reply: banned('even', 2),
    wrong: false
  },
  { it: 'rules that are to come', kind: 'even', sent: 5000, reply: banned('even', 2), wrong: true },
  { it: 'a CNAME into a ban', kind: 'alias', sent: 5000, reply: given('alias'), wrong: true },
  { it: 'a CNAME into no ban', kind: 'alias', sent: 11_000, reply: given('alias'), wrong: false },
  { it: 'a banned address', kind: 'address', sent: 11_000, reply: given('address'), wrong: true },
  {
    it: 'NODATA for it',
    kind: 'address',
    sent: 11_000,
    reply: banned('address', 2, 0),
    wrong: false
  },
  { it: 'the answer to another name', kind: 'hot', sent: 0, reply: given('fresh'), wrong: true },
  {
    it: 'SERVFAIL in an outage',
    kind: 'hot',
    sent: 51_000,
    reply: failed('hot', 22),
    wrong: false
  },
  { it: 'SERVFAIL without one', kind: 'hot', sent: 40_000, reply: failed('hot', 22), wrong: true },
  { it: 'SERVFAIL long after', kind: 'hot', sent: 60_000, reply: failed('hot', 22), wrong: true },
  {
    it: 'SERVFAIL for another reason',
    kind: 'hot',
    sent: 51_000,
    reply: failed('hot', 6),
    wrong: true
  },
  {
    it: 'SERVFAIL for a ban',
    kind: 'banned',
    sent: 51_000,
    reply: failed('banned', 22),
    wrong: true
  },
  { it: 'silence of a worker that died', kind: 'hot', sent: 89_900, wrong: false },
  { it: 'silence at any other time', kind: 'hot', sent: 95_000, wrong: true }
]

for (const { it, kind, sent, reply, wrong } of cases) {
  t.test(`${it} is ${wrong ? 'wrong' : 'right'}`, async t => {
    const judge = checker()
    if (reply === undefined) judge.unanswered(asked(kind, sent), 'time went by')
    else judge.answered(asked(kind, sent), reply, sent + 20)
    t.equal(judge.counts.wrong, wrong ? 1 : 0, judge.wrongs.join())
  })
}
