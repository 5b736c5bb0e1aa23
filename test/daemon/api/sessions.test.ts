import { chmodSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import type { Principal } from '../../../src/admin/tokens/authenticator.js'
import { Cookies } from '../../../src/admin/login/cookies.js'
import { claimAt, personOf } from '../../../src/admin/login/person.js'
import { oidcFileErrors } from '../../../src/gateway/config/provider-files.js'
import { SessionStore } from '../../../src/admin/login/sessions.js'

const HOUR = 3_600_000
const config = { origin: 'https://gateway.example', session: 8 * HOUR, idle: HOUR }
const personNamed = (subject: string) => ({ name: 'alice', subject, scopes: ['read'] as const })

function newStore() {
  const clock = { time: 0, now: () => clock.time, wall: () => clock.time }
  return { clock, store: new SessionStore(config, new Cookies(config.origin), clock) }
}

/** A request with the cookie of a header `Set-Cookie`. */
const requestWith = (cookie: string) =>
  ({ method: 'GET', headers: { cookie: cookie.split(';')[0]! } }) as unknown as IncomingMessage

t.test('sessions end when they are idle, and in any case', async t => {
  const { clock, store } = newStore()
  const cookie = store.create(personNamed('1'))
  t.match(
    cookie,
    /^__Host-interdict=.{43}; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=28800$/
  )
  const request = requestWith(cookie)
  const principal = store.authenticate(request) as Principal
  t.equal(principal.sessionEnd, 8 * HOUR)
  for (let hour = 0; hour < 8; hour++) {
    t.equal(store.authenticate(request), principal, `used after ${hour} hours`)
    clock.time += HOUR - 1
    t.ok(principal.isValid(), 'not idle for long enough')
  }
  t.equal(store.authenticate(request), principal)
  clock.time = 8 * HOUR - 1
  t.equal(store.authenticate(request), principal)
  clock.time++
  t.notOk(principal.isValid())
  t.equal(store.authenticate(request), undefined)

  const idle = requestWith(store.create(personNamed('1')))
  const other = store.authenticate(idle) as Principal
  clock.time += HOUR
  t.notOk(other.isValid())
  t.equal(store.authenticate(idle), undefined)
  t.equal(store.authenticate(requestWith('interdict=x')), undefined, 'another name')
  t.equal(store.authenticate({ headers: {} } as unknown as IncomingMessage), undefined, 'no cookie')
})

t.test('sessions are bounded in number', async t => {
  const { store } = newStore()
  const isOpen = (cookie: string) => store.authenticate(requestWith(cookie)) !== undefined
  const others = Array.from({ length: 990 }, (_, i) => store.create(personNamed(`o${i}`)))
  const own = Array.from({ length: 10 }, () => store.create(personNamed('1')))
  t.ok(isOpen(own[0]!), 'used: the second is the oldest now')
  const next = store.create(personNamed('1'))
  t.strictSame([own[0]!, own[1]!, next].map(isOpen), [true, false, true], 'ten of one person')
  t.ok(isOpen(others[0]!))
  store.create(personNamed('new'))
  t.strictSame(others.slice(0, 3).map(isOpen), [true, false, true], 'a thousand of all')
})

t.test('who a person is', async t => {
  const rules = {
    nameClaim: 'name',
    rolesClaim: 'a.b',
    roles: { read: ['r', 'p'], operate: [], policy: ['p'] }
  }
  const person = (claims: object) => personOf({ sub: 'id', ...claims }, rules)
  const subject = 'id'
  t.strictSame(person({ name: ' alice\n', a: { b: ['p', 7] } }), {
    ...{ name: 'alice', subject, scopes: ['read', 'policy'] }
  })
  t.strictSame(person({ name: ['x'], 'a.b': 'r' }), { name: 'id', subject, scopes: ['read'] })
  t.equal(person({ name: 'x'.repeat(200) }).name.length, 128)
  t.strictSame(person({ name: '\u0007', a: null }), { name: 'id', subject, scopes: [] })
  t.equal(claimAt({}, 'constructor.name'), undefined, 'own members only')
})

t.test('files of the settings', async t => {
  const folder = t.testdir({ secret: 'x\n', open: 'x', empty: ' \n', ca: 'PEM' })
  const position = { file: 'interdict.yaml', line: 2, column: 3 }
  const errors = (secret?: string, ca?: string) => {
    const path = (name?: string) => (name === undefined ? undefined : join(folder, name))
    const found = oidcFileErrors({ clientSecretFile: path(secret), caFile: path(ca), position })
    return found.map(({ code, message }) => `${code} ${message.replace(`${folder}/`, '')}`)
  }
  for (const name of ['secret', 'empty']) chmodSync(join(folder, name), 0o600)
  chmodSync(join(folder, 'open'), 0o644)
  t.strictSame(oidcFileErrors(undefined), [])
  t.strictSame(errors(), [])
  t.strictSame(errors('secret', 'ca'), [])
  const at = 'OIDC_FILE interdict.yaml:2:3: cannot use'
  t.strictSame(errors('open'), [
    `${at} open of admin.oidc: mode 644 is too open; make it 600 or 640`
  ])
  t.strictSame(errors('empty'), [`${at} empty of admin.oidc: it is empty`])
  t.match(errors('absent', 'none'), [
    /absent of admin.oidc: no such file/,
    /none of admin.oidc: no such file/
  ])
})
