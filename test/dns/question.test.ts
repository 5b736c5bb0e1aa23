import t from 'tap'
import { Query } from '../../src/wire/dns/message/query.js'
import { isSameQuestion, questionKey, qtypeOf } from '../../src/wire/dns/message/question.js'
import { header, octets, opt, question } from './octets.js'

const SPELT = octets(question('wWw.eXample', 65))

t.test('questions are equal in any case of QNAME, and of QNAME only', async t => {
  t.ok(isSameQuestion(SPELT, octets(question('WWW.Example', 65))))
  for (const other of [question('www.examplf', 65), question('www.example', 97)]) {
    t.notOk(isSameQuestion(SPELT, octets(other)))
  }
  t.notOk(isSameQuestion(SPELT, octets(question('w.example', 65))))
  t.equal(qtypeOf(SPELT), 65)
})

t.test('the key of a question is that of its query', async t => {
  for (const dnssecOk of [false, true]) {
    for (const checkingDisabled of [false, true]) {
      const flags = 0x0100 | (checkingDisabled ? 0x10 : 0)
      const edns = opt(1232, [], { flags: dnssecOk ? 0x8000 : 0 })
      const message = octets(header(1, flags, 1, 0, 0, 1), [...SPELT], edns)
      const query = new Query()
      query.decode(message, 0, message.length, 0)
      t.strictSame(questionKey({ question: SPELT, dnssecOk, checkingDisabled }), query.key())
    }
  }
})
