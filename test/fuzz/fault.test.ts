import t from 'tap'
import { header, name, octets, opt, question, record, TO_QNAME, type Part } from '../dns/octets.js'
import { faultOf } from './fault.js'

const QUERY = octets(header(7, 0x0100, 1, 0, 0, 1), question('www.example'), opt(1232))
const A = record(TO_QNAME, 1, 60, [192, 0, 2, 1])

const reply = (flags: number, counts: readonly number[], ...parts: readonly Part[]): Uint8Array =>
  octets(header(7, flags, 1, ...counts), question('www.example'), ...parts)

const right = [
  { it: 'an answer', reply: reply(0x8180, [1, 0, 1], A, opt(1232)) },
  { it: 'an answer without OPT', reply: reply(0x8180, [1, 0, 0], A) },
  { it: 'TC', reply: reply(0x8380, [0, 0, 1], opt(1232)) },
  {
    it: 'a name behind a pointer',
    reply: reply(0x8180, [1, 0, 0], record(TO_QNAME, 5, 60, [1, 'a', 0xc0, 16]))
  }
]

for (const { it, reply } of right) {
  t.test(`finds no fault in ${it}`, async t => t.equal(faultOf(QUERY, reply, 1232), undefined))
}

const wrong: readonly { it: string; query?: Uint8Array; reply: Uint8Array; limit?: number }[] = [
  { it: 'a reply to a response', query: reply(0x8180, [0, 0, 0]), reply: reply(0x8180, [0, 0, 0]) },
  { it: 'a reply to nearly nothing', query: octets(0, 7), reply: reply(0x8180, [0, 0, 0]) },
  { it: 'a reply over the limit', reply: reply(0x8180, [1, 0, 0], A), limit: 40 },
  { it: 'a cut header', reply: QUERY.slice(0, 11) },
  { it: 'another ID', reply: octets(header(8, 0x8180, 1, 0, 0, 0), question('www.example')) },
  { it: 'a query', reply: reply(0x0180, [0, 0, 0]) },
  { it: 'another opcode', reply: reply(0x8980, [0, 0, 0]) },
  { it: 'AA', reply: reply(0x8580, [0, 0, 0]) },
  { it: 'no RA', reply: reply(0x8100, [0, 0, 0]) },
  { it: 'Z', reply: reply(0x81c0, [0, 0, 0]) },
  { it: 'another CD', reply: reply(0x8190, [0, 0, 0]) },
  { it: 'TC with records', reply: reply(0x8380, [1, 0, 0], A) },
  { it: 'no question', reply: octets(header(7, 0x8180, 0, 0, 0, 0)) },
  { it: 'another case', reply: octets(header(7, 0x8180, 1, 0, 0, 0), question('Www.example')) },
  { it: 'a missing record', reply: reply(0x8180, [2, 0, 0], A) },
  { it: 'a record too many', reply: reply(0x8180, [0, 0, 0], A) },
  { it: 'data cut short', reply: reply(0x8180, [1, 0, 0], A).slice(0, -1) },
  { it: 'two OPTs', reply: reply(0x8180, [0, 0, 2], opt(1232), opt(1232)) },
  { it: 'an OPT among the answers', reply: reply(0x8180, [1, 0, 0], opt(1232)) },
  { it: 'an OPT with half an option', reply: reply(0x8180, [0, 0, 1], opt(1232, [0, 15, 0])) },
  {
    it: 'an OPT that was not asked for',
    query: QUERY.slice(0, -11),
    reply: reply(0x8180, [0, 0, 1], opt(1232))
  },
  {
    it: 'an owner that points ahead',
    reply: reply(0x8180, [1, 0, 0], record([0xc0, 40], 1, 60, [192, 0, 2, 1]))
  },
  {
    it: 'an owner that points into the header',
    reply: reply(0x8180, [1, 0, 0], record([0xc0, 4], 1, 60, [192, 0, 2, 1]))
  },
  {
    it: 'a name in data that points into a label',
    reply: reply(0x8180, [1, 0, 0], record(TO_QNAME, 5, 60, [0xc0, 17]))
  },
  {
    it: 'octets behind a name in data',
    reply: reply(0x8180, [1, 0, 0], record(TO_QNAME, 5, 60, [...name('a'), 0]))
  }
]

for (const { it, query = QUERY, reply, limit = 1232 } of wrong) {
  t.test(`finds fault in ${it}`, async t => t.type(faultOf(query, reply, limit), 'string'))
}
