import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../src/lookups/archive/database.js'
import { readMetadata } from '../../../src/lookups/archive/parquet-metadata.js'
import type { RetentionOptions } from '../../../src/lookups/archive/retention.js'
import { kindsOf, linesOf, signKey, tendOnce, verified, writeLines } from './chain/rig.js'
import { lines, logFolder, record } from './lines.js'

const DAYS = ['2023-03-01', '2023-03-02', '2023-03-03', '2023-03-04'] as const
const NETWORKS = ['phones', 'guests', undefined] as const
const NOON = '2023-03-05T12:00:00.000Z'
const FOR_EVER: RetentionOptions = { days: 0, space: 0, networks: [] }

const nameOf = (day: string): string => `queries-${day.replaceAll('-', '')}T235959.000Z.jsonl`
const lookupsOf = (day: string): string =>
  lines(
    ...NETWORKS.map(network => {
      const { network: home, ...some } = record(`${day}T09:00:00.000Z`)
      const qname = `${network ?? home}.example`
      return network === undefined ? { ...some, qname } : { ...some, qname, network }
    })
  )

/** A log of four days, with lookups of two networks and of none, and one of today being written. */
function fourDays(t: Test): string {
  return logFolder(t, {
    'queries.jsonl': lookupsOf('2023-03-05'),
    ...Object.fromEntries(DAYS.map(day => [nameOf(day), lookupsOf(day)]))
  })
}

/** `2023-03-01 phones` and so on, for all remaining lookups. */
async function left(path: string): Promise<string[]> {
  const database = await openDatabase({ memory: 256 * 1024 * 1024, threads: 1 })
  await database.openLog(path)
  const rows = await database.rows<{ day: string; network: string | null }>(
    'SELECT time::DATE::VARCHAR AS day, network FROM lookups'
  )
  database.close()
  return rows.map(({ day, network }) => `${day} ${network ?? '-'}`).sort()
}

const all = (days: readonly string[], networks: readonly (string | undefined)[] = NETWORKS) =>
  days.flatMap(day => networks.map(network => `${day} ${network ?? '-'}`)).sort()

const matrix = [
  {
    it: 'days',
    keep: { ...FOR_EVER, days: 2 },
    stays: all([...DAYS.slice(2), '2023-03-05'])
  },
  {
    it: 'fewer days of a network',
    keep: { ...FOR_EVER, networks: [{ id: 'guests', days: 2 }] },
    stays: [
      ...all(DAYS.slice(0, 2), ['phones', undefined]),
      ...all([...DAYS.slice(2), '2023-03-05'])
    ].sort()
  },
  {
    it: 'days, and fewer of two networks',
    keep: {
      days: 3,
      space: 0,
      networks: [
        { id: 'guests', days: 1 },
        { id: 'phones', days: 2 }
      ]
    },
    stays: [
      ...all(['2023-03-02'], [undefined]),
      ...all(['2023-03-03'], ['phones', undefined]),
      ...all(['2023-03-04', '2023-03-05'])
    ].sort()
  },
  {
    it: 'room for what is being written alone',
    keep: { ...FOR_EVER, space: 1 },
    stays: all(['2023-03-05'])
  },
  {
    it: 'no limit that is reached',
    keep: { ...FOR_EVER, days: 4 },
    stays: all([...DAYS, '2023-03-05'])
  }
] as const

for (const { it, keep, stays } of matrix) {
  for (const parquet of [true, false]) {
    for (const chained of [true, false]) {
      const how = `${parquet ? 'Parquet' : 'lines'}${chained ? ', with a chain' : ''}`
      t.test(`retention by ${it}: ${how}`, async t => {
        const path = fourDays(t)
        const key = signKey(t)
        const chain = chained ? key.options : undefined
        const { done } = await tendOnce(path, NOON, { parquet, chain, keep })
        t.equal(done, true)
        t.strictSame(await left(path), stays)
        const again = await tendOnce(path, NOON, { parquet, chain, keep })
        t.match(again, { done: true }, 'once more, nothing changes')
        t.strictSame(await left(path), stays)
        if (!chained) return
        const found = await verified(path, key.publicKey)
        t.match(found, { proven: true, unproven: [{ kind: 'live' }] })
      })
    }
  }
}

t.test('conversion leaves out expired lookups', async t => {
  const path = fourDays(t)
  await tendOnce(path, NOON, { parquet: false })
  const keep = { ...FOR_EVER, days: 2, networks: [{ id: 'guests', days: 1 }] }
  await tendOnce(path, NOON, { keep })
  t.strictSame(
    await left(path),
    [...all(['2023-03-03'], ['phones', undefined]), ...all(['2023-03-04', '2023-03-05'])].sort()
  )
})

t.test('expired lines are removed from a closed file, and the others stay unchanged', async t => {
  const path = fourDays(t)
  const keep = { ...FOR_EVER, networks: [{ id: 'guests', days: 1 }] }
  await tendOnce(path, NOON, { parquet: false, keep })
  const file = readFileSync(join(dirname(path), nameOf('2023-03-01')), 'utf8')
  const before = lookupsOf('2023-03-01').split('\n')
  t.equal(file, before.filter(line => !line.includes('guests')).join('\n'))
  t.notOk(existsSync(join(dirname(path), 'archive/.making')))
  t.match(readFileSync(join(dirname(path), nameOf('2023-03-04')), 'utf8'), /guests/)
})

t.test('Parquet metadata lists the networks whose lookups were removed', async t => {
  const path = fourDays(t)
  const keep = { ...FOR_EVER, networks: [{ id: 'guests', days: 1 }] }
  await tendOnce(path, NOON, { keep })
  const day = join(dirname(path), 'archive/day=2023-03-01')
  const [file, ...others] = readdirSync(day)
  t.strictSame(others, [])
  const database = await openDatabase({ memory: 256 * 1024 * 1024, threads: 1 })
  t.teardown(() => database.close())
  t.match(await readMetadata(database, join(day, file!)), { without: ['guests'] })
})

t.test('no file remains where nothing is left', async t => {
  const only = lines(record('2023-03-01T09:00:00.000Z', { network: 'guests' }))
  const path = logFolder(t, { [nameOf('2023-03-01')]: only })
  const key = signKey(t)
  const keep = { ...FOR_EVER, networks: [{ id: 'guests', days: 1 }] }
  await tendOnce(path, NOON, { chain: key.options, keep })
  t.strictSame(await left(path), [])
  t.strictSame(readdirSync(join(dirname(path), 'archive/day=2023-03-01')), [])
  t.match(await verified(path, key.publicKey), { proven: true, removed: 1, files: 0 })
})

t.test(
  'the oldest days go first, until the rest is within the limit; reported in the service log',
  async t => {
    const path = fourDays(t)
    const size = statSync(join(dirname(path), nameOf('2023-03-01'))).size
    const keep = { ...FOR_EVER, space: 3 * size }
    const { told } = await tendOnce(path, NOON, { parquet: false, keep })
    t.strictSame(await left(path), all(['2023-03-03', '2023-03-04', '2023-03-05']))
    t.match(told, [
      { level: 'warn', fields: { day: '2023-03-01', files: 1, octets: size } },
      { level: 'warn', fields: { day: '2023-03-02' } }
    ])
  }
)

t.test('a file without lookups expires with its day', async t => {
  const path = logFolder(t, { [nameOf('2023-03-01')]: 'a foreign line\n' })
  await tendOnce(path, '2023-03-02T12:00:00.000Z', { keep: { ...FOR_EVER, days: 2 } })
  const foreign = join(dirname(path), `${nameOf('2023-03-01')}.foreign`)
  t.ok(existsSync(foreign))
  await tendOnce(path, NOON, { keep: { ...FOR_EVER, days: 2 } })
  t.notOk(existsSync(foreign))
})

t.test('foreign lines expire with the day of their file', async t => {
  const path = logFolder(t, { [nameOf('2023-03-01')]: `${lookupsOf('2023-03-01')}torn` })
  const keep = { ...FOR_EVER, days: 2 }
  await tendOnce(path, '2023-03-03T12:00:00.000Z', { parquet: false, keep })
  t.match(readFileSync(join(dirname(path), nameOf('2023-03-01')), 'utf8'), /torn$/)
  await tendOnce(path, '2023-03-04T12:00:00.000Z', { parquet: false, keep })
  t.notOk(existsSync(join(dirname(path), nameOf('2023-03-01'))))
})

t.test('crash before a rewritten file is in place, or before a removed file is gone', async t => {
  const path = fourDays(t)
  const key = signKey(t)
  const file = join(dirname(path), nameOf('2023-03-01'))
  const options = { parquet: false, chain: key.options }
  const keep = { ...FOR_EVER, networks: [{ id: 'guests', days: 1 }] }
  await tendOnce(path, NOON, { ...options, keep })
  t.ok(kindsOf(path).includes('replaced'))
  writeFileSync(file, lookupsOf('2023-03-01'))
  t.match(await verified(path, key.publicKey), {
    proven: true,
    unproven: [{ kind: 'unfinished', at: nameOf('2023-03-01') }, { kind: 'live' }]
  })
  await tendOnce(path, '2023-03-05T12:01:00.000Z', { ...options, keep })
  t.notMatch(readFileSync(file, 'utf8'), /guests/)
  t.match(await verified(path, key.publicKey), { proven: true, unproven: [{ kind: 'live' }] })

  const whole = readFileSync(file)
  await tendOnce(path, '2023-03-05T12:02:00.000Z', { ...options, keep: { ...keep, days: 3 } })
  t.notOk(existsSync(file))
  writeFileSync(file, whole)
  await tendOnce(path, '2023-03-05T12:03:00.000Z', options)
  t.notOk(existsSync(file), 'even without a limit: it was said to be gone')
  t.match(await verified(path, key.publicKey), { proven: true })
})

t.test('an altered file is not rewritten, but expires with its day', async t => {
  const path = fourDays(t)
  const key = signKey(t)
  const options = { parquet: false, chain: key.options }
  await tendOnce(path, NOON, options)
  const file = join(dirname(path), nameOf('2023-03-01'))
  writeFileSync(file, `${lookupsOf('2023-03-01')}${lookupsOf('2023-03-01')}`)
  const keep = { ...FOR_EVER, networks: [{ id: 'guests', days: 1 }] }
  const { done, told } = await tendOnce(path, NOON, { ...options, keep })
  t.equal(done, false)
  t.ok(told.some(({ fields }) => fields.code === 'CHAIN_ALTERED'))
  t.match(readFileSync(file, 'utf8'), /guests/)
  await tendOnce(path, NOON, { ...options, keep: { ...FOR_EVER, space: 1 } })
  t.notOk(existsSync(file))
})

t.test('a clock that leaps ahead removes nothing until it has continued for a day', async t => {
  const path = fourDays(t)
  const options = { parquet: false, keep: { ...FOR_EVER, days: 10 } }
  const before = all([...DAYS, '2023-03-05'])
  await tendOnce(path, NOON, options)
  const leapt = await tendOnce(path, '2035-01-01T10:00:00.000Z', options)
  t.match(leapt.told, [{ level: 'error', fields: { code: 'ARCHIVE_CLOCK' } }])
  t.strictSame(await left(path), before)
  await tendOnce(path, '2035-01-02T09:59:00.000Z', options)
  t.strictSame(await left(path), before, 'not yet')
  t.match((await tendOnce(path, '2023-03-05T13:00:00.000Z', options)).told, [], 'it is set right')
  t.strictSame(await left(path), before)
  await tendOnce(path, '2035-01-03T00:00:00.000Z', options)
  t.strictSame(await left(path), before, 'what it was once does not count')
  await tendOnce(path, '2036-06-01T00:00:00.000Z', options)
  t.strictSame(await left(path), before, 'nor does a second leap make the first one true')
  await tendOnce(path, '2036-06-02T00:00:01.000Z', options)
  t.strictSame(await left(path), all(['2023-03-05']), 'now it is believed')
})

t.test('nor does a clock that jumped before the start, and its record is kept', async t => {
  const path = fourDays(t)
  const options = { parquet: false, keep: { ...FOR_EVER, days: 10 } }
  await tendOnce(path, '2035-01-01T10:00:00.000Z', options)
  t.strictSame(await left(path), all([...DAYS, '2023-03-05']))
  writeFileSync(join(dirname(path), 'archive/clock.json'), '{"day":')
  await tendOnce(path, '2035-01-02T11:00:00.000Z', options)
  t.strictSame(await left(path), all([...DAYS, '2023-03-05']))
})

t.test(
  'expired lookups are removed even if the day cannot be saved, as on a full disk',
  async t => {
    const path = fourDays(t)
    mkdirSync(join(dirname(path), 'archive/clock.json.new'), { recursive: true })
    const { done } = await tendOnce(path, NOON, { parquet: false, keep: { ...FOR_EVER, days: 2 } })
    t.equal(done, true)
    t.strictSame(await left(path), all([...DAYS.slice(2), '2023-03-05']))
  }
)

t.test('a week without the gateway is not a clock jump', async t => {
  const path = fourDays(t)
  const options = { parquet: false, keep: { ...FOR_EVER, days: 3 } }
  const { told } = await tendOnce(path, '2023-03-11T12:00:00.000Z', options)
  t.notOk(told.some(({ level }) => level === 'error'))
  t.strictSame(await left(path), all(['2023-03-05']))
})

t.test('the chain records what retention removed', async t => {
  const path = fourDays(t)
  const key = signKey(t)
  const keep = { ...FOR_EVER, networks: [{ id: 'guests', days: 3 }] }
  await tendOnce(path, NOON, { chain: key.options, keep })
  const found = linesOf(path).map(line => JSON.parse(line) as { kind: string; without?: string[] })
  t.strictSame(
    found.flatMap(({ without = [] }) => without),
    ['guests']
  )
  writeLines(path, linesOf(path).slice(0, -1))
  t.match(await verified(path, key.publicKey), { breaks: [] })
})
