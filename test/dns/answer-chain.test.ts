import t from 'tap'
import { appendChain, reached } from '../../src/wire/dns/message/answer-chain.js'
import { MAX_ALIASES } from '../../src/wire/dns/message/alias-chain.js'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { Query } from '../../src/wire/dns/message/query.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { showName } from '../../src/wire/dns/name/name.js'
import { nameOctets, queryOctets, recordOctets, words } from '../resolver/message-octets.js'

const LIMITS = { minTtl: 0, maxTtl: 3600, negativeMaxTtl: 3600, failureTtl: 5 }
const EDE = Uint8Array.of(0)
const QUERY = { name: 'www.example', type: 'A', class: 'IN', flags: 'RD', opcode: 0, edns: false }

/** A query for `www.example`, and the answer with these records after the question. */
function given(...records: Uint8Array[]) {
  const octets = queryOctets(QUERY as never)
  const query = new Query()
  query.decode(octets, 0, octets.length, 0)
  const question = octets.subarray(12)
  const message = Buffer.concat([words(1, 0x8180, 1, records.length, 0, 0), question, ...records])
  return { query, answer: decodeResponse(message, question, LIMITS, 0, 0) }
}

const name = (text: string): HashedName => {
  const hashed = new HashedName()
  hashed.set(nameOctets(text), 0, 0)
  return hashed
}
const cname = (owner: string, target: string, ttl = 300) =>
  recordOctets(`${owner} ${ttl} CNAME ${target}`)

t.test('appends the chain in its own order, up to a name or to the end', async t => {
  const { query, answer } = given(
    cname('b.example', 'c.example', 20),
    cname('www.example', 'B.Example', 50),
    recordOctets('c.example 9 A 192.0.2.1')
  )
  const first = appendChain(query, answer, name('b.example'), 30, EDE)
  t.equal(showName(reached.subarray(0, first)), 'b.example')
  t.equal(query.aliases.count, 1)
  t.equal(Buffer.from(query.aliases.octets).readUInt32BE(6), 20, 'TTL less the age')
  query.aliases.clear()
  const all = appendChain(query, answer, undefined, 30, EDE)
  t.equal(showName(reached.subarray(0, all)), 'c.example')
  t.equal(query.aliases.count, 2)
  const second = 12 + all + 6
  t.equal(Buffer.from(query.aliases.octets).readUInt32BE(second), 0, 'never below 0')
})

t.test('follows compression pointers into the question and the answer', async t => {
  const target = Buffer.from('0163c010', 'hex') // c, then "example" of the question
  const first = Buffer.concat([words(0xc00c, 5, 1, 0, 60, target.length), target])
  const next = 12 + 13 + 4 + 12
  const second = Buffer.concat([
    words(0xc000 | next, 5, 1, 0, 60, 4),
    Buffer.from('0164c010', 'hex')
  ])
  const { query, answer } = given(first, second)
  t.equal(showName(reached.subarray(0, appendChain(query, answer, undefined, 0, EDE))), 'd.example')
})

t.test('appends nothing where no chain leads to the name', async t => {
  const { query, answer } = given(cname('www.example', 'b.example'))
  t.equal(appendChain(query, answer, name('x.example'), 0, EDE), 0)
  t.equal(query.aliases.count, 0)
  t.equal(query.aliases.qnameLength, 0)
  const without = given(recordOctets('www.example 60 A 192.0.2.1'))
  t.equal(appendChain(without.query, without.answer, undefined, 0, EDE), 0)
})

t.test('restores the chain before it if the whole would be too long', async t => {
  const { query, answer } = given(
    ...Array.from({ length: 3 }, (_, i) =>
      cname(i === 0 ? 'www.example' : `n${i}.example`, `n${i + 1}.example`)
    )
  )
  const { aliases, qname } = query
  for (let i = 0; i < MAX_ALIASES - 2; i++) {
    const target = nameOctets(`a${i}.example`)
    t.ok(aliases.append(qname.octets, qname.length, target, target.length, 60, EDE))
  }
  const { count, length, owner } = aliases
  t.equal(appendChain(query, answer, name('n3.example'), 0, EDE), 0)
  t.strictSame([aliases.count, aliases.length, aliases.owner], [count, length, owner])
})
