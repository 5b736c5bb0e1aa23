import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmodSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../../src/lookups/archive/database.js'
import { lines, logFolder, record } from '../lines.js'
import { chainOf, kindsOf, linesOf, signKey, tendOnce, verified, writeLines } from './rig.js'

const CLOSED = 'queries-20230302T000000.104Z.jsonl'
const TEXT = lines(record('2023-03-01T09:26:53.589Z'), record('2023-03-01T10:00:00.000Z'))
const WALL = '2023-03-02T12:30:00.000Z'
const LATER = '2023-03-02T12:31:00.000Z'

async function countOf(t: Test, path: string): Promise<unknown> {
  const database = await openDatabase({ memory: 256 * 1024 * 1024, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(path)
  return (await database.rows('SELECT count(*) AS count FROM lookups'))[0]!.count
}

async function written(t: Test, parquet: boolean) {
  const key = signKey(t)
  const path = logFolder(t, { [CLOSED]: TEXT })
  await tendOnce(path, WALL, { parquet, chain: key.options })
  return { path, key, at: (name: string) => join(dirname(path), name) }
}

t.test('an incomplete last line of the chain is removed and written again', async t => {
  const { path, key } = await written(t, false)
  const whole = readFileSync(chainOf(path))
  const [start, file] = linesOf(path)
  const from = Buffer.byteLength(`${start}\n`)
  for (let cut = 1; cut <= file!.length; cut += 37) {
    writeFileSync(chainOf(path), whole.subarray(0, from + cut))
    const { done, told } = await tendOnce(path, LATER, { parquet: false, chain: key.options })
    t.equal(done, true)
    t.match(told[0], { level: 'warn', fields: { line: 2 } })
    t.match(await verified(path, key.publicKey), { proven: true, files: 1 })
    t.strictSame(kindsOf(path), ['start', 'file', 'checkpoint'])
  }
})

t.test('an incomplete first line is replaced as well', async t => {
  const { path, key } = await written(t, false)
  truncateSync(chainOf(path), 40)
  await tendOnce(path, LATER, { parquet: false, chain: key.options })
  t.match(await verified(path, key.publicKey), { proven: true, files: 1 })
})

t.test('crash before a conversion is recorded: the file is converted again', async t => {
  const { path, key, at } = await written(t, true)
  t.strictSame(kindsOf(path), ['start', 'file', 'replaced', 'replaced', 'checkpoint'])
  writeLines(path, linesOf(path).slice(0, 2))
  rmSync(at('archive/tallies'), { recursive: true })
  writeFileSync(at(CLOSED), TEXT)
  t.match(await verified(path, key.publicKey), {
    breaks: [],
    unproven: [{ kind: 'unfinished', at: /\.parquet$/ }]
  })
  await tendOnce(path, LATER, { chain: key.options })
  t.match(await verified(path, key.publicKey), { proven: true, unproven: [], files: 2 })
  t.equal(await countOf(t, path), 2)
})

t.test(
  'crash after a conversion is recorded, before the closed file is removed: it is removed',
  async t => {
    const { path, key, at } = await written(t, true)
    writeFileSync(at(CLOSED), TEXT)
    t.match(await verified(path, key.publicKey), {
      proven: true,
      unproven: [{ kind: 'unfinished', at: CLOSED }]
    })
    const before = linesOf(path).length
    await tendOnce(path, LATER, { chain: key.options })
    t.equal(existsSync(at(CLOSED)), false)
    t.match(await verified(path, key.publicKey), { proven: true, unproven: [] })
    t.equal(linesOf(path).length, before)
    t.equal(await countOf(t, path), 2)
  }
)

t.test('crash between two steps of a compaction', async t => {
  const key = signKey(t)
  const OTHER = 'queries-20230302T000001.000Z.jsonl'
  const path = logFolder(t, { [CLOSED]: TEXT, [OTHER]: lines(record('2023-03-01T11:00:00.000Z')) })
  await tendOnce(path, '2023-03-01T23:00:00.000Z', { chain: key.options })
  const archive = join(dirname(path), 'archive')
  const day = join(archive, 'day=2023-03-01')
  const parts = readdirSync(day)
  t.equal(parts.length, 2)
  const before = join(dirname(path), 'before')
  cpSync(day, before, { recursive: true })
  const chain = linesOf(path)
  await tendOnce(path, WALL, { chain: key.options })
  const [merged] = readdirSync(day)
  t.match(merged, /^merged-/)
  const replacing = JSON.stringify({
    into: `day=2023-03-01/${merged}`,
    from: parts.map(name => `day=2023-03-01/${name}`)
  })

  const crash = (noted: boolean): void => {
    if (!noted) writeLines(path, chain)
    cpSync(before, day, { recursive: true })
    writeFileSync(join(archive, 'replacing.json'), replacing)
  }
  crash(true)
  await tendOnce(path, LATER, { chain: key.options })
  t.strictSame(readdirSync(day), [merged], 'the chain has it: the parts go away')
  t.match(await verified(path, key.publicKey), { proven: true, unproven: [] })
  t.equal(await countOf(t, path), 3)

  crash(false)
  await tendOnce(path, LATER, { chain: key.options })
  t.strictSame(readdirSync(day), [merged], 'it has not: they are merged again')
  t.match(await verified(path, key.publicKey), { proven: true, unproven: [] })
  t.equal(await countOf(t, path), 3)
})

t.test('a compacted file of unknown origin does not replace others', async t => {
  const { path, key, at } = await written(t, true)
  const [part] = readdirSync(at('archive/day=2023-03-01'))
  writeFileSync(at('archive/day=2023-03-01/forged.parquet'), 'PAR1 forged PAR1')
  writeFileSync(
    at('archive/replacing.json'),
    JSON.stringify({
      into: 'day=2023-03-01/forged.parquet',
      from: [`day=2023-03-01/${part}`]
    })
  )
  await tendOnce(path, LATER, { chain: key.options })
  t.strictSame(readdirSync(at('archive/day=2023-03-01')), [part])
  t.match(await verified(path, key.publicKey), { proven: true })
})

t.test('a file without lookups that was to be renamed is renamed', async t => {
  const key = signKey(t)
  const path = logFolder(t, { [CLOSED]: 'a foreign line\n' })
  const at = (name: string): string => join(dirname(path), name)
  await tendOnce(path, WALL, { chain: key.options })
  t.match(await verified(path, key.publicKey), { proven: true, files: 1 })
  writeFileSync(at(CLOSED), readFileSync(at(`${CLOSED}.foreign`)))
  rmSync(at(`${CLOSED}.foreign`))
  await tendOnce(path, LATER, { chain: key.options })
  t.equal(readFileSync(at(`${CLOSED}.foreign`), 'utf8'), 'a foreign line\n')
  t.match(await verified(path, key.publicKey), { proven: true, unproven: [] })
})

t.test('a broken chain is set aside, and a new one refers to it', async t => {
  const { path, key, at } = await written(t, true)
  appendFileSync(chainOf(path), `${linesOf(path)[1]!.replace('"records":2', '"records":1')}\n`)
  const { told } = await tendOnce(path, LATER, { chain: key.options })
  t.match(told[0], { level: 'error', fields: { code: 'CHAIN_BROKEN' } })
  t.equal(existsSync(at('chain-20230302T123100.000Z.broken')), true)
  const found = await verified(path, key.publicKey)
  t.match(found, { proven: false, found: 2, files: 2 })
  t.strictSame(found.breaks, [{ kind: 'restarted', at: 'chain.jsonl:1' }])
})

t.test('a chain with an unsigned last line is not continued', async t => {
  const { path, key } = await written(t, true)
  const other = signKey(t)
  const { told } = await tendOnce(path, LATER, { chain: other.options })
  t.match(told[0], { level: 'error', fields: { code: 'CHAIN_BROKEN' } })
  const { path: second, key: own } = await written(t, true)
  const earlier = { ...other.options, earlierKeys: [own.publicKey] }
  await tendOnce(second, '2023-03-02T14:00:00.000Z', { chain: earlier })
  t.match(await verified(second, own.publicKey), {
    breaks: [{ at: 'chain.jsonl:6', fault: 'signature' }]
  })
  t.equal(linesOf(second).length, 6, 'its key is an earlier key')
  t.ok(key)
})

t.test('without a usable key nothing is changed', async t => {
  const { path, key, at } = await written(t, true)
  writeFileSync(at('queries-20230302T123030.000Z.jsonl'), TEXT)
  chmodSync(key.options.signKey, 0o644)
  const { done, told } = await tendOnce(path, LATER, { chain: key.options })
  t.equal(done, false)
  t.match(told, [{ level: 'warn', fields: { code: 'CHAIN_KEY' } }])
  t.ok(statSync(at('queries-20230302T123030.000Z.jsonl')).size > 0)
})
