import t from 'tap'
import { answersQuestion } from '../../src/wire/dns/message/answers-question.js'
import { header, name, octets, question, u16, type Part } from './octets.js'

const ID = 0xbeef
const SENT = octets(name('wWw.eXample'), u16(1), u16(1))

const cases: readonly {
  it: string
  message: readonly Part[]
  answers: boolean
  exact?: boolean
}[] = [
  { it: 'the question as sent', message: [header(ID, 0x8180, 1, 0, 0, 0), SENT], answers: true },
  {
    it: 'the question as sent, exact case required',
    message: [header(ID, 0x8180, 1, 0, 0, 0), SENT],
    exact: true,
    answers: true
  },
  {
    it: 'the question in another case',
    message: [header(ID, 0x8180, 1, 0, 0, 0), question('www.example')],
    answers: true
  },
  {
    it: 'the question in another case, exact case required',
    message: [header(ID, 0x8180, 1, 0, 0, 0), question('www.example')],
    exact: true,
    answers: false
  },
  { it: 'another ID', message: [header(1, 0x8180, 1, 0, 0, 0), SENT], answers: false },
  { it: 'a query', message: [header(ID, 0x0100, 1, 0, 0, 0), SENT], answers: false },
  { it: 'another opcode', message: [header(ID, 0x9180, 1, 0, 0, 0), SENT], answers: false },
  { it: 'two questions', message: [header(ID, 0x8180, 2, 0, 0, 0), SENT, SENT], answers: false },
  {
    it: 'another name',
    message: [header(ID, 0x8180, 1, 0, 0, 0), question('wwx.example')],
    answers: false
  },
  {
    it: 'another type',
    message: [header(ID, 0x8180, 1, 0, 0, 0), question('www.example', 28)],
    answers: false
  },
  {
    it: 'a type that differs only in bit 0x20',
    message: [header(ID, 0x8180, 1, 0, 0, 0), question('www.example', 0x21)],
    answers: false
  },
  {
    it: 'another class',
    message: [header(ID, 0x8180, 1, 0, 0, 0), question('www.example', 1, 3)],
    answers: false
  },
  {
    it: 'half a question',
    message: [header(ID, 0x8180, 1, 0, 0, 0), SENT.slice(0, -1)],
    answers: false
  },
  { it: 'less than a header', message: [u16(ID), 0x81], answers: false },
  { it: 'FORMERR without a question', message: [header(ID, 0x8181, 0, 0, 0, 0)], answers: true },
  { it: 'SERVFAIL without a question', message: [header(ID, 0x8182, 0, 0, 0, 0)], answers: true },
  { it: 'NOTIMP without a question', message: [header(ID, 0x8184, 0, 0, 0, 0)], answers: true },
  { it: 'REFUSED without a question', message: [header(ID, 0x8185, 0, 0, 0, 0)], answers: true },
  { it: 'NOERROR without a question', message: [header(ID, 0x8180, 0, 0, 0, 0)], answers: false },
  { it: 'NXDOMAIN without a question', message: [header(ID, 0x8183, 0, 0, 0, 0)], answers: false }
]

for (const { it, message, answers, exact } of cases) {
  t.test(`${it} ${answers ? 'answers' : 'does not answer'} the query`, async t => {
    const wire = octets(...message)
    t.equal(answersQuestion(wire, 0, wire.length, ID, SENT, exact), answers)
    const around = octets(new Uint8Array(9), wire, SENT)
    t.equal(answersQuestion(around, 9, 9 + wire.length, ID, SENT, exact), answers)
  })
}
