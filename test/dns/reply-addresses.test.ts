import t from 'tap'
import { addressOf, showAddress } from '../../src/base/values/address.js'
import {
  findReplyAddresses,
  MAX_REPLY_ADDRESSES
} from '../../src/wire/dns/reply/reply-addresses.js'

const QUESTION = '03777777076578616d706c6500' + '00010001'
/** A record whose owner is the name of the question. */
const record = (type: number, data: string): string =>
  `c00c${hex(type, 2)}0001${hex(60, 4)}${hex(data.length / 2, 2)}${data}`
const hex = (value: number, octets: number): string => value.toString(16).padStart(2 * octets, '0')
const reply = (...records: string[]): string =>
  `000081800001${hex(records.length, 2)}00000000${QUESTION}${records.join('')}`

function addressesIn(message: string, length = message.length / 2): string[] {
  // Somewhere in a larger memory, as replies are.
  const octets = new Uint8Array(8192)
  octets.set(Buffer.from(message, 'hex'), 100)
  const words = new Uint32Array(4 * MAX_REPLY_ADDRESSES)
  const count = findReplyAddresses(octets, 100, length, words)
  return Array.from({ length: count }, (_, i) =>
    showAddress(addressOf(words.subarray(4 * i, 4 * i + 4)))
  )
}

const A = record(1, 'c0000207')
const AAAA = record(28, '20010db8000000000000000000000009')
const CNAME = record(5, 'c00c')

t.test('finds A and AAAA behind aliases', async t => {
  t.same(addressesIn(reply(CNAME, A, AAAA)), ['192.0.2.7', '2001:db8::9'])
})

t.test('finds the hints of HTTPS and SVCB', async t => {
  const alpn = '0001' + '0003' + '026832'
  const ipv4 = '0004' + '0008' + 'c0000201' + 'c0000202'
  const ipv6 = '0006' + '0010' + '20010db8000000000000000000000001'
  const data = `00010376696400${alpn}${ipv4}${ipv6}`
  const expected = ['192.0.2.1', '192.0.2.2', '2001:db8::1']
  t.same(addressesIn(reply(record(65, data))), expected)
  t.same(addressesIn(reply(record(64, data), A)), [...expected, '192.0.2.7'])
})

t.test('finds nothing where there is nothing', async t => {
  t.same(addressesIn(reply()), [])
  t.same(addressesIn(reply(record(16, '0161'))), [])
  t.same(addressesIn('0000'), [])
})

t.test('takes so many at most', async t => {
  t.equal(addressesIn(reply(...Array<string>(100).fill(A))).length, MAX_REPLY_ADDRESSES)
})

t.test('reads nothing behind the end, wherever that is', async t => {
  const whole = reply(CNAME, A, AAAA, record(65, '0001' + '00' + '0004' + '0004' + 'c0000201'))
  for (let length = 0; length <= whole.length / 2; length++) addressesIn(whole, length)
  t.same(addressesIn(whole, whole.length / 2 - 1), ['192.0.2.7', '2001:db8::9'])
})
