import { appendFileSync, mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { FollowedFile } from '../../../src/lookups/files/follow.js'
import { Site } from '../../daemon/site.js'

const all = (): boolean => true

function open(t: Test, text?: string) {
  const site = new Site(t, text === undefined ? {} : { 'queries.jsonl': text })
  const path = site.path('queries.jsonl')
  let now = 0
  const log = new FollowedFile(path, () => now)
  t.teardown(() => log.close())
  const news = (): string[] => [...log.readNew()].flat()
  return { site, path, log, news, wait: (ms: number): number => (now += ms) }
}

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('')

t.test('starts with the last lines and continues after them', async t => {
  const { log, news, path } = open(t, `${numbered(0, 20_000)}half`)
  t.strictSame(log.readLast(2, all), ['line 19998', 'line 19999'])
  t.strictSame(news(), [])
  appendFileSync(path, ' a line\nnext\n')
  t.strictSame(news(), ['half a line', 'next'])
})

t.test('the last matching lines, however far back', async t => {
  const { log } = open(t, numbered(0, 20_000))
  t.strictSame(
    log.readLast(3, line => /^line \d$/.test(line)),
    ['line 7', 'line 8', 'line 9']
  )
})

for (const [it, text, wanted] of [
  ['no line', '', []],
  ['one line', 'a\n', ['a']],
  ['fewer lines', 'a\nb\n', ['a', 'b']],
  ['no end of a line', 'half', []]
] as const) {
  t.test(`starts with ${it}`, async t => t.strictSame(open(t, text).log.readLast(9, all), wanted))
}

t.test('without last lines: only new ones', async t => {
  const { log, news, path } = open(t, 'a\nb\n')
  t.strictSame(log.readLast(0, all), [])
  appendFileSync(path, 'c\n')
  t.strictSame(news(), ['c'])
})

t.test('a renamed file is read to its end, and for ten more seconds', async t => {
  const { site, path, log, news, wait } = open(t, 'a\n')
  log.readLast(0, all)
  appendFileSync(path, 'b\n')
  renameSync(path, site.path('elsewhere'))
  t.strictSame(news(), ['b'])
  appendFileSync(site.path('elsewhere'), 'c\n')
  writeFileSync(path, 'd\n')
  t.strictSame(news(), ['c', 'd'])
  appendFileSync(site.path('elsewhere'), 'e\n')
  appendFileSync(path, 'f\n')
  t.strictSame(news(), ['e', 'f'])
  wait(10_001)
  news()
  appendFileSync(site.path('elsewhere'), 'g\n')
  t.strictSame(news(), [])
})

t.test('files created and closed in between are read too, in order', async t => {
  const { site, path, log, news } = open(t, 'a\n')
  writeFileSync(site.path('queries-20230101T000000.000Z.jsonl'), 'of before\n')
  log.readLast(0, all)
  renameSync(path, site.path('queries-20230313T000000.000Z.jsonl'))
  writeFileSync(site.path('queries-20230313T000000.001Z.jsonl'), 'b\n')
  writeFileSync(site.path('queries-20230313T000000.002Z.jsonl'), 'c\n')
  writeFileSync(path, 'd\n')
  t.strictSame(news(), ['b', 'c', 'd'])
})

t.test('a truncated file is read from the start', async t => {
  const { path, log, news } = open(t, 'a\nb\nhalf')
  log.readLast(0, all)
  truncateSync(path)
  t.strictSame(news(), [])
  appendFileSync(path, 'c\n')
  t.strictSame(news(), ['c'])
})

t.test('a missing file is waited for', async t => {
  const { path, log, news } = open(t)
  t.strictSame([log.readLast(9, all), log.isOpen], [[], false])
  t.strictSame(news(), [])
  writeFileSync(path, 'a\n')
  t.strictSame(news(), ['a'])
})

t.test('rejects anything that is not a regular file', async t => {
  const { path, log } = open(t)
  mkdirSync(path)
  t.throws(() => log.readLast(9, all), { code: 'LOG_FOLLOW' })
})

t.test('skips a line of megabytes without buffering it', async t => {
  const { path, log, news } = open(t, '')
  log.readLast(0, all)
  for (let i = 0; i < 40; i++) appendFileSync(path, 'x'.repeat(64 * 1024))
  t.strictSame(news(), [])
  appendFileSync(path, '\na\n')
  t.strictSame(news(), ['a'])
})
