import { createHash } from 'node:crypto'
import t from 'tap'
import { BindingStore } from '../../../src/policy/bindings/binding-store.js'
import { RadiusAccounting } from '../../../src/sources/bindings/radius-accounting.js'
import { decodeAccounting } from '../../../src/wire/radius/accounting.js'
import { accountingRequest, SECRET, session } from './radius-request.js'

const NOW = Date.parse('2026-11-12T14:00:00Z')
const NAS = { address: '10.0.7.1', secret: SECRET }
const MINUTE = 60_000
const nothing = (): void => undefined

function opened(needsMessageAuthenticator = true) {
  const listener = { begin: nothing, end: nothing, feed: nothing }
  const store = new BindingStore({ skew: 0, limit: 100, listener })
  store.setUp('wifi', true, NOW)
  const options = { source: 'wifi', store, lifetime: 60 * MINUTE, needsMessageAuthenticator }
  const accounting = new RadiusAccounting(options)
  const handle = (octets: Buffer, now = NOW, nas = NAS) => accounting.handle(octets, nas, now)
  const who = (now = NOW) => store.certainDevice('10.20.3.4', now)?.device
  return { store, handle, who }
}

const ANNA = {
  ...{ mac: '02:00:5e:10:00:07', user: 'corp\\anna', groups: ['staff'], port: 'ge-0/0/7' }
}

t.test('a session is a binding from its start to its stop', t => {
  const { handle, who, store } = opened()
  t.ok('response' in handle(accountingRequest(session('start', NOW))))
  t.strictSame(who(), ANNA)
  t.equal(store.certainDevice('10.20.3.4', NOW)!.until, NOW + 60 * MINUTE)
  const later = NOW + 30 * MINUTE
  handle(accountingRequest(session('interim', later, [[46, 1800]])), later)
  t.match(store.certainDevice('10.20.3.4', later), { from: NOW, until: later + 60 * MINUTE })
  handle(accountingRequest(session('stop', later + 1000)), later + 1000)
  t.equal(who(later + 1000), undefined)
  t.end()
})

t.test('a response has the Response Authenticator for its request', t => {
  const { handle } = opened()
  const request = accountingRequest(session('start', NOW), { identifier: 9 })
  const result = handle(request)
  const response = 'response' in result ? result.response : Buffer.alloc(0)
  t.strictSame([...response.subarray(0, 4)], [5, 9, 0, 20])
  const signed = Buffer.from(response)
  signed.set(request.subarray(4, 20), 4)
  const digest = createHash('md5').update(signed).update(SECRET).digest()
  t.strictSame(response.subarray(4), digest)
  t.end()
})

t.test('Session-Timeout ends a session, and Accounting-On all sessions of the NAS', t => {
  const { handle, who, store } = opened()
  handle(accountingRequest(session('start', NOW, [[27, 600]])))
  t.equal(store.certainDevice('10.20.3.4', NOW)!.until, NOW + 10 * MINUTE)
  const on = accountingRequest([
    [40, 7],
    [55, NOW / 1000]
  ])
  handle(on, NOW, { ...NAS, address: '10.0.7.2' })
  t.ok(who(), 'another NAS')
  handle(
    accountingRequest([
      [40, 7],
      [55, NOW / 1000],
      [44, 'b']
    ])
  )
  t.equal(who(), undefined)
  t.end()
})

t.test('a late stop of the previous user does not end the session of the next one', t => {
  const { handle, who } = opened()
  handle(accountingRequest(session('start', NOW)))
  const other = session('start', NOW + 1000).map(([type, value]) =>
    type === 1
      ? ([1, 'bob'] as const)
      : type === 31
        ? ([31, '02005e100008'] as const)
        : ([type, value] as const)
  )
  handle(accountingRequest(other), NOW + 1000)
  handle(accountingRequest(session('stop', NOW + 500)), NOW + 2000)
  t.match(who(NOW + 2000), { user: 'bob' })
  t.end()
})

const flip = (octets: Buffer, at: number): Buffer => {
  const copy = Buffer.from(octets)
  copy[at]! ^= 1
  return copy
}
const good = accountingRequest(session('start', NOW))
const bare = accountingRequest(session('start', NOW), { isBare: true })
/** With a right Request Authenticator, and a Message-Authenticator of another secret. */
const mixed = ((): Buffer => {
  const packet = accountingRequest(session('start', NOW), { secret: 'another one' })
  packet.fill(0, 4, 20)
  packet.set(createHash('md5').update(packet).update(SECRET).digest(), 4)
  return packet
})()

const forged = [
  {
    it: 'another secret',
    octets: accountingRequest(session('start', NOW), { secret: 'x' }),
    why: /Request Authenticator/
  },
  { it: 'a changed attribute', octets: flip(good, 30), why: /Request Authenticator/ },
  { it: 'a changed authenticator', octets: flip(good, 4), why: /Request Authenticator/ },
  { it: 'a wrong Message-Authenticator', octets: mixed, why: /wrong Message-Authenticator/ },
  { it: 'no Message-Authenticator', octets: bare, why: /no Message-Authenticator/ },
  {
    it: 'no time',
    octets: accountingRequest([
      [40, 1],
      [1, 'anna']
    ]),
    why: /no Event-Timestamp/
  },
  {
    it: 'an old time',
    octets: accountingRequest(session('start', NOW - 6 * MINUTE)),
    why: /replayed/
  },
  {
    it: 'a time to come',
    octets: accountingRequest(session('start', NOW + 6 * MINUTE)),
    why: /its clock is wrong/
  },
  { it: 'another code', octets: flip(good, 0), why: /not an Accounting-Request/ },
  { it: 'a short packet', octets: good.subarray(0, 19), why: /malformed packet/ },
  { it: 'a length beyond its end', octets: good.subarray(0, 40), why: /malformed packet/ }
]

for (const { it, octets, why } of forged) {
  t.test(`refuses a request with ${it}`, t => {
    const { handle, who } = opened()
    t.match(handle(octets), { refused: why })
    t.equal(who(), undefined)
    t.end()
  })
}

t.test('takes requests without Message-Authenticator where the settings say so', t => {
  const { handle, who } = opened(false)
  t.ok('response' in handle(bare))
  t.strictSame(who(), ANNA)
  t.match(handle(mixed), { refused: /wrong Message-Authenticator/ })
  t.end()
})

t.test('a retransmission is answered without effect, a replay is refused', t => {
  const { handle, who } = opened()
  handle(good)
  handle(accountingRequest(session('stop', NOW + 1000)), NOW + 1000)
  t.ok('response' in handle(good, NOW + 5000))
  t.equal(who(NOW + 5000), undefined)
  t.match(handle(good, NOW + MINUTE), { refused: 'replayed' })
  t.match(handle(good, NOW + 20 * MINUTE), { refused: /made at .* replayed/ })
  t.equal(who(NOW + MINUTE), undefined)
  t.end()
})

t.test('decodes no packet of random octets', t => {
  for (let i = 0; i < 500; i++) {
    const octets = createHash('sha512').update(`seed ${i}`).digest()
    octets.set([4, 1, 0, 64])
    t.type(decodeAccounting(octets, SECRET, true), 'string')
  }
  t.end()
})
