import t from 'tap'
import { Formatter } from '../../../src/lookups/record/formatter.js'
import { matchedRule, eventOf, snapshotOf } from './events.js'

const BLOCK = 64 * 1024

/** Formats `count` lines and gives the blocks as they were handed over. */
function blocksOf(count: number, free: boolean, pattern = 'x') {
  const blocks: { block: Uint8Array; lines: number }[] = []
  const matched = () => ({ pattern, sourceFile: 'lists/a.txt', sourceLine: 1, length: 0 })
  const formatter = new Formatter([], matched, (block, lines) => {
    blocks.push({ block: free ? Uint8Array.from(block) : block, lines })
    return free
  })
  formatter.addSnapshot(snapshotOf(1))
  for (let i = 0; i < count; i++) formatter.append(eventOf({ latency: i, claim: 0, entry: 1 }))
  formatter.flush()
  formatter.flush()
  return blocks
}

/** The durations, which number the lines. */
const numbers = (blocks: ReturnType<typeof blocksOf>) =>
  blocks.flatMap(({ block }) =>
    Buffer.from(block)
      .toString()
      .split('\n')
      .slice(0, -1)
      .map(line => (JSON.parse(line) as { us: number }).us)
  )

for (const free of [true, false]) {
  t.test(
    `blocks hold complete lines, ${free ? 'and are reused' : 'and are kept by the sink'}`,
    async t => {
      const blocks = blocksOf(1000, free)
      t.ok(blocks.length > 2 && blocks.length < 10)
      t.ok(blocks.every(({ block }) => block.length <= BLOCK && block.at(-1) === 0x0a))
      t.equal(
        blocks.reduce((sum, { lines }) => sum + lines, 0),
        1000
      )
      t.strictSame(
        numbers(blocks),
        Array.from({ length: 1000 }, (_, i) => i)
      )
    }
  )
}

t.test('a line longer than a block gets a block of its size', async t => {
  const blocks = blocksOf(3, true, 'p'.repeat(3 * BLOCK))
  t.strictSame(numbers(blocks), [0, 1, 2])
})

t.test('events of dropped snapshots are written without rule, the newest with it', async t => {
  const lines: string[] = []
  const formatter = new Formatter([], matchedRule, block => {
    lines.push(...Buffer.from(block).toString().trim().split('\n'))
    return true
  })
  for (const generation of [1, 2]) formatter.addSnapshot(snapshotOf(generation))
  formatter.append(eventOf({ generation: 1, claim: 0, entry: 1 }))
  formatter.dropOldSnapshots()
  for (const generation of [1, 2]) formatter.append(eventOf({ generation, claim: 0, entry: 1 }))
  formatter.flush()
  const records = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  const [before, old, current] = records
  t.ok('rule' in before!)
  t.notOk('rule' in old!)
  t.ok('rule' in current!)
  t.equal(formatter.unknownGenerations, 1)
})

t.test('the last four snapshots are kept; older events are written without rule', async t => {
  const lines: string[] = []
  const formatter = new Formatter([], matchedRule, block => {
    lines.push(...Buffer.from(block).toString().trim().split('\n'))
    return true
  })
  for (const generation of [1, 2, 3, 4, 5]) formatter.addSnapshot(snapshotOf(generation))
  for (const generation of [1, 2, 5, 6]) {
    formatter.append(eventOf({ generation, clientClass: 1, claim: 0, entry: 1 }))
  }
  formatter.flush()
  t.equal(formatter.unknownGenerations, 2)
  t.strictSame(
    lines
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .map(r => [r.generation, r.ban, r.network]),
    [
      [1, undefined, undefined],
      [2, 'federal-phones/tiktok', 'federal-phones'],
      [5, 'federal-phones/tiktok', 'federal-phones'],
      [6, undefined, undefined]
    ]
  )
})

t.test('finds each match once, until there are too many to cache', async t => {
  let asked = 0
  const matched = () => (asked++, { pattern: 'x', sourceFile: 'a', sourceLine: 1, length: 0 })
  const formatter = new Formatter([], matched, () => true)
  formatter.addSnapshot(snapshotOf(1))
  const ask = (record: number) => formatter.append(eventOf({ claim: 0, entry: record }))
  for (const record of [1, 2, 1, 2, 1]) ask(record)
  t.equal(asked, 2)
  for (let record = 0; record < 20_000; record++) ask(record)
  ask(19_999)
  t.equal(asked, 20_000)
  ask(1)
  t.equal(asked, 20_001, 'it has been forgotten meanwhile')
})

t.test('claims and entries are not confused', async t => {
  const lines: string[] = []
  const formatter = new Formatter([], matchedRule, block => {
    lines.push(...Buffer.from(block).toString().trim().split('\n'))
    return true
  })
  formatter.addSnapshot(snapshotOf(1))
  for (const [claim, record] of [
    [0, 1],
    [1, 0],
    [1, 1],
    [0, 2 ** 31 - 1],
    [1, -1]
  ] as const) {
    formatter.append(eventOf({ claim, entry: record }))
  }
  formatter.flush()
  t.strictSame(
    lines.map(line => (JSON.parse(line) as { source?: string }).source),
    ['apps/0.yaml:1', 'apps/1.yaml', 'apps/1.yaml:1', 'apps/0.yaml:2147483647', undefined]
  )
})
