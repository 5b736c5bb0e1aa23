/**
 * What a flood of random names leaves of the answers that clients ask for: `npm run bench:flood`.
 * One process for each row, so that memory is its own.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../src/base/time/clock.js'
import { LruAnswerCache } from '../../src/resolver/cache/lru.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { table } from '../kit/markdown.js'
import { flood } from './flood.js'

const MB = 2 ** 20
const SIZE = 16 * MB
const HOT = 20_000
/** Of random names, in sizes of the cache. */
const TIMES = 10

const standing: Clock = { now: () => 0, wall: () => 0 }
const caches = {
  guarded: () => new PackedAnswerCache(allocateCache(SIZE, 1, undefined, 1), standing),
  'plain LRU': () => new LruAnswerCache(SIZE, standing)
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`
const megabytes = (octets: number): string => (octets / MB).toFixed(1)

/** One row, as JSON. */
function measure(kind: keyof typeof caches, perQuestion: number): string {
  const start = process.memoryUsage.rss()
  const cache = caches[kind]()
  const terms = { hot: HOT, perQuestion, octets: TIMES * SIZE }
  const { before, during, after, size } = flood(cache, terms)
  const grown = process.memoryUsage.rss() - start
  const rates = [before, during, after].map(percent)
  const cells = [kind, String(perQuestion), ...rates, megabytes(size), megabytes(grown)]
  return JSON.stringify(cells)
}

const [kind, perQuestion] = process.argv.slice(2)
if (kind !== undefined) {
  process.stdout.write(measure(kind as keyof typeof caches, Number(perQuestion)))
} else {
  const program = fileURLToPath(import.meta.url)
  const rows = [1, 10, 100].flatMap(perQuestion =>
    Object.keys(caches).map(kind => {
      const row = execFileSync(process.execPath, [program, kind, String(perQuestion)])
      return JSON.parse(row.toString()) as string[]
    })
  )
  const head = ['cache', 'flood', 'before', 'during', 'after', 'size, MB', 'RSS, MB']
  process.stdout.write(table(head, rows))
}
