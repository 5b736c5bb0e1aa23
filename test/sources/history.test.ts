import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { applyDelta, deltaOf } from '../../src/policy/history/delta.js'
import { expireHistory } from '../../src/policy/history/expire.js'
import { HistoryWriter } from '../../src/policy/history/history-writer.js'
import { RulesHistory } from '../../src/policy/history/rules-history.js'
import { contentOf, digest, eventOf, historyPlace } from './history-rig.js'

const at = (second: number): string => new Date(Date.UTC(2026, 10, 30, 12, 0, second)).toISOString()
const NETWORKS = 'networks.yaml'
const NONE = { files: undefined, zone: () => Promise.resolve(undefined) }

t.test('a delta is what lies between a common head and a common tail', async t => {
  const long = Buffer.alloc(200_000, 'abcdefg\n')
  const changed = Buffer.from(long)
  changed[150_000] = 0x58
  const cases = [
    ['', 'x'],
    ['x', ''],
    ['same', 'same'],
    ['aaaa', 'aa'],
    ['aa', 'aaaa'],
    ['one two three', 'one 2 three'],
    [long, changed],
    [changed, Buffer.concat([changed, long])]
  ] as const
  for (const [one, other] of cases) {
    const [base, content] = [Buffer.from(one), Buffer.from(other)]
    const delta = deltaOf(base, content)
    t.ok(applyDelta(base, delta).equals(content))
  }
  t.equal(deltaOf(long, changed).middle.length, 1)
})

t.test('each version is there with all of its files, and contents are stored once', async t => {
  const path = historyPlace(t)
  const writer = new HistoryWriter(path)
  const app = 'names: [a.example]\n'.repeat(500)
  const versions = Array.from({ length: 250 }, (_, i) => {
    const files: Record<string, string> = {
      [NETWORKS]: `# ${'comment '.repeat(1000)}\nnetworks: { all: { prefixes: [10.0.0.0/${8 + (i % 20)}] } } # ${i}\n`,
      'apps/a.yaml': app
    }
    // A file that comes and goes.
    if (i % 7 === 3) files['apps/b.yaml'] = `names: [b${i}.example]\n`
    return files
  })
  for (const [i, files] of versions.entries())
    t.strictSame((await writer.record(eventOf(at(i), files), contentOf(files))).missing, [])
  const history = await RulesHistory.open(path)
  t.equal(history.stretches.length, versions.length)
  for (const [i, files] of versions.entries()) {
    const found = history.at(Date.parse(at(i)) + 500)!
    const version = found.version!
    t.strictSame(await version.missing(), [])
    t.strictSame([...version.tree!.keys()].sort(), Object.keys(files).sort())
    for (const [name, text] of Object.entries(files))
      t.equal((await version.file(name))?.toString(), text)
  }
  const { size } = statSync(join(path, '000001.jsonl'))
  t.ok(size < 350_000, `${size} bytes for 250 versions of a file of 8 KB`)
  t.match(history.stretches[4]!.event, { changed: [NETWORKS, 'apps/b.yaml'] })
})

t.test('a long content is a file of its own; without it, it is missing', async t => {
  const path = historyPlace(t)
  const writer = new HistoryWriter(path)
  const list = Array.from({ length: 40_000 }, (_, i) => `${digest(String(i)).slice(0, 12)}.example`)
  const files = { [NETWORKS]: 'networks: {}\n', 'lists/bad.txt': list.join('\n') }
  await writer.record(eventOf(at(0), files), contentOf(files))
  const [object] = readdirSync(join(path, 'objects'))
  t.equal(object, `${digest(files['lists/bad.txt'])}.gz`)
  const { version } = (await RulesHistory.open(path)).latest!
  t.equal((await version.file('lists/bad.txt'))?.toString(), files['lists/bad.txt'])
  truncateSync(join(path, 'objects', object!), 100)
  t.equal(await version.file('lists/bad.txt'), undefined, 'damaged')
})

t.test('files that are not stored are known by their digests', async t => {
  const path = historyPlace(t)
  const files = { [NETWORKS]: 'networks: {}\n', 'lists/bad.txt': 'bad.example\n' }
  const content = contentOf(files)
  const some = content.files!.map(file =>
    file.name === NETWORKS ? file : { ...file, content: () => Promise.resolve(undefined) }
  )
  const writer = new HistoryWriter(path)
  const { missing } = await writer.record(eventOf(at(0), files), { ...content, files: some })
  t.strictSame(missing, ['lists/bad.txt'])
  const { version } = (await RulesHistory.open(path)).latest!
  t.strictSame(await version.missing(), ['lists/bad.txt'])
  t.equal(version.tree!.get('lists/bad.txt'), digest(files['lists/bad.txt']))
  // Later it was read.
  await writer.record(eventOf(at(1), files), contentOf(files))
  t.strictSame(await (await RulesHistory.open(path)).latest!.version.missing(), [])
})

t.test(
  'without contents, as after a pause or a restart of the thread, an event refers to those before',
  async t => {
    const path = historyPlace(t)
    const files = { [NETWORKS]: 'networks: {}\n' }
    await new HistoryWriter(path).record(eventOf(at(0), files), contentOf(files))
    const pauses = [{ rule: 'block-1', until: 2_000_000_000 }]
    const paused = eventOf(at(1), files, { event: 'pause', pauses })
    t.strictSame((await new HistoryWriter(path).record(paused, NONE)).missing, [])
    const history = await RulesHistory.open(path)
    t.match(history.at(Date.parse(at(1)))!.event, { event: 'pause', pauses })
    t.equal((await history.latest!.version.file(NETWORKS))?.toString(), files[NETWORKS])
  }
)

t.test('each month begins a segment that is complete in itself', async t => {
  const path = historyPlace(t)
  const files = { [NETWORKS]: 'networks: {}\n', 'apps/a.yaml': 'names: [a.example]\n' }
  const writer = new HistoryWriter(path)
  await writer.record(eventOf('2026-10-31T23:59:59.000Z', files), contentOf(files))
  t.strictSame((await writer.record(eventOf('2026-11-01T00:00:00.000Z', files), NONE)).missing, [])
  t.strictSame(readdirSync(path).sort(), ['000001.jsonl', '000002.jsonl', 'objects'])
  const lines = readFileSync(join(path, '000002.jsonl'), 'utf8').trim().split('\n')
  t.equal(lines.filter(line => line.startsWith('{"blob"')).length, 3, 'two files and settings')
  t.strictSame(await (await RulesHistory.open(path)).latest!.version.missing(), [])
})

t.test('a line that a crash has cut off: what was in force then is not known', async t => {
  const path = historyPlace(t)
  const [one, two] = [{ [NETWORKS]: 'networks: {}\n' }, { [NETWORKS]: 'networks: { a: {} }\n' }]
  const writer = new HistoryWriter(path)
  await writer.record(eventOf(at(0), one), contentOf(one))
  const segment = join(path, '000001.jsonl')
  appendFileSync(segment, '{"at":"2026-11-30T12:00:01.000Z","event":"rel')
  const torn = await RulesHistory.open(path)
  t.match(torn.at(Date.parse(at(5))), { event: { event: 'gap' } })
  t.match(torn.latest!.event, { at: at(0) }, 'the last version that is known')
  await writer.record(eventOf(at(10), two, { event: 'start' }), contentOf(two))
  const history = await RulesHistory.open(path)
  t.match(history.at(Date.parse(at(5))), { event: { event: 'gap' } })
  t.match(history.at(Date.parse(at(10))), { event: { event: 'start' } })
  t.equal((await history.latest!.version.file(NETWORKS))?.toString(), two[NETWORKS])
})

t.test('a stop ends what is in force; before the first event nothing is known', async t => {
  const path = historyPlace(t)
  const files = { [NETWORKS]: 'networks: {}\n' }
  const writer = new HistoryWriter(path)
  await writer.record(eventOf(at(10), files, { event: 'start' }), contentOf(files))
  await writer.end({ at: at(20), event: 'stop' })
  const history = await RulesHistory.open(path)
  t.equal(history.at(Date.parse(at(9))), undefined)
  t.match(history.at(Date.parse(at(19)))!.version, Object)
  t.match(history.at(Date.parse(at(20))), { event: { event: 'stop' }, version: undefined })
  t.match(history.latest!.event, { event: 'start' })
})

t.test('a failed write leaves the history as it was, and the next one succeeds', async t => {
  const path = historyPlace(t)
  const [one, two] = [{ [NETWORKS]: 'networks: {}\n' }, { [NETWORKS]: 'networks: { a: {} }\n' }]
  const writer = new HistoryWriter(path)
  await writer.record(eventOf(at(0), one), contentOf(one))
  const failing = {
    files: contentOf(two).files!.map(file => ({
      ...file,
      content: () => Promise.reject(new Error('EIO'))
    })),
    zone: NONE.zone
  }
  await t.rejects(writer.record(eventOf(at(1), two), failing), { message: 'EIO' })
  t.equal((await RulesHistory.open(path)).stretches.length, 1)
  await writer.record(eventOf(at(1), two), contentOf(two))
  const { version } = (await RulesHistory.open(path)).latest!
  t.equal((await version.file(NETWORKS))?.toString(), two[NETWORKS])
})

t.test('two processes append in turns', async t => {
  const path = historyPlace(t)
  const writers = [new HistoryWriter(path), new HistoryWriter(path)]
  for (let i = 0; i < 6; i++) {
    const files = { [NETWORKS]: `networks: {} # ${i}\n` }
    await writers[i % 2]!.record(eventOf(at(i), files), contentOf(files))
  }
  const history = await RulesHistory.open(path)
  t.equal(history.stretches.length, 6)
  for (const { version } of history.stretches) t.strictSame(await version!.missing(), [])
})

t.test('without a folder the history is empty', async t => {
  const history = await RulesHistory.open(historyPlace(t))
  t.strictSame(history.stretches, [])
  t.equal(history.latest, undefined)
  t.equal(history.at(Date.now()), undefined)
})

t.test(
  'segments of which nothing was in force since a time are removed, with their contents',
  async t => {
    const path = historyPlace(t)
    const writer = new HistoryWriter(path)
    const long = (text: string) => text.repeat(60_000).replaceAll(/x/g, () => String(Math.random()))
    const months = ['09', '10', '11'].map(month => ({
      time: `2026-${month}-05T00:00:00.000Z`,
      files: { [NETWORKS]: `networks: {} # ${month}\n`, 'lists/bad.txt': long('x\n') }
    }))
    for (const { time, files } of months)
      await writer.record(eventOf(time, files), contentOf(files))
    const later = Date.now() + 2 * 86_400_000
    t.equal(
      await expireHistory(path, Date.parse('2026-10-05T00:00:00Z') - 1, later),
      0,
      'all needed'
    )
    t.equal(await expireHistory(path, Date.parse('2026-10-06T00:00:00Z'), later), 2)
    const history = await RulesHistory.open(path)
    t.equal(history.at(Date.parse('2026-09-30')), undefined)
    t.strictSame(await history.at(Date.parse('2026-10-06'))!.version!.missing(), [])
    t.equal(await expireHistory(path, Infinity, later), 2, 'the newest stays')
    t.strictSame(await (await RulesHistory.open(path)).latest!.version.missing(), [])
  }
)
