import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { FolderStore } from '../../src/fleet/ship/folder-store.js'
import { HistorySender } from '../../src/fleet/ship/history-sender.js'
import type { LogStore, ShippedFile } from '../../src/fleet/ship/log-store.js'
import { CentralFolder } from '../../src/lookups/central/central-folder.js'
import { CentralHistory } from '../../src/lookups/central/central-history.js'
import { gatewayOf, mayWrite } from '../../src/lookups/central/central-layout.js'
import { contentPath, isTooLarge } from '../../src/lookups/central/history-layout.js'
import { HistoryWriter } from '../../src/policy/history/history-writer.js'
import { RulesHistory } from '../../src/policy/history/rules-history.js'
import { contentOf, digest, eventOf, filesSha256, historyPlace } from '../sources/history-rig.js'
import { fast, filesBelow, temporaryFolder } from './ship-rig.js'

type Files = Readonly<Record<string, string>>

const at = (minute: number): string => `2026-11-10T10:${String(minute).padStart(2, '0')}:00.000Z`
const wall = (minute: number) => () => Date.parse(at(minute))
const [ONE, TWO]: [Files, Files] = [
  { 'networks.yaml': 'one\n', 'long.txt': 'x'.repeat(300_000) },
  { 'networks.yaml': 'two\n', 'long.txt': 'x'.repeat(300_000) }
]

/** A gateway that records versions, and a sender as its fleet thread has. */
class RecordingGateway {
  readonly path: string
  readonly writer: HistoryWriter

  constructor(
    t: Test,
    readonly name: string
  ) {
    this.path = historyPlace(t)
    this.writer = new HistoryWriter(this.path)
  }

  record(minute: number, files: Files) {
    return this.writer.record(eventOf(at(minute), files), contentOf(files))
  }

  /** @param minute of the clock */
  sender(store: LogStore, minute: number): HistorySender {
    const clock = { now: wall(minute), wall: wall(minute) }
    return new HistorySender(this.path, this.name, 'centre', store, { clock })
  }

  sendTo(folder: string, minute: number): Promise<boolean> {
    return this.sender(new FolderStore(folder, fast()), minute).pass()
  }
}

const open = (centre: string, name: string): Promise<RulesHistory> =>
  RulesHistory.open(new CentralHistory(centre, name))

const stretchesOf = ({ stretches }: RulesHistory) =>
  stretches.map(({ from, event }) => [
    new Date(from).toISOString(),
    'sha256' in event ? event.sha256 : event.event
  ])

t.test('the histories of two gateways arrive once, with each content once', async t => {
  const centre = temporaryFolder(t)
  const [one, other] = [new RecordingGateway(t, 'one'), new RecordingGateway(t, 'other')]
  await one.record(0, ONE)
  await one.record(10, TWO)
  await other.record(5, TWO)
  t.equal(await one.sendTo(centre, 20), true)
  const contents = filesBelow(centre).filter(file => file.startsWith('contents/'))
  // Two texts, the long list, and the settings.
  t.equal(contents.length, 4)
  t.equal(await other.sendTo(centre, 20), true)
  t.strictSame(
    filesBelow(centre).filter(file => file.startsWith('contents/')),
    contents,
    'the other gateway adds none'
  )
  const history = await open(centre, 'one')
  t.strictSame(stretchesOf(history), [
    [at(0), filesSha256(ONE)],
    [at(10), filesSha256(TWO)],
    ['2026-11-10T10:19:50.000Z', 'gap']
  ])
  const [first, second] = history.stretches
  t.equal((await first!.version!.file('networks.yaml'))?.toString(), 'one\n')
  t.equal((await second!.version!.file('long.txt'))?.length, 300_000)
  t.strictSame(await second!.version!.missing(), [])
  t.equal(await second!.version!.settings(), '{}')
})

t.test('later lines are added, and the centre learns hourly that there are none', async t => {
  const centre = temporaryFolder(t)
  const gateway = new RecordingGateway(t, 'one')
  await gateway.record(0, ONE)
  await gateway.sendTo(centre, 1)
  await gateway.record(10, TWO)
  await gateway.writer.end({ at: at(12), event: 'stop' })
  let minute = 20
  const clock = { now: () => wall(minute)(), wall: () => wall(minute)() }
  const store = new FolderStore(centre, fast())
  const sender = new HistorySender(gateway.path, 'one', 'centre', store, { clock })
  t.equal(await sender.pass(), true)
  const files = filesBelow(centre)
  t.equal(files.filter(file => file.endsWith('.jsonl')).length, 2)
  t.equal(files.filter(file => file.includes('known-')).length, 1, 'the earlier one is replaced')
  t.strictSame(stretchesOf(await open(centre, 'one')).slice(2), [
    [at(12), 'stop'],
    ['2026-11-10T10:19:50.000Z', 'gap']
  ])
  minute = 50
  t.equal(await sender.pass(), true)
  t.strictSame(filesBelow(centre), files, 'nothing is sent twice')
  clock.wall = () => Date.parse('2026-11-10T11:20:00Z')
  t.equal(await sender.pass(), true)
  t.match(stretchesOf(await open(centre, 'one')).at(-1), ['2026-11-10T11:19:50.000Z', 'gap'])
})

t.test('what the centre has not confirmed is sent again', async t => {
  const centre = temporaryFolder(t)
  const gateway = new RecordingGateway(t, 'one')
  await gateway.record(0, ONE)
  const folder = new FolderStore(centre, fast())
  let isUp = false
  const order: string[] = []
  const store: LogStore = {
    put: (file: ShippedFile) => {
      order.push(file.path.split('/')[0]!)
      return isUp ? folder.put(file) : Promise.resolve(false)
    },
    close: () => Promise.resolve()
  }
  const sender = gateway.sender(store, 5)
  t.equal(await sender.pass(), false)
  t.strictSame(new Set(order), new Set(['contents']), 'lines follow their contents')
  isUp = true
  t.equal(await sender.pass(), true)
  t.equal((await open(centre, 'one')).stretches.length, 2)
  // A gateway that has lost what it has sent, as after a restore, sends it again, which changes nothing.
  rmSync(join(gateway.path, 'sent.json'))
  await gateway.record(10, TWO)
  t.equal(await gateway.sendTo(centre, 20), true)
  t.strictSame(stretchesOf(await open(centre, 'one')).slice(0, 2), [
    [at(0), filesSha256(ONE)],
    [at(10), filesSha256(TWO)]
  ])
})

t.test('a gateway that was restored from a backup adds to what it had sent before', async t => {
  const centre = temporaryFolder(t)
  const gateway = new RecordingGateway(t, 'one')
  const { path } = await gateway.record(0, ONE)
  await gateway.sendTo(centre, 1)
  const [backup, sent] = [readFileSync(path), readFileSync(join(gateway.path, 'sent.json'))]
  await gateway.record(10, TWO)
  await gateway.record(12, ONE)
  await gateway.sendTo(centre, 13)
  writeFileSync(path, backup)
  writeFileSync(join(gateway.path, 'sent.json'), sent)
  await gateway.record(20, TWO)
  await gateway.sendTo(centre, 21)
  await gateway.record(30, ONE)
  await gateway.sendTo(centre, 40)
  t.strictSame(
    stretchesOf(await open(centre, 'one')).map(([from]) => from!.slice(14, 16)),
    ['00', '10', '12', '20', '30', '39']
  )
})

t.test('a line that was cut off, or has not arrived, is a time that is not known', async t => {
  const centre = temporaryFolder(t)
  const gateway = new RecordingGateway(t, 'one')
  const { path } = await gateway.record(0, ONE)
  await gateway.sendTo(centre, 1)
  appendFileSync(path, '{"at":"2026-11-10T10:05')
  await gateway.sendTo(centre, 6)
  await gateway.record(10, TWO)
  await gateway.sendTo(centre, 20)
  t.match(
    stretchesOf(await open(centre, 'one')).map(([, what]) => what),
    [filesSha256(ONE), 'gap', filesSha256(TWO), 'gap']
  )
  await gateway.record(30, ONE)
  await gateway.sendTo(centre, 40)
  const slices = filesBelow(centre).filter(file => file.endsWith('.jsonl'))
  const middle = slices.find(file => /-3-\d+\.jsonl$/.test(file))!
  rmSync(join(centre, middle))
  const history = await open(centre, 'one')
  t.match(history.at(Date.parse(at(15)))?.event, { event: 'gap' })
  t.match(history.at(Date.parse(at(35)))?.event, { sha256: filesSha256(ONE) })
})

t.test('a segment that begins with the same files as the one before is another', async t => {
  const centre = temporaryFolder(t)
  const gateway = new RecordingGateway(t, 'one')
  await gateway.record(0, ONE)
  const next = eventOf('2026-12-01T00:00:00.000Z', ONE, { event: 'start' })
  await gateway.writer.record(next, contentOf(ONE))
  const clock = () => Date.parse('2026-12-01T01:00:00Z')
  const sender = new HistorySender(gateway.path, 'one', 'centre', new FolderStore(centre, fast()), {
    clock: { now: clock, wall: clock }
  })
  t.equal(await sender.pass(), true)
  t.strictSame(stretchesOf(await open(centre, 'one')), [
    [at(0), filesSha256(ONE)],
    ['2026-12-01T00:00:00.000Z', filesSha256(ONE)],
    ['2026-12-01T00:59:50.000Z', 'gap']
  ])
  const months = filesBelow(centre).flatMap(file => /one\/(\d{4}-\d{2})-/.exec(file)?.[1] ?? [])
  t.strictSame(months, ['2026-11', '2026-12'])
})

t.test('shared contents are what their names say, whoever sends them', async t => {
  const folder = temporaryFolder(t)
  const centre = new CentralFolder(folder)
  const path = contentPath(digest('rules'))
  const write = (octets: Buffer): Promise<boolean> =>
    centre.write(path, createHash('sha256').update(octets).digest('hex'), async function* () {
      yield await Promise.resolve(octets)
    })
  t.equal(await write(gzipSync('other rules')), false)
  t.equal(await write(Buffer.from('rules')), false)
  t.equal(await write(gzipSync('rules').subarray(0, 15)), false)
  t.strictSame(filesBelow(folder), [])
  t.equal(await write(gzipSync('rules')), true)
  t.ok(existsSync(join(folder, path)))
})

t.test(
  'gateways that write the same content at the same moment do not disturb each other',
  async t => {
    const folder = temporaryFolder(t)
    const path = contentPath(digest('rules'))
    const octets = gzipSync('rules')
    const sha256 = createHash('sha256').update(octets).digest('hex')
    let resume = (): void => undefined
    const waiting = new Promise<void>(resolve => (resume = resolve))
    const slow = new CentralFolder(folder).write(path, sha256, async function* () {
      yield octets.subarray(0, 5)
      await waiting
      yield octets.subarray(5)
    })
    const fast = await new CentralFolder(folder).write(path, sha256, async function* () {
      yield await Promise.resolve(octets)
    })
    t.equal(fast, true)
    resume()
    t.equal(await slow, true)
    t.strictSame(filesBelow(folder), [path])
    t.ok(readFileSync(join(folder, path)).equals(octets))
  }
)

t.test('a gateway may write its own history and contents, and nothing else', async t => {
  const own = `histories/one/2026-11-${'a'.repeat(64)}-1-2.jsonl`
  t.equal(gatewayOf(own), 'one')
  const cases: readonly [string, boolean][] = [
    [own, true],
    [own.replace('/one/', '/other/'), false],
    ['histories/one/known-1796083200.json', true],
    ['histories/other/known-1796083200.json', false],
    [contentPath('a'.repeat(64)), true],
    ['contents/../histories/other/known-1.json', false],
    ['contents/keys.pub', false],
    ['histories/one/000001.jsonl', false],
    ['keys/one.pub', false]
  ]
  for (const [path, is] of cases) t.equal(mayWrite('one', path), is, path)
  t.equal(isTooLarge(own, 17 * 2 ** 20), true)
  t.equal(isTooLarge(own, 2 ** 20), false)
  t.equal(isTooLarge(contentPath('a'.repeat(64)), 17 * 2 ** 20), false)
})

t.test('a content that was damaged at the centre is not shown', async t => {
  const centre = temporaryFolder(t)
  const gateway = new RecordingGateway(t, 'one')
  await gateway.record(0, ONE)
  await gateway.sendTo(centre, 1)
  const path = join(centre, contentPath(digest('one\n')))
  t.ok(readFileSync(path).length > 0)
  mkdirSync(join(centre, 'contents'), { recursive: true })
  writeFileSync(path, gzipSync('forged\n'))
  const [first] = (await open(centre, 'one')).stretches
  t.equal(await first!.version!.file('networks.yaml'), undefined)
})
