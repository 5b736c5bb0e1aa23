import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { lines, logFolder, record } from '../lines.js'
import { chainOf, linesOf, signKey, tendOnce, verified } from './rig.js'

const CLOSED = 'queries-20230302T000000.104Z.jsonl'
const line = (minute: number): string =>
  lines(record(`2023-03-01T09:${String(minute).padStart(2, '0')}:00.000Z`))

/** A log whose live file gets lines, with a checkpoint every ten minutes. */
function witnessed(t: Test) {
  const path = logFolder(t, { 'queries.jsonl': line(1) + line(2) })
  const { options, publicKey } = signKey(t)
  const chain = { ...options, checkpoint: 600_000, coversLive: true }
  const run = (time: string, more = {}) =>
    tendOnce(path, `2023-03-01T${time}Z`, { parquet: false, chain, ...more })
  const close = (): void => renameSync(path, join(dirname(path), CLOSED))
  return { path, run, close, verify: () => verified(path, publicKey) }
}

const openOf = (path: string): unknown[] =>
  linesOf(path).map(text => (JSON.parse(text) as { open?: unknown }).open)

t.test('checkpoints cover the complete lines of the live file, each once', async t => {
  const { path, run, close, verify } = witnessed(t)
  await run('09:05:00.000')
  const first = readFileSync(path).length
  appendFileSync(path, `${line(6)}{"v":1,"half`)
  await run('09:14:50.000')
  const second = first + line(6).length
  t.match(openOf(path), [undefined, { from: 0, to: first }, { from: first, to: second }])
  t.match(await verify(), { proven: true, breaks: [] })
  await run('09:17:00.000')
  t.equal(linesOf(path).length, 3, 'nothing is due')
  appendFileSync(path, '-line"}\n')
  close()
  writeFileSync(path, line(20))
  t.match(await verify(), { proven: true }, 'a file that was closed since')
  await run('09:24:00.000')
  t.match(openOf(path).slice(3), [undefined, { from: 0, to: line(20).length }])
  t.match(await verify(), { proven: true, files: 1 })
})

t.test('without a witness, checkpoints leave the live file out', async t => {
  const { path, run } = witnessed(t)
  await run('09:05:00.000', { chain: signKey(t).options })
  t.strictSame(openOf(path), [undefined, undefined])
})

t.test('lines that a checkpoint has of the live file cannot be changed', async t => {
  const { path, run, verify } = witnessed(t)
  await run('09:05:00.000')
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, before.replace('tiktok', 'tiktak'))
  t.match(await verify(), { proven: false, breaks: [{ kind: 'rewritten', at: 'queries.jsonl' }] })
  writeFileSync(path, line(1))
  t.match(await verify(), { breaks: [{ kind: 'rewritten' }] }, 'shortened')
  rmSync(path)
  t.match(await verify(), { breaks: [{ kind: 'rewritten' }] }, 'removed')
  writeFileSync(path, line(3))
  const { told } = await run('09:15:00.000')
  t.match(told[0], { level: 'error', fields: { code: 'CHAIN_ALTERED' } })
  t.match(await verify(), { breaks: [{ kind: 'rewritten', at: 'chain.jsonl:3' }] })
})

t.test('a file that is changed before it is closed does not match the checkpoints', async t => {
  const { path, run, close, verify } = witnessed(t)
  await run('09:05:00.000')
  writeFileSync(path, readFileSync(path, 'utf8').replace('tiktok', 'tiktak'))
  close()
  await run('09:15:00.000')
  t.match(await verify(), { proven: false, breaks: [{ kind: 'rewritten', at: CLOSED }] })
})

t.test('a chain that has not begun, or has no checkpoint, is not yet signed', async t => {
  const { path, run, verify } = witnessed(t)
  t.match(await verify(), { proven: false, breaks: [{ kind: 'absent' }] })
  await run('09:05:00.000')
  writeFileSync(chainOf(path), `${linesOf(path)[0]!}\n`)
  t.match(await verify(), { proven: false, breaks: [], checkpoint: undefined })
})
