import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../src/base/time/clock.js'
import { newToken, readTokens, writeTokens } from '../../../src/admin/tokens/token-file.js'
import { TokenStore } from '../../../src/admin/tokens/token-store.js'
import { MemoryLog } from '../serve.js'
import { eventually } from '../site.js'

const DAY = 86_400_000
const make = (name: string) => newToken(name, ['read'], new Date(), new Date(Date.now() + DAY))

t.test('the file of tokens', async t => {
  const path = join(t.testdir(), 'state', 'tokens.json')
  t.strictSame(readTokens(path), [], 'a missing file')
  const { token, stored } = make('a')
  t.match(token, /^interdict_[A-Za-z0-9_-]{43}$/)
  writeTokens(path, [stored])
  t.strictSame(readTokens(path), [stored])
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.notMatch(readFileSync(path, 'utf8'), token.slice('interdict_'.length))
  for (const text of ['', '{', '{"version":2,"tokens":[]}', '{"version":1,"tokens":[{}]}']) {
    writeFileSync(path, text)
    t.throws(() => readTokens(path), { code: 'API_TOKEN_FILE' }, text)
  }
  t.throws(() => readTokens(t.testdirName), { code: 'API_TOKEN_FILE' }, 'a folder')
  t.throws(() => writeTokens(t.testdirName, [stored]), { code: 'API_TOKEN_FILE' }, 'a folder')
})

t.test('a changed file counts at once; a broken one does not', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const log = new MemoryLog()
  const store = new TokenStore(path, systemClock, log)
  t.teardown(() => store.close())
  await store.open()
  const first = make('first')
  const authenticate = (token: string) =>
    store.authenticate({ headers: { authorization: `bearer ${token}` } } as never)
  t.match(authenticate(first.token), { code: 'API_TOKEN' })
  writeTokens(path, [first.stored])
  await eventually('the new token', () => !(authenticate(first.token) instanceof Error))
  const principal = authenticate(first.token) as { name: string; isValid(): boolean }
  t.equal(principal.name, 'first')
  t.ok(principal.isValid())

  writeFileSync(path, 'x')
  await log.says('previous ones stay valid')
  t.ok(principal.isValid())

  rmSync(path)
  await eventually('no tokens', () => authenticate(first.token) instanceof Error)
  t.notOk(principal.isValid(), 'revoked')
})
