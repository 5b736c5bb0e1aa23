import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TICKET_KEY_PERIOD, TicketKeys } from '../../src/wire/tls/ticket-keys.js'

const position = { file: 'interdict.yaml', line: 3, column: 5 }
const path = join(t.testdir(), 'secret')
const file = { path, position }

t.test('random keys change with the period', async t => {
  const keys = new TicketKeys(undefined)
  await keys.reload()
  const first = keys.at(1)
  t.equal(first.length, 48)
  t.equal(keys.at(TICKET_KEY_PERIOD - 1), first)
  const second = keys.at(TICKET_KEY_PERIOD)
  t.notSame(second, first)
  t.notSame(new TicketKeys(undefined).at(TICKET_KEY_PERIOD), second)
})

t.test('a process goes on with the random key of the one that it replaces', async t => {
  const before = new TicketKeys(undefined).at(1)
  const keys = new TicketKeys(undefined, before)
  t.equal(keys.at(1), before)
  t.notSame(keys.at(TICKET_KEY_PERIOD), before)
  t.notSame(keys.at(1), before)

  writeFileSync(path, 'x'.repeat(32))
  const secret = new TicketKeys(file, before)
  await secret.reload()
  t.notSame(secret.at(1), before, 'a secret in the settings comes first')
})

t.test('gateways with one secret have the same keys', async t => {
  writeFileSync(path, 'x'.repeat(32))
  const [one, other] = [new TicketKeys(file), new TicketKeys(file)]
  await Promise.all([one.reload(), other.reload()])
  t.strictSame(one.at(5), other.at(7))
  t.notSame(one.at(5 + TICKET_KEY_PERIOD), other.at(5))
  const before = one.at(5)
  await one.reload()
  t.equal(one.at(5), before)
  writeFileSync(path, 'y'.repeat(48))
  await one.reload()
  t.notSame(one.at(5), before)
})

t.test('an unusable secret is reported, and the previous one stays', async t => {
  writeFileSync(path, 'x'.repeat(32))
  const keys = new TicketKeys(file)
  await keys.reload()
  const before = keys.at(5)
  writeFileSync(path, 'too short')
  await t.rejects(keys.reload(), {
    code: 'TICKET_SECRET',
    message: `interdict.yaml:3:5: ticket secret file ${path} is unusable: it has 9 bytes, fewer than 32`
  })
  t.equal(keys.at(5), before)
  const missing = new TicketKeys({ ...file, path: `${path}2` })
  await t.rejects(missing.reload(), { code: 'TICKET_SECRET', message: /no such file/ })
})
