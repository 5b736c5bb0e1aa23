import t from 'tap'
import { ClientCookie } from '../../src/wire/dns/edns/client-cookie.js'
import {
  MAX_UPSTREAM_QUERY_SIZE,
  encodeUpstreamQuery
} from '../../src/wire/dns/message/encode-query.js'
import { header, octets, opt, option, question } from './octets.js'

const QUESTION = octets(question('Www.example', 65))
const LONGEST = [63, 63, 63, 61].map(length => 'a'.repeat(length)).join('.')

const cases = [
  { it: 'plain', dnssecOk: false, checkingDisabled: false, flags: 0x0120, edns: 0 },
  { it: 'DO', dnssecOk: true, checkingDisabled: false, flags: 0x0120, edns: 0x8000 },
  { it: 'CD', dnssecOk: false, checkingDisabled: true, flags: 0x0130, edns: 0 }
]

for (const { it, dnssecOk, checkingDisabled, flags, edns } of cases) {
  t.test(`encodes a query: ${it}`, async t => {
    const into = new Uint8Array(600).fill(0xee)
    const length = encodeUpstreamQuery(into, 30, 0xabcd, QUESTION, dnssecOk, checkingDisabled)
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

/** A cookie with client cookie 1 to 8, after a response with this server cookie. */
function cookieWith(server: readonly number[]): ClientCookie {
  const cookie = new ClientCookie()
  const words = [0x01020304, 0x05060708]
  cookie.renew({ word: () => words.shift()! })
  const given = opt(1232, option(10, [...CLIENT, ...server]))
  const response = octets(header(1, 0x8180, 0, 0, 0, 1), given)
  if (server.length > 0) cookie.acceptResponse(response, 0, response.length)
  return cookie
}
const CLIENT = [1, 2, 3, 4, 5, 6, 7, 8]

for (const length of [0, 8, 32]) {
  t.test(`encodes a server cookie of ${length} octets`, async t => {
    const server = Array<number>(length).fill(0xa5)
    const into = new Uint8Array(600)
    const end = encodeUpstreamQuery(into, 0, 0xabcd, QUESTION, true, false, cookieWith(server))
    t.strictSame(
      into.slice(0, end),
      octets(
        header(0xabcd, 0x0120, 1, 0, 0, 1),
        question('Www.example', 65),
        opt(1232, option(10, [...CLIENT, ...server]), { flags: 0x8000 })
      )
    )
  })
}

t.test('the longest name and cookie make the longest query', async t => {
  const into = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
  const cookie = cookieWith(Array<number>(32).fill(1))
  t.equal(
    encodeUpstreamQuery(into, 0, 1, octets(question(LONGEST)), true, true, cookie),
    MAX_UPSTREAM_QUERY_SIZE
  )
})
