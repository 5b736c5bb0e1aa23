import t from 'tap'
import { MAX_INQUIRY, writeInquiry } from '../../src/wire/inquiry.js'
import { header, name, octets, opt, question } from './octets.js'

const QNAME = octets(name('Www.example'))
const LONGEST = [63, 63, 63, 61].map(length => 'a'.repeat(length)).join('.')

const cases = [
  { it: 'plain', dnssecOk: false, checkingDisabled: false, flags: 0x0120, edns: 0 },
  { it: 'DO', dnssecOk: true, checkingDisabled: false, flags: 0x0120, edns: 0x8000 },
  { it: 'CD', dnssecOk: false, checkingDisabled: true, flags: 0x0130, edns: 0 }
]

for (const { it, dnssecOk, checkingDisabled, flags, edns } of cases) {
  t.test(`writes an inquiry: ${it}`, async t => {
    const into = new Uint8Array(600).fill(0xee)
    const length = writeInquiry(into, 30, 0xabcd, QNAME, 65, 1, dnssecOk, checkingDisabled)
    t.strictSame(
      into.slice(30, 30 + length),
      octets(
        header(0xabcd, flags, 1, 0, 0, 1),
        question('Www.example', 65),
        opt(1232, [], { flags: edns })
      )
    )
    t.ok([...into.subarray(0, 30), ...into.subarray(30 + length)].every(octet => octet === 0xee))
  })
}

t.test('the longest name makes the longest inquiry', async t => {
  const into = new Uint8Array(MAX_INQUIRY)
  t.equal(writeInquiry(into, 0, 1, octets(name(LONGEST)), 1, 1, true, true), MAX_INQUIRY)
})
