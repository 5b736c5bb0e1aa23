import t from 'tap'
import { answerOf } from '../../bench/kit/answer.js'
import { Shelf, SHELF } from '../../src/resolver/cache/shelf.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { encodeCachedAnswer, encodePackedAnswer } from '../../src/wire/dns/reply/cached-reply.js'
import { header, octets, question, u16, u32 } from '../dns/octets.js'

const CLASS = 3
const EPOCH = 7
const SEED = 12_345

/** A query, and the buffer for its reply. */
function ask(qname: string, qtype = 1, more: readonly number[] = []): [Query, Uint8Array] {
  const message = octets(
    header(1, 0x0100, 1, 0, 0, more.length > 0 ? 1 : 0),
    question(qname, qtype),
    more
  )
  const room = new Uint8Array(600)
  room.set(message)
  const query = new Query()
  if (query.decode(room, 0, message.length, SEED) !== QUERY_KIND.ok)
    throw new Error(`reads ${qname}`)
  return [query, room]
}

const OPT_DO = [0, ...u16(41), ...u16(1232), 0, 0, 0x80, 0, ...u16(0)]

/** One A record at a pointer to QNAME, TTL 300. */
const RECORD = octets([0xc0, 12], u16(1), u16(1), u32(300), u16(4), 192, 0, 2, 1)

const answer = (more: Partial<Answer> = {}): Answer =>
  answerOf({ body: RECORD, storedAt: 1000, lifetime: 300, ...more })

function shelfAt(now: number, size = 100_000): Shelf {
  const shelf = new Shelf(size, 0)
  shelf.beginBatch(EPOCH, now)
  return shelf
}

const bodies: { it: string; answer: Answer }[] = [
  { it: 'one record', answer: answer() },
  { it: 'authentic data', answer: answer({ authentic: true }) },
  { it: 'NXDOMAIN', answer: answer({ rcode: 3, answers: 0, authorities: 1 }) },
  {
    it: 'nothing at all',
    answer: answer({ body: new Uint8Array(0), answers: 0, ttls: new Uint16Array(0) })
  }
]

for (const { it, answer } of bodies) {
  t.test(`serves ${it} as the cache does, octet for octet, with the same TTLs`, async t => {
    for (const now of [1000, 1999, 2000, 250_000]) {
      const shelf = shelfAt(now)
      shelf.put(ask('www.Example')[0], answer, CLASS)
      const [query, room] = ask('WWW.example', 1)
      t.equal(shelf.find(query, CLASS), SHELF.answer, 'found in any case')
      const length = encodePackedAnswer(room, query, 512, shelf)
      const [same, other] = ask('WWW.example', 1)
      const expected = encodeCachedAnswer(
        other,
        same,
        512,
        answer,
        Math.floor((now - answer.storedAt) / 1000)
      )
      t.strictSame(room.slice(0, length), other.slice(0, expected))
    }
  })
}

t.test('a reply that does not fit has TC, as from the cache', async t => {
  const shelf = shelfAt(1000)
  const [query, room] = ask('www.example')
  shelf.put(query, answer(), CLASS)
  t.equal(shelf.find(query, CLASS), SHELF.answer)
  const length = encodePackedAnswer(room, query, 40, shelf)
  t.equal(length, query.questionEnd)
  t.equal(room[2]! & 0x02, 0x02)
})

const misses: { it: string; find: (shelf: Shelf) => number }[] = [
  { it: 'another name', find: shelf => shelf.find(ask('ww.example')[0], CLASS) },
  { it: 'a name below', find: shelf => shelf.find(ask('a.www.example')[0], CLASS) },
  { it: 'another type', find: shelf => shelf.find(ask('www.example', 28)[0], CLASS) },
  {
    it: 'a query with DO',
    find: shelf => shelf.find(ask('www.example', 1, OPT_DO)[0], CLASS)
  },
  { it: 'another client class', find: shelf => shelf.find(ask('www.example')[0], CLASS + 1) },
  {
    it: 'another epoch',
    find: shelf => {
      shelf.beginBatch(EPOCH + 1, 1000)
      return shelf.find(ask('www.example')[0], CLASS)
    }
  },
  {
    it: 'an earlier epoch again',
    find: shelf => {
      shelf.beginBatch(EPOCH + 1, 1000)
      shelf.beginBatch(EPOCH, 1000)
      return shelf.find(ask('www.example')[0], CLASS)
    }
  },
  {
    it: 'the end of its lifetime',
    find: shelf => {
      shelf.beginBatch(EPOCH, 301_000)
      return shelf.find(ask('www.example')[0], CLASS)
    }
  }
]

for (const { it, find } of misses) {
  t.test(`has nothing for ${it}`, async t => {
    const shelf = shelfAt(1000)
    shelf.put(ask('www.example')[0], answer(), CLASS)
    t.equal(shelf.find(ask('www.example')[0], CLASS), SHELF.answer, 'it is there')
    t.equal(find(shelf), SHELF.miss)
  })
}

t.test('is valid up to the last second of its lifetime', async t => {
  const shelf = shelfAt(1000)
  shelf.put(ask('www.example')[0], answer(), CLASS)
  shelf.beginBatch(EPOCH, 300_999)
  t.equal(shelf.find(ask('www.example')[0], CLASS), SHELF.answer)
})

const refused: { it: string; answer: Answer }[] = [
  { it: 'a long answer', answer: answer({ body: new Uint8Array(240) }) },
  { it: 'an answer with many TTLs', answer: answer({ ttls: new Uint16Array(13) }) },
  {
    it: 'an answer with an extended error',
    answer: answer({ ede: { code: 3, option: new Uint8Array(6) } })
  }
]

for (const { it, answer } of refused) {
  t.test(`does not store ${it}`, async t => {
    const shelf = shelfAt(1000)
    shelf.put(ask('www.example')[0], answer, CLASS)
    t.equal(shelf.find(ask('www.example')[0], CLASS), SHELF.miss)
  })
}

t.test('a newer answer to the same question replaces the older one', async t => {
  const shelf = shelfAt(5000)
  const [query, room] = ask('www.example')
  shelf.put(query, answer(), CLASS)
  shelf.put(query, answer({ storedAt: 5000, rcode: 3 }), CLASS)
  t.equal(shelf.find(query, CLASS), SHELF.answer)
  encodePackedAnswer(room, query, 512, shelf)
  t.equal(room[3]! & 15, 3)
})

for (const size of [1, 1_000_000]) {
  t.test(`a shelf of ${size} octets never mixes up a thousand questions`, async t => {
    const shelf = shelfAt(1000, size)
    let found = 0
    for (let i = 0; i < 1000; i++) {
      const rdata = octets([0xc0, 12], u16(1), u16(1), u32(300), u16(4), u32(i))
      shelf.put(ask(`n${i}.example`)[0], answer({ body: rdata }), CLASS)
      for (const j of [i, i >> 1]) {
        const [query, room] = ask(`n${j}.example`)
        if (shelf.find(query, CLASS) === SHELF.miss) continue
        found++
        const length = encodePackedAnswer(room, query, 512, shelf)
        t.strictSame([...room.slice(length - 4, length)], u32(j), `n${j} is n${j}`)
      }
    }
    t.ok(
      found >= (size > 1 ? 1900 : 1000),
      'what was put last is there, and with room enough nearly all'
    )
  })
}

const BAN = { claim: 5, entry: 77, label: 1 }

t.test('stores a decision that is put twice, and returns it', async t => {
  const shelf = shelfAt(1000)
  const decision = { claim: -1, entry: -1, label: 0 }
  shelf.putBlock(ask('www.example')[0], BAN, CLASS)
  t.equal(shelf.find(ask('www.example')[0], CLASS), SHELF.miss, 'once is not enough')
  shelf.putBlock(ask('www.example')[0], BAN, CLASS)
  t.equal(shelf.find(ask('WWW.example')[0], CLASS), SHELF.block)
  shelf.readBlock(decision)
  t.strictSame(decision, BAN)
  t.equal(shelf.find(ask('www.example')[0], CLASS + 1), SHELF.miss, 'for one class')
  shelf.beginBatch(EPOCH + 1, 1000)
  t.equal(shelf.find(ask('www.example')[0], CLASS), SHELF.miss, 'for one epoch')
})

t.test('an answer replaces a decision, and a decision an answer', async t => {
  const shelf = shelfAt(1000)
  const [query, room] = ask('www.example')
  for (let i = 0; i < 2; i++) shelf.putBlock(query, BAN, CLASS)
  shelf.put(query, answer(), CLASS)
  t.equal(shelf.find(query, CLASS), SHELF.answer)
  t.ok(encodePackedAnswer(room, query, 512, shelf) > query.questionEnd)
  shelf.putBlock(query, BAN, CLASS)
  t.equal(shelf.find(query, CLASS), SHELF.block)
})

t.test('random names below a blocked one rarely get onto the shelf', async t => {
  const shelf = shelfAt(1000, 1_000_000)
  shelf.put(ask('www.example')[0], answer(), CLASS)
  let shelved = 0
  for (let i = 0; i < 10_000; i++) {
    const [query] = ask(`x${i}.clip.example`)
    shelf.putBlock(query, BAN, CLASS)
    if (shelf.find(query, CLASS) === SHELF.block) shelved++
  }
  t.ok(shelved < 200, `${shelved} of 10,000`)
  t.equal(
    shelf.find(ask('www.example')[0], CLASS),
    SHELF.answer,
    'the previous answer is still there'
  )
})

t.test('cleared answers are not served, later ones are', async t => {
  const shelf = shelfAt(1000)
  const [query] = ask('www.example')
  shelf.put(query, answer(), CLASS)
  t.equal(shelf.find(query, CLASS), SHELF.answer)
  shelf.clear()
  t.equal(shelf.find(query, CLASS), SHELF.miss)
  shelf.beginBatch(EPOCH, 1000)
  t.equal(shelf.find(query, CLASS), SHELF.miss, 'nor in the next batch')
  shelf.put(query, answer(), CLASS)
  t.equal(shelf.find(query, CLASS), SHELF.answer)
})
