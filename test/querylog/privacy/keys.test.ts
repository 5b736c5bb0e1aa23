import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ErrorCode } from '../../../src/base/errors/error.js'
import {
  saveKey,
  generateKey,
  periodsIn,
  readKey
} from '../../../src/lookups/privacy/key-folder.js'
import { KeyRing, type KeyRingOptions } from '../../../src/lookups/privacy/key-ring.js'
import { endOf, periodOf, startOf } from '../../../src/lookups/privacy/key-period.js'
import { fakeClock, folder } from '../record/disk.js'
import { WALL } from '../record/events.js'

const DAY = 86_400_000

function ring(t: Test, more: Partial<KeyRingOptions> = {}) {
  const keys = join(folder(t).path, 'deep', 'keys')
  const clock = fakeClock(WALL)
  const errors: ErrorCode[] = []
  const options = { folder: keys, rotation: 'daily', keep: 2 * DAY, ...more } as const
  const start = () => new KeyRing(options, clock, ({ code }) => errors.push(code))
  return { keys, clock, errors, start, made: start() }
}

t.test('creates a key for its owner only, and finds it again', async t => {
  const { keys, made, start, errors } = ring(t)
  const { secret, start: from, end } = made.keyAt(WALL)
  t.equal(secret.length, 32)
  t.ok(from <= WALL && WALL < end && end - from === DAY)
  t.equal(statSync(keys).mode & 0o777, 0o700)
  t.equal(statSync(join(keys, '2023-03-13.key')).mode & 0o777, 0o600)
  t.strictSame(readdirSync(keys), ['2023-03-13.key'], 'and nothing else')
  t.strictSame(start().keyAt(WALL).secret, secret, 'after a restart')
  t.notSame(made.keyAt(WALL + DAY).secret, secret, 'another for the next day')
  t.strictSame(errors, [])
})

const periods = [
  { wall: '2023-03-31T23:59:59.999Z', rotation: 'daily', is: '2023-03-31', end: '2023-04-01' },
  { wall: '2024-02-29T12:00:00Z', rotation: 'monthly', is: '2024-02', end: '2024-03-01' },
  { wall: '2023-12-31T23:59:59Z', rotation: 'monthly', is: '2023-12', end: '2024-01-01' }
] as const
for (const { wall, rotation, is, end } of periods) {
  t.test(`a ${rotation} key at ${wall} is that of ${is}`, async t => {
    const period = periodOf(Date.parse(wall), rotation)
    t.equal(period, is)
    t.equal(endOf(period), Date.parse(end))
    t.ok(startOf(period) <= Date.parse(wall))
  })
}

t.test('deletes expired keys, daily and monthly, and nothing else', async t => {
  const { keys, clock, made } = ring(t, { keep: 2 * DAY })
  made.keyAt(WALL)
  for (const period of ['2023-02', '2023-03', '2023-03-10']) saveKey(keys, generateKey(period))
  const others = ['2023-03-01.txt', '2023-13-01.key', 'other.key', '2023-03-01.key.bak']
  for (const name of others) writeFileSync(join(keys, name), '')
  writeFileSync(join(keys, '2023-03-10.key.0123456789abcdef'), 'of a crash')
  made.maintain()
  t.strictSame(periodsIn(keys), ['2023-03', '2023-03-13'])
  clock.pass(2 * DAY)
  made.maintain()
  t.strictSame(periodsIn(keys), ['2023-03', '2023-03-13'], 'kept so long after its day')
  clock.pass(DAY)
  made.maintain()
  t.strictSame(periodsIn(keys), ['2023-03'])
  t.strictSame(
    readdirSync(keys)
      .filter(name => name !== '2023-03.key')
      .sort(),
    others.sort()
  )
})

t.test('before the first lookup it knows that a key cannot be saved', async t => {
  const { keys, made, clock, errors } = ring(t, { isUsed: true })
  mkdirSync(join(keys, '2023-03-13.key'), { recursive: true })
  t.equal(made.error, null)
  made.maintain()
  t.match(made.error, /cannot use pseudonym key .*2023-03-13\.key/)
  t.strictSame(errors, ['PRIVACY_KEY'])
  rmSync(keys, { recursive: true })
  clock.pass(60_000)
  made.maintain()
  t.equal(made.error, null)
  t.strictSame(readdirSync(keys), ['2023-03-13.key'])
})

t.test('without pseudonyms there is no key', async t => {
  const { keys, made } = ring(t)
  made.maintain()
  t.notOk(existsSync(keys))
})

t.test('two gateways use the same key: the first one saved', async t => {
  const { keys } = ring(t)
  const first = saveKey(keys, generateKey('2023-03-13'))
  t.strictSame(saveKey(keys, generateKey('2023-03-13')), first)
})

t.test('a key that cannot be saved: kept in memory, retried each minute', async t => {
  const { keys, clock, errors, made } = ring(t)
  mkdirSync(join(keys, '..'))
  writeFileSync(keys, 'no folder')
  const { secret } = made.keyAt(WALL)
  t.equal(secret.length, 32)
  made.maintain()
  t.strictSame([...new Set(errors)], ['PRIVACY_KEY'])
  rmSync(keys)
  clock.pass(59_000)
  made.maintain()
  t.notOk(existsSync(keys), 'not yet')
  clock.pass(2_000)
  made.maintain()
  t.strictSame(readKey(keys, '2023-03-13')?.secret, secret, 'the very same')
})

const wrong = [
  { it: 'is empty', text: '' },
  { it: 'is too short', text: 'ab'.repeat(31) },
  { it: 'is not hexadecimal', text: 'zz'.repeat(32) },
  { it: 'others can read', text: 'ab'.repeat(32), mode: 0o640 }
]
for (const { it, text, mode = 0o600 } of wrong) {
  t.test(`a key that ${it} is not used until it is fixed`, async t => {
    const { keys, clock, errors, made } = ring(t)
    const path = join(keys, '2023-03-13.key')
    mkdirSync(keys, { recursive: true })
    writeFileSync(path, text)
    chmodSync(path, mode)
    const held = made.keyAt(WALL)
    t.notSame(Buffer.from(held.secret).toString('hex'), text)
    t.strictSame(errors, ['PRIVACY_KEY'])
    t.equal(readFileSync(path, 'utf8'), text, 'not written over')
    writeFileSync(path, `${'cd'.repeat(32)}\n`)
    chmodSync(path, 0o600)
    clock.pass(61_000)
    made.maintain()
    t.ok(held.end < WALL, 'who holds the one in memory asks again')
    t.equal(Buffer.from(made.keyAt(WALL).secret).toString('hex'), 'cd'.repeat(32))
  })
}
