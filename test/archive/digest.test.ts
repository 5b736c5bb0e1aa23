import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { digestLines, DigestsAhead } from '../../src/archive/digest.js'
import { LineOrder } from '../../src/archive/line-order.js'
import { lines, logFolder, record } from './lines.js'

const at = (time: string): string => lines(record(time))
const noon = at('2023-03-13T12:00:00.000Z')

const files = [
  { it: 'nothing', text: '', inOrder: true },
  { it: 'one line', text: noon, inOrder: true },
  { it: 'a time twice', text: noon + noon, inOrder: true },
  { it: 'a later one', text: noon + at('2023-03-13T12:00:00.001Z'), inOrder: true },
  {
    it: 'a later one with lower digits',
    text: at('2023-03-13T09:59:59.999Z') + at('2023-03-13T10:00:00.000Z'),
    inOrder: true
  },
  { it: 'empty lines', text: `\n${noon}\n\n${noon}`, inOrder: true },
  { it: 'an earlier one', text: noon + at('2023-03-13T11:59:59.999Z'), inOrder: false },
  { it: 'one of the year before', text: noon + at('2022-12-31T23:59:59.999Z'), inOrder: false },
  {
    it: 'a time in another form',
    text: noon + at('2023-03-13T14:00:00+02:00'),
    inOrder: false
  },
  { it: 'a time with a sign', text: at('+023-03-13T12:00:00.000Z'), inOrder: false },
  { it: 'half a line', text: `${noon}{"v":1,"time":"2023-03`, inOrder: false },
  {
    it: 'fields in another order',
    text: `{"time":"2023-03-13T12:00:00.000Z","v":1}\n`,
    inOrder: false
  },
  {
    it: 'something else',
    text: `${noon}nothing of ours, but as long as the head of a line\n`,
    inOrder: false
  }
]

for (const { it, text, inOrder } of files) {
  t.test(`of a file with ${it}`, async t => {
    const path = join(dirname(logFolder(t, {})), 'lines')
    writeFileSync(path, text)
    t.equal((await digestLines(path)).inOrder, inOrder)
  })
}

t.test('a line may come in parts', async t => {
  const [early, late] = [noon, at('2023-03-13T12:00:00.001Z')].map(text => Buffer.from(text))
  for (let cut = 0; cut <= late!.length - 1; cut++) {
    for (const [lines, isKept] of [
      [[early!, late!], true],
      [[late!, early!], false]
    ] as const) {
      const order = new LineOrder()
      for (const line of lines) {
        order.take(line, 0, cut)
        order.take(line, cut, line.length - 1)
        order.end()
      }
      if (order.isKept !== isKept) t.fail(`cut at ${cut}`)
    }
  }
  t.pass()
})

t.test('lines are counted, and the longest is known, over the chunks of a file', async t => {
  const long = lines(record('2023-03-13T12:00:00.000Z', { qname: 'a'.repeat(3 * 1024 * 1024) }))
  const path = join(dirname(logFolder(t, {})), 'lines')
  writeFileSync(path, noon + long + '\n' + noon.repeat(10_000))
  const { lines: count, longest, inOrder } = await digestLines(path)
  t.strictSame(
    { count, longest, inOrder },
    { count: 10_002, longest: long.length - 1, inOrder: true }
  )
})

t.test('digests made ahead are those of the files, also of one that cannot be read', async t => {
  const folder = dirname(logFolder(t, { a: noon, c: noon + noon }))
  const paths = ['a', 'b', 'c'].map(name => join(folder, name))
  const digests = new DigestsAhead(paths)
  t.strictSame(await digests.of(paths[0]!), await digestLines(paths[0]!))
  await t.rejects(digests.of(paths[1]!), { code: 'ENOENT' })
  t.strictSame(await digests.of(paths[2]!), await digestLines(paths[2]!))
  t.strictSame(await digests.of(paths[0]!), await digestLines(paths[0]!), 'in any order')
})
