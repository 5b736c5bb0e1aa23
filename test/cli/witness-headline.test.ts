import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { verificationLines } from '../../src/cli/output/log/verification-text.js'
import type { WitnessedVerification } from '../../src/lookups/witness/verify-witness.js'
import { lines, record } from '../querylog/archive/lines.js'
import { MINUTE, witnessedLog } from '../querylog/witness/witnessed-log.js'

const text = (found: WitnessedVerification): string => verificationLines('chain', found).join('\n')

t.test('a log that was witnessed all along is called unaltered, also if it waits', async t => {
  const { verify, now } = await witnessedLog(t, 1)
  t.match(text(await verify()), /: verified, the log is unaltered; witnessed until 20/)
  const later = text(await verify(undefined, now + 60 * MINUTE))
  t.match(later, /: verified, the log is unaltered; witnessed until 20/)
  t.match(later, /not confirmed since 20/)
})

t.test('a log that was rewritten and got one fresh receipt is not called unaltered', async t => {
  const { verify, forge, restamp, witnessPath, now } = await witnessedLog(t, 1)
  forge()
  restamp(now)
  const last = readFileSync(witnessPath, 'utf8').trim().split('\n').at(-1)
  writeFileSync(witnessPath, `${last}\n`)
  for (const at of [now, now + 60 * MINUTE]) {
    const found = await verify(undefined, at)
    t.match(found, { proven: true, witness: { confirmed: 1 } })
    const told = text(found)
    const expected = /: verified by the key of the chain; lookups of 1 period could have been/
    t.match(told, expected)
    t.match(told, /unconfirmed for longer than the interval/)
    t.notMatch(told, /the log is unaltered/)
  }
})

t.test(
  'what was there before the chain could have been rewritten until the first receipt',
  async t => {
    const earlier = { 'archive/day=2023-02-28/queries-20230301T000000.000Z.parquet': 'PAR1' }
    const { verify, dropReceipts, began } = await witnessedLog(t, 1, earlier)
    const found = await verify()
    const until = new Date(began + 10 * MINUTE + 3_000).toISOString()
    t.match(found, { proven: true, found: 1, witness: { longest: 603, gaps: { length: 1 } } })
    t.strictSame(found.witness.gaps, [{ until }])
    const told = text(found)
    t.match(told, /lookups of 1 period could have been rewritten: see Witness/)
    t.match(told, /at most 10 min at a time, after the chain began/)
    t.match(
      told,
      /unconfirmed for longer than the interval: the first lookup to 20.*, as the chain began with files/
    )
    dropReceipts()
    t.match(text(await verify()), /could have rewritten all of it$/m)
  }
)

t.test('so could lookups in files that were closed before the chain', async t => {
  const time = '2023-02-28T10:00:00.000Z'
  const earlier = { 'queries-20230301T000000.000Z.jsonl': lines(record(time)) }
  const { verify, began } = await witnessedLog(t, 1, earlier)
  const until = new Date(began + 10 * MINUTE + 3_000).toISOString()
  const found = await verify()
  t.strictSame(found.witness.gaps, [{ from: time, until }])
  t.match(text(found), /lookups of 1 period could have been rewritten: see Witness/)
})

t.test('a log whose files the gateway has replaced by others is not called unaltered', async t => {
  const { verify } = await witnessedLog(t, 1)
  const found = await verify()
  const told = text({ ...found, witness: { ...found.witness, conversions: 2 } })
  t.match(
    told,
    /: verified by the key of the chain; the gateway replaced files 2 times: see Witness/
  )
  t.notMatch(told, /the log is unaltered/)
})
