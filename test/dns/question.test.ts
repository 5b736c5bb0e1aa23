import t from 'tap'
import { Query } from '../../src/wire/dns/message/query.js'
import {
  isSameQuestion,
  keyNameLength,
  questionKey,
  qtypeOf
} from '../../src/wire/dns/message/question.js'
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

/** As the cache has it: in whole words. */
function words(key: Uint8Array): ArrayBuffer {
  const padded = new Uint8Array(Math.ceil(key.length / 4) * 4)
  padded.set(key)
  return padded.buffer
}

t.test('the key of a question is that of its query', async t => {
  const keys = new Set<string>()
  for (const dnssecOk of [false, true]) {
    for (const checkingDisabled of [false, true]) {
      const flags = 0x0100 | (checkingDisabled ? 0x10 : 0)
      const edns = opt(1232, [], { flags: dnssecOk ? 0x8000 : 0 })
      const message = octets(header(1, flags, 1, 0, 0, 1), [...SPELT], edns)
      const query = new Query()
      query.decode(message, 0, message.length, 0)
      for (const forwarders of [0, 1, -7]) {
        query.forwarders = forwarders
        const asked = { question: SPELT, dnssecOk, checkingDisabled, forwarders }
        const key = questionKey(asked).slice()
        t.strictSame(key, query.key())
        keys.add(Buffer.from(key).toString('hex'))
        t.equal(keyNameLength(key, 0, key.length), SPELT.length - 4)
        t.ok(query.matchesKey(key, new Int32Array(words(key)), 0, key.length))
        query.forwarders = 8
        t.notOk(query.matchesKey(key, new Int32Array(words(key)), 0, key.length))
      }
    }
  }
  t.equal(keys.size, 12)
})
