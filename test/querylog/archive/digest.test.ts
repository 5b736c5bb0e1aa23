import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { digestFile } from '../../../src/lookups/files/file-digest.js'
import { digestLines, DigestPipeline } from '../../../src/lookups/files/lines-digest.js'
import { LineSorter } from '../../../src/lookups/files/line-sorter.js'
import { lines, logFolder, record } from './lines.js'

const MIB = 2 ** 20
const at = (time: string, qname = 'www.tiktok.com'): string => lines(record(time, { qname }))
const noon = at('2023-03-13T12:00:00.000Z')
const early = at('2023-03-13T11:59:59.999Z')

/** `itself` and `copy` are sorted; `none`: DuckDB sorts. */
const files = [
  { it: 'nothing', text: '', inOrder: 'itself' },
  { it: 'one line', text: noon, inOrder: 'itself' },
  { it: 'a time twice', text: noon + noon, inOrder: 'itself' },
  { it: 'a later one', text: noon + at('2023-03-13T12:00:00.001Z'), inOrder: 'itself' },
  {
    it: 'a later one with lower digits',
    text: at('2023-03-13T09:59:59.999Z') + at('2023-03-13T10:00:00.000Z'),
    inOrder: 'itself'
  },
  {
    it: 'the next month',
    text: at('2023-02-28T23:59:59.999Z') + at('2023-03-01T00:00:00.000Z'),
    inOrder: 'itself'
  },
  { it: 'an earlier one', text: noon + early, inOrder: 'copy' },
  { it: 'one of the month before', text: noon + at('2023-02-28T23:59:59.999Z'), inOrder: 'copy' },
  { it: 'one of the year before', text: noon + at('2022-03-13T12:00:00.000Z'), inOrder: 'none' },
  { it: 'one of the year after', text: noon + at('2024-03-13T12:00:00.000Z'), inOrder: 'none' },
  { it: 'an empty line', text: `${noon}\n${noon}`, inOrder: 'none' },
  { it: 'a time in another form', text: noon + at('2023-03-13T14:00:00+02:00'), inOrder: 'none' },
  { it: 'a time with a sign', text: at('+023-03-13T12:00:00.000Z'), inOrder: 'none' },
  { it: 'seconds that are none', text: noon + at('2023-03-13T12:00:0x.000Z'), inOrder: 'none' },
  { it: 'half a line', text: `${noon}{"v":1,"time":"2023-03`, inOrder: 'none' },
  { it: 'a line without its end', text: early + noon.slice(0, -1), inOrder: 'none' },
  {
    it: 'other fields first',
    text: '{"time":"2023-03-13T12:00:00.000Z","v":1}\n',
    inOrder: 'none'
  },
  {
    it: 'something else',
    text: `${noon}nothing of ours, but as long as the head of a line\n`,
    inOrder: 'none'
  }
]

for (const { it, text, inOrder } of files) {
  t.test(`digest of a file with ${it}`, async t => {
    const { path, into } = fileOf(t, text)
    t.equal(
      (await digestLines(path, into)).sortedPath,
      { itself: path, copy: into, none: undefined }[inOrder]
    )
    const alone = await digestLines(path)
    t.equal(alone.sortedPath, inOrder === 'itself' ? path : undefined, 'without a copy')
  })
}

t.test('counts lines and finds the longest across chunks', async t => {
  for (const [length, isInOrder] of [
    [3 * MIB, true],
    [40 * MIB, false]
  ] as const) {
    const long = at('2023-03-13T12:00:00.000Z', 'a'.repeat(length))
    const text = noon + long + noon.repeat(10_000)
    const { path, into } = fileOf(t, isInOrder ? text : `${text}\n${noon}`)
    const { lines: count, longest, sortedPath: inOrder, ...digest } = await digestLines(path, into)
    t.strictSame(
      { count, longest, inOrder },
      {
        count: isInOrder ? 10_002 : 10_003,
        longest: long.length - 1,
        inOrder: isInOrder ? path : undefined
      }
    )
    t.strictSame(digest, await digestFile(path))
  }
})

t.test('sorts the lines of several workers, keeping the order of equal times', async t => {
  const file = many({ count: 15_000, lateBy: 300 })
  const { path, into } = fileOf(t, textOf(file))
  const { sortedPath: inOrder, lines: count, ...digest } = await digestLines(path, into)
  t.equal(inOrder, into)
  t.equal(count, 15_000)
  t.match(digest, await digestFile(path))
  const sorted = file.toSorted((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)))
  t.ok(readFileSync(into, 'utf8') === textOf(sorted))
})

t.test('copies the sorted lines so far when a line has to move', async t => {
  const file = many({ count: 15_000, lateBy: 0 })
  const [last] = file.splice(14_001, 1)
  const { path, into } = fileOf(t, textOf([...file, last!]))
  writeFileSync(into, 'what was there before '.repeat(2 * MIB))
  t.equal((await digestLines(path, into)).sortedPath, into)
  file.splice(14_001, 0, last!)
  t.ok(readFileSync(into, 'utf8') === textOf(file))
})

t.test('leaves lines far out of order, or without space for a copy, to DuckDB', async t => {
  const file = many({ count: 15_000, lateBy: 0 })
  const { path, into } = fileOf(t, textOf([...file.slice(1), file[0]!]))
  const { sortedPath: inOrder, lines: count } = await digestLines(path, into)
  t.strictSame({ inOrder, count }, { inOrder: undefined, count: 15_000 })
  const late = fileOf(t, textOf(many({ count: 15_000, lateBy: 300 })))
  const { sortedPath: none, ...digest } = await digestLines(late.path, join(into, 'nowhere'))
  t.equal(none, undefined)
  t.match(digest, { ...(await digestFile(late.path)), lines: 15_000 })
})

t.test('digests computed ahead match the files, even after an unreadable one', async t => {
  const folder = dirname(
    logFolder(t, { a: noon + early, c: noon, d: noon + early, e: noon + early })
  )
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(name => join(folder, name))
  const digests = new DigestPipeline([a!, b!, c!, d!, e!], folder)
  const ofA = await digests.get(a!)
  t.match(ofA, { ...(await digestLines(a!)), sortedPath: String })
  await t.rejects(digests.get(b!), { code: 'ENOENT' })
  t.strictSame(await digests.get(c!), await digestLines(c!))
  const ofD = await digests.get(d!)
  t.not(ofD.sortedPath, ofA.sortedPath, 'a copy that is not released is left alone')
  digests.release(ofA)
  t.match(await digests.get(a!), { sha256: ofA.sha256 }, 'in any order')
  digests.close()
  t.notOk([ofA, ofD].some(({ sortedPath: inOrder }) => existsSync(inOrder!)))
  t.ok([a, c, d, e].every(path => existsSync(path!)))
})

t.test('counts a file that grows while it is read', t => {
  const text = Buffer.from(textOf(many({ count: 2000, lateBy: 0 })))
  const nowhere = { startReordering: () => undefined, write: () => undefined }
  const sorter = new LineSorter(1_000_000)
  for (let at = 0; at < text.length;) {
    const read = text.copy(sorter.freeSpace, 0, at)
    t.ok(read > 0)
    sorter.add(read, nowhere)
    at += read
  }
  sorter.finish(nowhere)
  t.match(sorter, { lines: 2000, isSorting: false })
  t.end()
})

function fileOf(t: Test, text: string): { path: string; into: string } {
  const folder = dirname(logFolder(t, {}))
  const path = join(folder, 'lines')
  writeFileSync(path, text)
  return { path, into: join(folder, 'copy') }
}

interface Line {
  readonly time: string
  readonly text: string
}

/** Two lines of each millisecond, of 2,000 octets: more than are sorted at once. @param lateBy so many places at most */
function many({ count, lateBy }: { count: number; lateBy: number }): Line[] {
  const start = Date.parse('2023-03-13T12:00:00.000Z')
  const file = Array.from({ length: count }, (_, i) => {
    const time = new Date(start + (i >> 1)).toISOString()
    return { time, text: at(time, `${i}.${'x'.repeat(1800)}.example`) }
  })
  for (let i = lateBy; lateBy > 0 && i < count; i += 50 + (i % 97)) {
    const from = i - ((i * 31) % (lateBy + 1))
    file.splice(i, 0, ...file.splice(from, 1))
  }
  return file
}

const textOf = (file: readonly Line[]): string => file.map(({ text }) => text).join('')
