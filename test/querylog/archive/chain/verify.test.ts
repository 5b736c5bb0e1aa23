import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { hashLine } from '../../../../src/lookups/chain/chain-entry.js'
import type { Verification } from '../../../../src/lookups/chain/verify.js'
import { lines, logFolder, record } from '../lines.js'
import { chainOf, kindsOf, linesOf, signKey, tendOnce, verified, writeLines } from './rig.js'

const EARLY = 'queries-20230302T000000.104Z.jsonl'
const LATE = 'queries-20230302T120000.000Z.jsonl'
const NEXT = 'queries-20230302T130000.000Z.jsonl'
const WALL = '2023-03-02T12:30:00.000Z'
const of = (time: string): string => lines(record(time))

/** A log of two closed files, kept as lines or made into Parquet, with its chain. */
async function written(t: Test, parquet: boolean) {
  const key = signKey(t)
  const path = logFolder(t, {
    'queries.jsonl': of('2023-03-02T12:29:00.000Z'),
    [EARLY]: of('2023-03-01T09:26:53.589Z'),
    [LATE]: of('2023-03-02T09:26:53.589Z')
  })
  const made = await tendOnce(path, WALL, { parquet, chain: key.options })
  t.equal(made.done, true)
  return { path, key, at: (name: string) => join(dirname(path), name) }
}

t.test('an unaltered log is proven, and files not closed yet are reported', async t => {
  const { path, key } = await written(t, false)
  const found = await verified(path, key.publicKey)
  t.match(found, { proven: true, breaks: [], files: 2, removed: 0, found: 0, checkpoint: WALL })
  t.strictSame(found.unproven, [{ kind: 'live', at: 'queries.jsonl' }])
  t.strictSame(kindsOf(path), ['start', 'file', 'file', 'checkpoint'])
  t.match(JSON.parse(linesOf(path)[1]!), {
    file: EARLY,
    records: 1,
    first: '2023-03-01T09:26:53.589Z',
    last: '2023-03-01T09:26:53.589Z'
  })
})

t.test('a link to a device or a pipe in place of a file ends with an error', async t => {
  const { path, key, at } = await written(t, false)
  const refused = { code: 'CHAIN_READ', message: /not a regular file/ }
  for (const name of [EARLY, 'chain.jsonl']) {
    renameSync(at(name), at('kept'))
    symlinkSync('/dev/zero', at(name))
    await t.rejects(verified(path, key.publicKey), refused, `${name} is a link`)
    rmSync(at(name))
    const made = spawnSync('mkfifo', [at(name)])
    if (made.status === 0)
      await t.rejects(verified(path, key.publicKey), refused, `${name} is a pipe`)
    rmSync(at(name), { force: true })
    renameSync(at('kept'), at(name))
  }
  t.match(await verified(path, key.publicKey), { proven: true })
})

t.test('a log converted to Parquet and compacted is proven', async t => {
  const { path, key, at } = await written(t, true)
  t.match(await verified(path, key.publicKey), { proven: true, files: 4 })
  writeFileSync(at(NEXT), of('2023-03-02T12:40:00.000Z'))
  t.match(await verified(path, key.publicKey), {
    proven: true,
    unproven: [{ kind: 'closed', at: NEXT }, { kind: 'live' }]
  })
  await tendOnce(path, '2023-03-03T00:00:10.000Z', { chain: key.options })
  const found = await verified(path, key.publicKey)
  t.match(found, { proven: true, files: 4, checkpoint: '2023-03-03T00:00:10.000Z' })
  t.strictSame(found.unproven, [{ kind: 'live', at: 'queries.jsonl' }])
  const told = ['file', 'replaced', 'replaced', 'replaced', 'removed', 'checkpoint']
  t.strictSame(kindsOf(path).slice(-told.length), told)
})

t.test('a checkpoint is written when it is due, not before', async t => {
  const { path, key } = await written(t, true)
  const before = linesOf(path).length
  await tendOnce(path, '2023-03-02T13:00:00.000Z', { chain: key.options })
  t.equal(linesOf(path).length, before)
  await tendOnce(path, '2023-03-02T13:30:00.000Z', { chain: key.options })
  t.equal(linesOf(path).length, before + 1)
})

interface Tampering {
  readonly it: string
  readonly parquet?: true
  readonly does: (rig: Awaited<ReturnType<typeof written>>) => void
  readonly finds: Partial<Verification['breaks'][number]>
}

const parquetIn = (at: (name: string) => string, day: string): string => {
  const folder = at(`archive/day=${day}`)
  return join(folder, readdirSync(folder)[0]!)
}

const tamperings: readonly Tampering[] = [
  {
    it: 'an octet of a closed file',
    does: ({ at }) =>
      writeFileSync(at(EARLY), readFileSync(at(EARLY), 'utf8').replace('tiktok', 'tiktak')),
    finds: { kind: 'altered', at: EARLY }
  },
  {
    it: 'a line more in a closed file',
    does: ({ at }) => appendFileSync(at(LATE), of('2023-03-02T09:26:53.589Z')),
    finds: { kind: 'altered', at: LATE }
  },
  {
    it: 'a closed file that is gone',
    does: ({ at }) => rmSync(at(EARLY)),
    finds: { kind: 'missing', at: EARLY }
  },
  {
    it: 'a closed file under another name',
    does: ({ at }) => renameSync(at(EARLY), at('queries-20230301T000000.000Z.jsonl')),
    finds: { kind: 'missing', at: EARLY }
  },
  {
    it: 'a closed file that nobody wrote',
    does: ({ at }) => writeFileSync(at('queries-20230302T110000.000Z.jsonl'), of(WALL)),
    finds: { kind: 'extra', at: 'queries-20230302T110000.000Z.jsonl' }
  },
  {
    it: 'a Parquet file that nobody made',
    parquet: true,
    does: ({ at }) =>
      copyFileSync(parquetIn(at, '2023-03-01'), at('archive/day=2023-03-01/more.parquet')),
    finds: { kind: 'extra', at: 'archive/day=2023-03-01/more.parquet' }
  },
  {
    it: 'a Parquet file that is gone',
    parquet: true,
    does: ({ at }) => rmSync(parquetIn(at, '2023-03-02')),
    finds: { kind: 'missing' }
  },
  {
    it: 'a tally that says something else',
    parquet: true,
    does: ({ at }) => {
      const [one, other] = readdirSync(at('archive/tallies')).map(name =>
        at(`archive/tallies/${name}`)
      )
      copyFileSync(one!, other!)
    },
    finds: { kind: 'altered', at: /^archive\/tallies\/2023-03-02-/ as unknown as string }
  },
  {
    it: 'a tally that nobody made',
    parquet: true,
    does: ({ at }) => {
      const [one] = readdirSync(at('archive/tallies'))
      const more = '2023-03-01-0123456789abcdef.tally'
      copyFileSync(at(`archive/tallies/${one}`), at(`archive/tallies/${more}`))
    },
    finds: { kind: 'extra', at: 'archive/tallies/2023-03-01-0123456789abcdef.tally' }
  },
  {
    it: 'the Parquet file of another day in its place',
    parquet: true,
    does: ({ at }) => copyFileSync(parquetIn(at, '2023-03-01'), parquetIn(at, '2023-03-02')),
    finds: { kind: 'altered' }
  },
  {
    it: 'a closed file that became Parquet, and is there again with something else in it',
    parquet: true,
    does: ({ at }) => writeFileSync(at(EARLY), of('2023-03-01T10:00:00.000Z')),
    finds: { kind: 'extra', at: EARLY }
  },
  {
    it: 'a line of the chain that says something else',
    does: ({ path }) =>
      writeLines(
        path,
        linesOf(path).map(line => line.replace(/"records":1/, '"records":2'))
      ),
    finds: { kind: 'line', at: 'chain.jsonl:2', fault: 'signature' }
  },
  {
    it: 'a line of the chain that is gone',
    does: ({ path }) => writeLines(path, linesOf(path).toSpliced(1, 1)),
    finds: { kind: 'line', at: 'chain.jsonl:2', fault: 'order' }
  },
  {
    it: 'the first line of the chain gone',
    does: ({ path }) => writeLines(path, linesOf(path).slice(1)),
    finds: { kind: 'line', at: 'chain.jsonl:1', fault: 'order' }
  },
  {
    it: 'two lines of the chain in another order',
    does: ({ path }) => {
      const [start, one, two, ...others] = linesOf(path)
      writeLines(path, [start!, two!, one!, ...others])
    },
    finds: { kind: 'line', at: 'chain.jsonl:2', fault: 'order' }
  },
  {
    it: 'a line of the chain a second time',
    does: ({ path }) => writeLines(path, [...linesOf(path), linesOf(path)[2]!]),
    finds: { kind: 'line', at: 'chain.jsonl:5', fault: 'order' }
  },
  {
    it: 'a line of something else in the chain',
    does: ({ path }) => appendFileSync(chainOf(path), 'a foreign line\n'),
    finds: { kind: 'line', at: 'chain.jsonl:5', fault: 'unreadable' }
  },
  {
    it: 'a signature that is another line’s',
    does: ({ path }) => {
      const all = linesOf(path)
      const [signature] = /"signature":.*/.exec(all[1]!)!
      writeLines(path, all.with(2, all[2]!.replace(/"signature":.*/, signature)))
    },
    finds: { kind: 'line', at: 'chain.jsonl:3', fault: 'signature' }
  },
  {
    it: 'a chain that is cut at its end, with Parquet of which it said',
    parquet: true,
    does: ({ path }) => writeLines(path, linesOf(path).slice(0, 2)),
    finds: { kind: 'missing', at: EARLY }
  },
  {
    it: 'no chain at all',
    does: ({ path }) => rmSync(chainOf(path)),
    finds: { kind: 'absent', at: 'chain.jsonl' }
  }
]

for (const { it, parquet = false, does, finds } of tamperings) {
  t.test(`names ${it}`, async t => {
    const rig = await written(t, parquet)
    does(rig)
    const found = await verified(rig.path, rig.key.publicKey)
    t.equal(found.proven, false)
    t.match(found.breaks[0], finds)
  })
}

t.test(
  'a chain cut at its end: the files after it are reported, and a known hash reveals the cut',
  async t => {
    const { path, key } = await written(t, false)
    const all = linesOf(path)
    const head = hashLine(all.at(-1)!)
    t.match(await verified(path, key.publicKey, head), {
      proven: true,
      head: { n: 4, sha256: head }
    })
    writeLines(path, all.slice(0, -2))
    const cut = await verified(path, key.publicKey)
    t.match(cut, { proven: false, breaks: [], checkpoint: undefined }, 'not yet signed')
    t.match(cut.unproven, [{ kind: 'closed', at: LATE }, { kind: 'live' }])
    writeLines(path, all.slice(0, -1))
    t.match(await verified(path, key.publicKey), { proven: false, breaks: [] })
    t.match((await verified(path, key.publicKey, head)).breaks, [{ kind: 'cut' }])
  }
)

t.test('a chain signed by another key is rejected', async t => {
  const { path } = await written(t, false)
  const { breaks } = await verified(path, signKey(t).publicKey)
  t.match(breaks, [{ kind: 'line', at: 'chain.jsonl:1', fault: 'signature' }])
})

t.test('an altered file is not processed', async t => {
  const { path, key, at } = await written(t, false)
  appendFileSync(at(EARLY), of('2023-03-01T10:00:00.000Z'))
  const { done, told } = await tendOnce(path, '2023-03-02T12:31:00.000Z', { chain: key.options })
  t.equal(done, false)
  t.match(told[0], { level: 'warn', fields: { code: 'CHAIN_ALTERED' } })
  t.equal(existsSync(at(EARLY)), true)
  t.equal(existsSync(at(LATE)), false, 'others do not suffer')
  t.match(await verified(path, key.publicKey), { breaks: [{ kind: 'altered', at: EARLY }] })
})

t.test('a day with a Parquet file of unknown origin is not compacted', async t => {
  const { path, key, at } = await written(t, true)
  copyFileSync(parquetIn(at, '2023-03-01'), at('archive/day=2023-03-01/more.parquet'))
  const { done, told } = await tendOnce(path, '2023-03-03T00:00:10.000Z', { chain: key.options })
  t.equal(done, false)
  t.match(told[0], { fields: { code: 'CHAIN_ALTERED' } })
  t.match((await verified(path, key.publicKey)).breaks, [{ kind: 'extra' }])
})

t.test('files older than the chain are reported, and proven from then on', async t => {
  const key = signKey(t)
  const path = logFolder(t, { [EARLY]: of('2023-03-01T09:26:53.589Z') })
  await tendOnce(path, WALL, {})
  await tendOnce(path, WALL, { chain: key.options })
  t.match(await verified(path, key.publicKey), { proven: true, files: 2, found: 2 })
})
