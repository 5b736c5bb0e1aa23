import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FindingLog } from '../../../src/lookups/egress/finding-log.js'
import {
  FindingTally,
  LINE_INTERVAL,
  type FoundConnection
} from '../../../src/lookups/egress/finding-tally.js'
import {
  encodeFindingLine,
  parseFindingLine,
  type EgressFinding,
  type FindingLine
} from '../../../src/lookups/egress/egress-finding.js'
import { ObservedTime } from '../../../src/lookups/egress/observed-time.js'
import { readFindings } from '../../../src/lookups/egress/read-findings.js'
import { closedSideFiles, sideFile } from '../../../src/lookups/files/side-files.js'
import { signKey, tendOnce, verified } from '../archive/chain/rig.js'

const START = Date.parse('2026-11-12T23:00:00Z')
const HOUR = 3_600_000
const SUBJECT: FoundConnection = {
  ...{ kind: 'banned', network: 'school', client: '10.20.3.4', destination: '203.0.113.9' },
  ...{ port: 443, protocol: 'tcp', apps: ['tiktok'], names: ['api.tiktok.com'] }
}
const FINDING: EgressFinding = {
  ...{ ...SUBJECT, first: START, last: START + 5, connections: 3, octets: 1300 }
}

function opened(t: Test) {
  const folder = t.testdir()
  const errors: unknown[] = []
  const quiet = (): void => undefined
  const error = ({ code }: { code?: unknown }) => errors.push(code)
  const log = new FindingLog(folder, { info: quiet, warn: quiet, error })
  const read = async (period = {}): Promise<FindingLine[]> => {
    const lines: FindingLine[] = []
    await readFindings(folder, period, line => lines.push(line))
    return lines
  }
  return { folder, errors, log, read }
}

t.test('a line is read as it was written', async t => {
  const time = START
  const lines: FindingLine[] = [
    { event: 'start', time },
    { event: 'alive', time },
    { event: 'lost', time, count: 3 },
    { event: 'finding', time, finding: FINDING },
    { event: 'finding', time, finding: { ...FINDING, client: null, octets: null } }
  ]
  for (const line of lines) t.same(parseFindingLine(encodeFindingLine(line)), line)
})

t.test('damaged lines are skipped and counted', async t => {
  const { folder, read } = opened(t)
  const whole = encodeFindingLine({ event: 'finding', time: START, finding: FINDING })
  const damaged = [
    ...['', 'null', '[]', '{', '{"v":1}', whole.slice(0, -9), whole.replace('"v":1', '"v":2')],
    ...[whole.replace('banned', 'other'), whole.replace('"port":443', '"port":-1')],
    ...[whole.replace('"first":"2026', '"first":"x'), whole.replace('"tcp"', '"sctp"')]
  ]
  writeFileSync(join(folder, sideFile('egress')), `${[...damaged, whole].join('\n')}\n`)
  const found = await readFindings(folder, {}, () => undefined)
  t.same(found, { skipped: damaged.length })
  t.equal((await read()).length, 1)
})

t.test('keeps findings beside the query log, and closes the file each day', async t => {
  const { folder, log, read } = opened(t)
  log.open(START)
  log.setObserved(true, START)
  log.push({ event: 'finding', time: START, finding: FINDING })
  log.flush(START)
  log.push({ event: 'finding', time: START + 2 * HOUR, finding: FINDING })
  log.flush(START + 2 * HOUR)
  const [closed = ''] = closedSideFiles(folder, 'egress')
  t.match(closed, /^egress-20261113T010000\.000Z\.jsonl$/)
  log.close(START + 3 * HOUR)
  t.same(
    (await read()).map(({ event }) => event),
    ['start', 'finding', 'finding', 'alive', 'stop']
  )
  t.same(
    (await read({ since: START + HOUR, until: START + 3 * HOUR })).map(({ event }) => event),
    ['finding', 'alive']
  )
})

t.test('counts for how long connections were observed', t => {
  const minute = 60_000
  const timeOf = (...lines: [event: 'start' | 'alive' | 'stop', minutes: number][]): number => {
    const observed = new ObservedTime(START)
    for (const [event, at] of lines) observed.add({ event, time: START + at * minute })
    return observed.time / minute
  }
  t.equal(timeOf(), 0)
  t.equal(timeOf(['start', 5], ['alive', 15], ['stop', 20], ['start', 30], ['alive', 40]), 25)
  t.equal(timeOf(['start', 5], ['alive', 15], ['start', 60], ['stop', 61]), 11, 'it died')
  t.equal(timeOf(['alive', 4], ['alive', 14]), 14, 'observed before the period')
  t.equal(timeOf(['stop', 30]), 10, 'of which ten minutes are certain')
  t.equal(timeOf(['start', 5]), 0, 'not yet')
  t.end()
})

t.test('observed is what the observer read, not what a process ran', async t => {
  const { log, read } = opened(t)
  log.open(START)
  log.flush(START + HOUR)
  t.same(await read(), [], 'nothing was read')
  log.setObserved(true, START + HOUR)
  log.setObserved(true, START + HOUR + 1)
  log.setObserved(false, START + HOUR + 2)
  log.flush(START + HOUR + 3)
  log.close(START + 2 * HOUR)
  t.same(
    (await read()).map(({ event }) => event),
    ['start', 'stop']
  )
})

t.test('closed files are in the chain of the query log, and expire with it', async t => {
  const key = signKey(t)
  const name = 'egress-20230304T000000.000Z.jsonl'
  const text = '{"v":1,"time":"2023-03-03T12:00:00.000Z","event":"start"}\n'
  const path = join(t.testdir({ 'queries.jsonl': '', [name]: text }), 'queries.jsonl')
  const options = { chain: key.options, parquet: false }
  t.match(await tendOnce(path, '2023-03-04T12:00:00Z', options), { done: true })
  t.match(await verified(path, key.publicKey), { proven: true, files: 1 })
  writeFileSync(join(path, '..', name), text.replace('12:00', '12:01'))
  t.match(await verified(path, key.publicKey), { breaks: [{ kind: 'altered', at: name }] })
  writeFileSync(join(path, '..', name), text)
  const keep = { days: 30, space: 0, networks: [{ id: 'guests', days: 2 }] }
  await tendOnce(path, '2023-03-07T12:00:00Z', { ...options, keep })
  t.notOk(existsSync(join(path, '..', name)))
})

t.test('keeps lines while the disk accepts none, and says how many were lost', async t => {
  const { folder, errors, log, read } = opened(t)
  mkdirSync(join(folder, sideFile('egress')))
  log.push({ event: 'finding', time: START, finding: FINDING })
  log.flush(START)
  log.flush(START + 1)
  t.same(errors, ['EGRESS_FINDINGS'], 'once')
  t.notOk(log.isWritable)
  for (let i = 0; i < 10_000; i++) log.push({ event: 'stop', time: START })
  rmSync(join(folder, sideFile('egress')), { recursive: true })
  log.flush(START + HOUR)
  t.ok(log.isWritable)
  const lines = await read()
  t.match(lines[0], { event: 'finding' })
  t.match(lines.at(-1), { event: 'lost', count: 1 })
})

t.test('a client that tries often is a line a minute', async t => {
  const tally = new FindingTally(2)
  const key = tally.begin(SUBJECT, START)!
  t.match(tally.take(START), [{ ...SUBJECT, connections: 1, octets: null, first: START }])
  for (let i = 1; i <= 1000; i++) tally.begin(SUBJECT, START + i)
  tally.end(key, START + 1000, 500)
  t.same(tally.take(START + 1000), [])
  t.match(tally.take(START + LINE_INTERVAL), [
    { connections: 1000, octets: 500, first: START + 1, last: START + 1000 }
  ])
  tally.begin({ ...SUBJECT, port: 80 }, START)
  t.equal(tally.begin({ ...SUBJECT, port: 81 }, START), undefined, 'there is no room')
  t.equal(tally.takeLost(), 1)
  t.equal(tally.takeLost(), 0)
  t.equal(tally.take(START + 1000, true).length, 1, 'the last ones at once')
  tally.take(START + 3 * HOUR)
  t.equal(tally.size, 0, 'forgets what does not go on')
})
