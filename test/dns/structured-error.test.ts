import t from 'tap'
import { copyEdes } from '../../src/wire/dns/reply/copy-edes.js'
import { encodeEde } from '../../src/wire/dns/edns/ede-option.js'
import {
  encodeStructuredEde,
  withoutForged,
  withoutTexts
} from '../../src/wire/dns/edns/structured-error.js'

const CONTACT = ['mailto:dns@agency.example']
const textOf = (option: Uint8Array): string => Buffer.from(option.subarray(6)).toString()

t.test('only what there is to say is encoded, in UTF-8 and without spaces', t => {
  const error = { contact: [], justification: 'Bloqué « ici »', language: 'fr' }
  const option = encodeStructuredEde(16, error)
  t.equal(textOf(option), '{"j":"Bloqué « ici »","l":"fr"}')
  t.equal((option[2]! << 8) | option[3]!, option.length - 4, 'OPTION-LENGTH counts octets')
  const long = encodeStructuredEde(15, { ...error, justification: 'x'.repeat(300) })
  t.equal((long[2]! << 8) | long[3]!, long.length - 4, 'also above 255')
  t.end()
})

t.test('texts are dropped before the rest, and the rest before the code', t => {
  const error = { contact: CONTACT, justification: 'a'.repeat(80), subError: 1, language: 'en' }
  const option = encodeStructuredEde(15, error)
  const shorter = withoutTexts(option)!
  t.equal(textOf(shorter), '{"c":["mailto:dns@agency.example"],"s":1}')
  const buffer = new Uint8Array(500)
  t.equal(copyEdes(buffer, 0, option.length, option), option.length)
  t.equal(copyEdes(buffer, 0, option.length - 1, option), shorter.length)
  t.strictSame(buffer.subarray(0, shorter.length), shorter)
  t.equal(copyEdes(buffer, 0, shorter.length - 1, option), 6)
  t.strictSame([...buffer.subarray(0, 6)], [0, 15, 0, 2, 0, 15])
  t.equal(copyEdes(buffer, 0, 5, option), 0)
  t.end()
})

t.test('extended errors that are not structured have nothing to drop but their text', t => {
  t.equal(withoutTexts(encodeEde(15, 'plain')), undefined)
  t.equal(withoutTexts(encodeEde(15, '{ not JSON')), undefined)
  t.equal(withoutTexts(encodeEde(15, '{"j":"alone","l":"en"}')), undefined)
  t.equal(withoutTexts(encodeEde(15, '')), undefined)
  t.end()
})

t.test('"Forged Answer" is removed wherever it stands', t => {
  const forged = encodeEde(4, 'made here')
  const stale = encodeEde(3, 'old')
  t.equal(withoutForged(stale), stale)
  t.strictSame(
    withoutForged(Uint8Array.of(...stale, ...forged, ...stale)),
    Uint8Array.of(...stale, ...stale)
  )
  t.strictSame(withoutForged(forged), new Uint8Array())
  t.end()
})
