import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { withArchiveLock } from '../../../src/lookups/archive/archive-lock.js'
import { LogLayout } from '../../../src/lookups/files/log-layout.js'
import { removeManually } from '../../../src/lookups/archive/manual-removal.js'
import { kindsOf, linesOf, signKey, tendOnce, verified, writeLines } from './chain/rig.js'
import { lines, logFolder, record } from './lines.js'

const EARLY = 'queries-20230302T000000.104Z.jsonl'
const LATE = 'queries-20230303T000000.104Z.jsonl'
const UNNOTED = 'queries-20230304T000000.104Z.jsonl'
const WALL = Date.parse('2023-03-04T12:00:00.000Z')
const ORDER = { by: 'alice as root', reason: 'request 17 of the data protection officer' }
const log = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** A log of two closed files and one that is being written. */
async function written(t: Test, parquet: boolean) {
  const key = signKey(t)
  const path = logFolder(t, {
    'queries.jsonl': lines(record('2023-03-03T12:00:00.000Z')),
    [EARLY]: lines(record('2023-03-01T09:26:53.589Z')),
    [LATE]: lines(record('2023-03-02T09:26:53.589Z'))
  })
  await tendOnce(path, '2023-03-03T12:30:00.000Z', { parquet, chain: key.options })
  const layout = new LogLayout(path)
  const parts = { layout, chain: key.options, wall: WALL, log }
  const remove = (...files: string[]) => removeManually(parts, files, ORDER)
  const at = (name: string): string => join(dirname(path), name)
  return { path, layout, parts, at, remove, proof: () => verified(path, key.publicKey) }
}

t.test('a closed file is removed, and the chain records by whom and why', async t => {
  const { path, at, remove, proof } = await written(t, false)
  const [removed] = await remove(EARLY)
  t.match(removed, { file: EARLY, sha256: /^[0-9a-f]{64}$/ })
  t.notOk(existsSync(at(EARLY)))
  t.strictSame(kindsOf(path).slice(-2), ['removed', 'checkpoint'])
  const found = await proof()
  t.match(found, { proven: true, files: 1, removed: 0 })
  const time = new Date(WALL).toISOString()
  t.strictSame(found.manualRemovals, [{ time, ...ORDER, files: [removed] }])
})

t.test('a Parquet file is removed by its path, with its folder and tally', async t => {
  const { at, remove, proof } = await written(t, true)
  const day = at('archive/day=2023-03-01')
  await remove(join(day, readdirSync(day)[0]!))
  t.notOk(existsSync(day))
  t.match(readdirSync(at('archive/tallies')), [/^2023-03-02/])
  t.match(await proof(), {
    proven: true,
    files: 2,
    unproven: [{ kind: 'live' }],
    manualRemovals: [ORDER]
  })
})

t.test('an altered file is reported as such', async t => {
  const { at, remove, proof } = await written(t, false)
  appendFileSync(at(EARLY), lines(record('2023-03-01T10:00:00.000Z')))
  t.match(await remove(EARLY), [{ file: EARLY, was: 'altered' }])
  t.match(await proof(), { proven: true, manualRemovals: [{ files: [{ was: 'altered' }] }] })
})

t.test('files already missing, or unknown to the chain, are reported as such', async t => {
  const { at, remove, proof } = await written(t, false)
  const extra = 'archive/day=2023-03-01/other.parquet'
  rmSync(at(EARLY))
  mkdirSync(dirname(at(extra)), { recursive: true })
  writeFileSync(at(extra), 'PAR1 nobody made it PAR1')
  t.match((await proof()).breaks, [{ kind: 'missing' }, { kind: 'extra' }])
  t.match(await remove(EARLY, extra), [{ was: 'missing' }, { file: extra, was: 'extra' }])
  t.match(await proof(), { proven: true, breaks: [], manualRemovals: [ORDER] })
})

t.test('an unreadable file is reported, and does not prevent a removal', async t => {
  const { at, remove, proof } = await written(t, false)
  for (const name of [EARLY, UNNOTED]) {
    rmSync(at(name), { force: true })
    // Not even root can read it: a symbolic link to itself.
    symlinkSync(name, at(name))
  }
  await remove(LATE)
  t.match(await remove(EARLY, UNNOTED), [{ was: 'unreadable' }, { was: 'unreadable' }])
  t.match(await proof(), { proven: true, files: 0 })
})

t.test('incomplete Parquet of a file is removed with it', async t => {
  const { at, remove, proof, path } = await written(t, true)
  // As if it had been killed before the chain was written.
  const chain = linesOf(path)
  const [day] = readdirSync(at('archive')).filter(name => name.startsWith('day='))
  const [half] = readdirSync(at(`archive/${day}`))
  writeLines(
    path,
    chain.slice(
      0,
      chain.findIndex(line => line.includes('"replaced"'))
    )
  )
  writeFileSync(at(EARLY), lines(record('2023-03-01T09:26:53.589Z')))
  writeFileSync(at(LATE), lines(record('2023-03-02T09:26:53.589Z')))
  const files = (await remove(EARLY)).map(({ file }) => basename(file))
  t.strictSame(files, [EARLY, half])
  t.match(await proof(), { proven: true, manualRemovals: [{ files: [{ file: EARLY }, {}] }] })
})

t.test('a removal interrupted by a crash is completed', async t => {
  const { path, at, remove, parts, proof } = await written(t, false)
  await remove(EARLY)
  writeFileSync(at(EARLY), lines(record('2023-03-01T09:26:53.589Z')))
  t.match(await proof(), { proven: true, unproven: [{ kind: 'unfinished', at: EARLY }, {}] })
  await tendOnce(path, '2023-03-04T12:30:00.000Z', { parquet: false, chain: parts.chain })
  t.notOk(existsSync(at(EARLY)))
  t.match(await proof(), { proven: true, files: 1 })
})

for (const { it, file } of [
  { it: 'the file being written', file: 'queries.jsonl' },
  { it: 'the chain', file: 'chain.jsonl' },
  { it: 'what is elsewhere', file: '../../etc/passwd' },
  { it: 'what is not there', file: 'queries-20230309T000000.104Z.jsonl' }
]) {
  t.test(`${it} is not removed, nor anything named with it`, async t => {
    const { path, at, remove } = await written(t, false)
    const before = linesOf(path).length
    await t.rejects(remove(EARLY, file), { code: 'ARCHIVE_NO_FILE' })
    t.ok(existsSync(at(EARLY)))
    t.equal(linesOf(path).length, before)
  })
}

t.test('without a chain files are just removed, unless there is one', async t => {
  const { layout, parts, at } = await written(t, false)
  const bare = { ...parts, chain: undefined }
  await t.rejects(removeManually(bare, [EARLY], ORDER), { code: 'ARCHIVE_NO_CHAIN' })
  rmSync(at('chain.jsonl'))
  await t.rejects(removeManually(parts, [EARLY], ORDER), { code: 'ARCHIVE_NO_CHAIN' })
  t.match(await removeManually(bare, [EARLY], ORDER), [{ file: EARLY }])
  t.strictSame(
    readdirSync(layout.folder).filter(name => layout.isClosed(name)),
    [LATE]
  )
})

t.test('a failed removal is a coded error', async t => {
  const { parts, at } = await written(t, false)
  rmSync(at('chain.jsonl'))
  mkdirSync(at(UNNOTED))
  const bare = { ...parts, chain: undefined }
  await t.rejects(removeManually(bare, [UNNOTED], ORDER), { code: 'ARCHIVE_FAILED' })
})

t.test('two processes do not work on the files at once: one waits', async t => {
  const { layout, remove } = await written(t, false)
  const done: string[] = []
  let release = (): void => undefined
  const gateway = withArchiveLock(layout, log, async () => {
    await new Promise<void>(resolve => (release = resolve))
    done.push('gateway')
  })
  await t.rejects(
    withArchiveLock(layout, log, async () => undefined, 0),
    { code: 'ARCHIVE_BUSY' }
  )
  const command = remove(EARLY).then(() => done.push('command'))
  release()
  await Promise.all([gateway, command])
  t.strictSame(done, ['gateway', 'command'])
})
