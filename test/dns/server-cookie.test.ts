import t from 'tap'
import { readAddress } from '../../src/base/values/address.js'
import type { Seconds } from '../../src/base/units.js'
import { COOKIE_STATUS, ServerCookies } from '../../src/wire/dns/edns/server-cookie.js'
import { Query, QUERY_KIND } from '../../src/wire/dns/message/query.js'
import { header, octets, opt, option, question } from './octets.js'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const SECRET = hex('e5e973e5a6b2a43f48e7dc849e37bfcf')

interface Asked {
  readonly from: string
  readonly at: Seconds
  readonly secrets?: readonly Uint8Array[]
  readonly cookie: string
}

/** The status of the cookie, and the data of the returned option. */
function answer({ from, at, secrets = [SECRET], cookie }: Asked): [number, string] {
  const cookies = new ServerCookies({ now: () => 0, wall: () => at * 1000 }, secrets)
  const message = octets(
    header(1, 0x100, 1, 0, 0, 1),
    question('www.example'),
    opt(1232, option(10, [hex(cookie)]))
  )
  const query = new Query()
  if (query.decode(message, 0, message.length, 7) !== QUERY_KIND.ok) throw new Error('not a query')
  const address = readAddress(from)
  const view = new DataView(address.buffer, address.byteOffset)
  const client = Uint32Array.from([0, 0, 4, 8, 12], word => view.getUint32(word))
  const verdict = cookies.verify(query, message, client, 1)
  const returned = Buffer.from(query.replyOptions.subarray(4, query.replyOptionsLength))
  return [verdict, returned.toString('hex')]
}

const OLD = hex('dd3bdf9344b678b185a6f5cb60fca715')
const NEW = hex('445536bcd2513298075a5d379663c962')

const LEARNT = '2464c4abcf10c957010000005cf79f111f8130c3eee29480'
const RENEWED = '2464c4abcf10c957010000005cf7a871d4a564a1442aca77'
const ALICE = '198.51.100.100'
const BOB = '2001:db8:220:1:59de:d0f4:8769:82b8'
/** Timestamp of LEARNT. */
const THEN = 0x5cf79f11

/** RFC 9018, appendix A. */
const vectors = [
  {
    it: 'A.1: a client cookie alone',
    asked: { from: ALICE, at: THEN, cookie: '2464c4abcf10c957' },
    answer: [COOKIE_STATUS.unverified, LEARNT]
  },
  {
    it: 'A.2: a cookie 40 minutes old, which is renewed',
    asked: { from: ALICE, at: 0x5cf7a871, cookie: LEARNT },
    answer: [COOKIE_STATUS.verified, RENEWED]
  },
  {
    it: 'A.3: a cookie two hours old, with non-zero reserved octets',
    asked: {
      from: '203.0.113.203',
      at: 0x5cf7a9ac,
      cookie: 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5'
    },
    answer: [COOKIE_STATUS.unverified, 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e']
  },
  {
    it: 'A.4: IPv6, and a cookie made with the previous secret',
    asked: {
      from: BOB,
      at: 0x5cf7c609,
      secrets: [NEW, OLD],
      cookie: '22681ab97d52c298010000005cf7c57926556bd0934c72f8'
    },
    answer: [COOKIE_STATUS.verified, '22681ab97d52c298010000005cf7c609a6bb79d16625507a']
  }
]

const flipped = (cookie: string, at: number): string => {
  const octets = hex(cookie)
  octets[at]! ^= 1
  return Buffer.from(octets).toString('hex')
}
const after = (seconds: Seconds): Asked => ({ from: ALICE, at: THEN + seconds, cookie: LEARNT })

const verdicts: readonly { it: string; asked: Asked; verdict: number; kept?: boolean }[] = [
  { it: 'a new one', asked: after(0), verdict: COOKIE_STATUS.verified, kept: true },
  { it: 'one half an hour old', asked: after(1800), verdict: COOKIE_STATUS.verified, kept: true },
  {
    it: 'an older one, renewed',
    asked: after(1801),
    verdict: COOKIE_STATUS.verified,
    kept: false
  },
  {
    it: 'one an hour old, renewed',
    asked: after(3600),
    verdict: COOKIE_STATUS.verified,
    kept: false
  },
  {
    it: 'one older than an hour',
    asked: after(3601),
    verdict: COOKIE_STATUS.unverified,
    kept: false
  },
  {
    it: 'one 5 minutes in the future',
    asked: after(-300),
    verdict: COOKIE_STATUS.verified,
    kept: true
  },
  {
    it: 'one further in the future',
    asked: after(-301),
    verdict: COOKIE_STATUS.unverified,
    kept: false
  },
  {
    it: 'one from another address',
    asked: { ...after(0), from: '198.51.100.101' },
    verdict: COOKIE_STATUS.unverified
  },
  {
    it: 'one with another client cookie',
    asked: { ...after(0), cookie: flipped(LEARNT, 0) },
    verdict: COOKIE_STATUS.unverified
  },
  {
    it: 'one of another version',
    asked: { ...after(0), cookie: flipped(LEARNT, 8) },
    verdict: COOKIE_STATUS.unverified
  },
  {
    it: 'one with another hash',
    asked: { ...after(0), cookie: flipped(LEARNT, 23) },
    verdict: COOKIE_STATUS.unverified
  },
  {
    it: 'a shorter one of another server',
    asked: { ...after(0), cookie: LEARNT.slice(0, 32) },
    verdict: COOKIE_STATUS.unverified
  },
  {
    it: 'a longer one of another server',
    asked: { ...after(0), cookie: LEARNT + LEARNT.slice(16) },
    verdict: COOKIE_STATUS.unverified
  },
  { it: 'none at all', asked: { ...after(0), cookie: '' }, verdict: COOKIE_STATUS.malformed },
  {
    it: '7 octets',
    asked: { ...after(0), cookie: LEARNT.slice(0, 14) },
    verdict: COOKIE_STATUS.malformed
  },
  {
    it: '9 octets',
    asked: { ...after(0), cookie: LEARNT.slice(0, 18) },
    verdict: COOKIE_STATUS.malformed
  },
  {
    it: '15 octets',
    asked: { ...after(0), cookie: LEARNT.slice(0, 30) },
    verdict: COOKIE_STATUS.malformed
  },
  {
    it: '41 octets',
    asked: { ...after(0), cookie: 'ab'.repeat(41) },
    verdict: COOKIE_STATUS.malformed
  },
  {
    it: 'one made with a removed secret',
    asked: { ...after(0), secrets: [NEW, OLD] },
    verdict: COOKIE_STATUS.unverified
  }
]

for (const { it, asked, answer: wanted } of vectors) {
  t.test(it, async t => t.strictSame(answer(asked), wanted))
}

for (const { it, asked, verdict, kept } of verdicts) {
  const word = Object.keys(COOKIE_STATUS)[verdict]!
  t.test(`${it} is ${word}`, async t => {
    const [found, returned] = answer(asked)
    t.equal(found, verdict)
    if (verdict === COOKIE_STATUS.malformed) t.equal(returned, '')
    else t.equal(returned.slice(0, 16), asked.cookie.slice(0, 16))
    if (kept !== undefined) t.equal(returned === asked.cookie, kept)
  })
}
