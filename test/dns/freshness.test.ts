import t from 'tap'
import { freshnessOf } from '../../src/wire/dns/message/freshness.js'
import { header, name, octets, opt, question, record, u32, type Part } from './octets.js'

const A = [192, 0, 2, 1]
const soa = (minimum: number): number[] => [
  ...name('ns.test'),
  ...name('h.test'),
  ...[1, 2, 3, 4, minimum].flatMap(u32)
]
const message = (answers: readonly Part[], authority: readonly Part[] = []): Uint8Array =>
  octets(
    header(1, 0x8180, 1, answers.length, authority.length, 1),
    question('a.test'),
    answers,
    authority,
    opt(1232)
  )

const cases = [
  { it: 'the only record', octets: message([record('a.test', 1, 300, A)]), is: 300 },
  {
    it: 'the smallest of several',
    octets: message([record('a.test', 5, 60, name('b.test')), record('b.test', 1, 7, A)]),
    is: 7
  },
  { it: 'a TTL of 0', octets: message([record('a.test', 1, 0, A)]), is: 0 },
  {
    it: 'the greatest TTL',
    octets: message([record('a.test', 1, 0xffff_ffff, A)]),
    is: 0xffff_ffff
  },
  { it: 'MINIMUM of an SOA', octets: message([], [record('test', 6, 900, soa(30))]), is: 30 },
  { it: 'the TTL of an SOA', octets: message([], [record('test', 6, 20, soa(30))]), is: 20 },
  { it: 'no records', octets: message([]), is: 0 },
  { it: 'no question', octets: octets(header(1, 0x8182, 0, 0, 0, 0)), is: 0 },
  { it: 'half a header', octets: octets(1, 2, 3), is: 0 },
  { it: 'a record that is missing', octets: octets(header(1, 0x8180, 0, 1, 0, 0)), is: 0 },
  {
    it: 'a record without its end',
    octets: octets(header(1, 0x8180, 0, 1, 0, 0), record('a.test', 1, 9, A).slice(0, -1)),
    is: 0
  },
  {
    it: 'a record without its fixed fields',
    octets: octets(header(1, 0x8180, 0, 1, 0, 0), name('a.test'), 0, 1),
    is: 0
  }
]
for (const { it, octets, is } of cases) {
  t.test(`a response is fresh for ${is} s: ${it}`, async t => {
    const around = new Uint8Array(octets.length + 6)
    around.set(octets, 3)
    t.equal(freshnessOf(around, 3, 3 + octets.length), is)
  })
}
