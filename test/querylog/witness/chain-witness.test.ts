import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { LogFields } from '../../../src/base/log/service-log.js'
import { ChainWitness, type WitnessChannel } from '../../../src/lookups/witness/chain-witness.js'
import { parseReceipts } from '../../../src/lookups/witness/receipts.js'
import { timeStampingChannel } from '../../../src/lookups/witness/time-stamping-authority.js'
import { readCertificates, verifyTimeStamp } from '../../../src/wire/pki/time-stamp.js'
import { hashLine } from '../../../src/lookups/chain/chain-entry.js'
import { lines, logFolder, record } from '../archive/lines.js'
import { linesOf, signKey, tendOnce } from '../archive/chain/rig.js'
import { startAuthority } from './tsa-server.js'

const MINUTE = 60_000
const START = Date.parse('2026-11-30T09:00:00Z')

/** A log with a chain and a witness that never runs by itself. */
async function rig(t: Test, channelOf?: (folder: string) => WitnessChannel) {
  const path = logFolder(t, { 'queries.jsonl': lines(record('2026-11-30T08:59:00.000Z')) })
  const folder = dirname(path)
  const authority = await startAuthority(t)
  const caFile = join(folder, 'tsa.pem')
  writeFileSync(caFile, authority.ca)
  const tsa = timeStampingChannel({ url: authority.url, caFile })
  const clock = { now: START }
  const told: { level: string; fields: LogFields }[] = []
  const at = (level: string) => (fields: LogFields) => void told.push({ level, fields })
  const log = { info: at('info'), warn: at('warn'), error: at('error') }
  const key = signKey(t)
  const chain = { ...key.options, checkpoint: 10 * MINUTE, coversLive: true }
  const stateFile = join(folder, 'state/witness.json')
  const channels = [channelOf?.(folder) ?? tsa]
  const configured = { folder, every: 10 * MINUTE, channels, stateFile }
  const open = (): ChainWitness => {
    const made = new ChainWitness(log, () => clock.now)
    made.configure(configured)
    return made
  }
  const checkpoint = async (): Promise<string> => {
    await tendOnce(path, new Date(clock.now).toISOString(), { parquet: false, chain })
    return hashLine(linesOf(path).at(-1)!)
  }
  const receipts = () => parseReceipts(readFileSync(join(folder, 'witness.jsonl'), 'utf8'))
  return {
    path,
    folder,
    authority,
    caFile,
    clock,
    told,
    witness: open(),
    open,
    configured,
    checkpoint,
    receipts
  }
}

t.test('each checkpoint is stamped once, and the response is stored', async t => {
  const { authority, clock, witness, open, checkpoint, receipts } = await rig(t)
  await witness.check()
  t.equal(authority.requests, 0, 'there is no chain yet')
  t.match(witness.status(), [{ by: 'tsa', line: null, confirmed: null, missingSince: null }])
  const first = await checkpoint()
  await witness.check()
  await witness.check()
  clock.now += 10 * MINUTE
  const second = await checkpoint()
  await witness.check()
  t.match(receipts(), [
    { n: 2, sha256: first },
    { n: 3, sha256: second, to: authority.url }
  ])
  for (const receipt of receipts()) {
    const stamp = Buffer.from('response' in receipt ? receipt.response : '', 'base64')
    t.equal(verifyTimeStamp(stamp, readCertificates(authority.ca)).sha256, receipt.sha256)
  }
  t.match(witness.status(), [{ line: 3, missingSince: null, error: null }])
  const next = open()
  await next.check()
  t.equal(authority.requests, 2, 'a restarted gateway knows')
  t.match(next.status(), [{ line: 3 }])
})

t.test('an authority that fails is retried, and health says since when', async t => {
  const { authority, clock, told, witness, open, checkpoint } = await rig(t)
  await checkpoint()
  await witness.check()
  authority.terms = { httpStatus: 503 }
  clock.now += 10 * MINUTE
  const missed = await checkpoint()
  await witness.check()
  t.match(told, [{ level: 'warn', fields: { code: 'WITNESS_FAILED' } }])
  t.match(witness.status(), [{ line: 2, missingSince: null, error: { code: 'WITNESS_FAILED' } }])
  await witness.check()
  t.equal(authority.requests, 2, 'not at once')
  clock.now += 6 * MINUTE
  t.match(witness.status(), [{ missingSince: '2026-11-30T09:00:00.000Z' }])
  authority.terms = {}
  const next = open()
  t.match(next.status(), [{ missingSince: null }], 'a gateway that has just started')
  await next.check()
  t.match(next.status(), [{ line: 3, missingSince: null, error: null }])
  t.equal(authority.requests, 3)
  t.ok(missed)
})

t.test('a reload of the settings neither clears what is late nor the last error', async t => {
  const { authority, clock, witness, configured, checkpoint } = await rig(t)
  authority.terms = { httpStatus: 503 }
  await checkpoint()
  await witness.check()
  clock.now += 16 * MINUTE
  const late = { line: null, missingSince: '2026-11-30T09:00:00.000Z' }
  t.match(witness.status(), [{ ...late, error: { code: 'WITNESS_FAILED' } }])
  const [channel] = configured.channels
  witness.configure({ ...configured, channels: [{ ...channel! }] })
  t.match(witness.status(), [{ ...late, error: { code: 'WITNESS_FAILED' } }])
  await witness.check()
  t.equal(authority.requests, 1, 'nor is it retried earlier')
  witness.configure({ ...configured, channels: [{ ...channel!, to: 'https://other.example/' }] })
  t.match(witness.status(), [{ missingSince: null, error: null }], 'another witness is new')
})

t.test('a receipt that arrives after a reload of the settings counts', async t => {
  let answer: () => void = () => undefined
  let submitted = 0
  const channel: WitnessChannel = {
    ...{ by: 'syslog', to: 'udp://192.0.2.1:514' },
    submit: () => (submitted++, new Promise(done => (answer = () => done({ by: 'syslog' }))))
  }
  const { witness, configured, checkpoint } = await rig(t, () => channel)
  await checkpoint()
  const pending = witness.check()
  witness.configure(configured)
  await witness.check()
  t.equal(submitted, 1, 'one request at a time')
  answer()
  await pending
  t.match(witness.status(), [{ line: 2 }])
})

t.test('restarts do not put off that a witness is late', async t => {
  const { authority, clock, witness, open, checkpoint } = await rig(t)
  await checkpoint()
  await witness.check()
  authority.terms = { httpStatus: 503 }
  clock.now += 60 * MINUTE
  await checkpoint()
  const next = open()
  await next.check()
  clock.now += 2 * MINUTE
  t.match(next.status(), [{ missingSince: null }], 'it may still get a receipt')
  clock.now += 1
  t.match(next.status(), [{ missingSince: '2026-11-30T09:00:00.000Z' }])
})

t.test('restarts do not put off that a witness has never confirmed anything', async t => {
  const { authority, clock, witness, open, configured, checkpoint } = await rig(t)
  authority.terms = { httpStatus: 503 }
  await checkpoint()
  await witness.check()
  await witness.keepUnconfirmed()
  let next = witness
  for (let restarts = 0; restarts < 3; restarts++) {
    clock.now += 10 * MINUTE
    next = open()
    await next.check()
    await next.keepUnconfirmed()
    t.match(next.status(), [{ missingSince: null }], 'it may still get a receipt')
  }
  clock.now += 3 * MINUTE
  t.match(next.status(), [{ line: null, missingSince: '2026-11-30T09:00:00.000Z' }])
  authority.terms = {}
  const good = open()
  await good.check()
  t.match(good.status(), [{ line: 2, missingSince: null }])
  t.strictSame(JSON.parse(readFileSync(configured.stateFile, 'utf8')), { v: 1, since: {} })
})

t.test('a witness that is configured later counts from then, whatever the state has', async t => {
  const { clock, witness, configured } = await rig(t)
  await witness.keepUnconfirmed()
  clock.now += 60 * MINUTE
  const [channel] = configured.channels
  const moved = { ...configured, channels: [{ ...channel!, to: 'https://other.example/' }] }
  witness.configure(moved)
  await witness.keepUnconfirmed()
  const since = { 'tsa https://other.example/': clock.now }
  t.strictSame(JSON.parse(readFileSync(configured.stateFile, 'utf8')), { v: 1, since })
  writeFileSync(configured.stateFile, '{"since":')
  const wall = (): number => clock.now
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const damaged = new ChainWitness(log, wall)
  damaged.configure(moved)
  clock.now += 10 * MINUTE
  t.match(damaged.status(), [{ missingSince: null }], 'a damaged state is none')
  clock.now -= 120 * MINUTE
  const back = new ChainWitness(log, wall)
  back.configure(moved)
  clock.now += 16 * MINUTE
  t.match(back.status(), [{ missingSince: String }], 'the clock was set back')
})

t.test('a state that cannot be written is logged, and known until the end', async t => {
  const { authority, clock, told, folder, witness, checkpoint, configured } = await rig(t)
  authority.terms = { httpStatus: 503 }
  await witness.keepUnconfirmed()
  const stateFile = join(folder, 'tsa.pem', 'witness.json')
  const warn = (fields: LogFields): void => void told.push({ level: 'warn', fields })
  const log = { info: () => undefined, warn, error: () => undefined }
  const other = new ChainWitness(log, () => clock.now)
  other.configure({ ...configured, stateFile })
  await other.keepUnconfirmed()
  t.match(told, [{ level: 'warn', fields: { file: stateFile } }])
  await checkpoint()
  clock.now += 16 * MINUTE
  t.match(other.status(), [{ missingSince: '2026-11-30T09:00:00.000Z' }])
})

const lies: readonly (readonly [string, object, RegExp])[] = [
  ['another digest', { sha256: '00'.repeat(32) }, /of another digest/],
  ['another nonce', { nonce: '0102' }, /of another request/],
  ['a refusal', { status: 2 }, /refused it: status 2/]
]
for (const [it, terms, why] of lies) {
  t.test(`a response with ${it} is no receipt`, async t => {
    const { authority, witness, checkpoint } = await rig(t)
    authority.terms = terms
    await checkpoint()
    await witness.check()
    const [status] = witness.status()!
    t.match(status, { line: null, error: { message: why } })
  })
}

t.test('a response that does not lead to the trusted certificate is no receipt', async t => {
  const { caFile, witness, checkpoint, open } = await rig(t)
  const { authority } = await rig(t)
  writeFileSync(caFile, authority.ca)
  await checkpoint()
  await witness.check()
  t.match(witness.status(), [{ line: null, error: { message: /not issued by an authority/ } }])
  writeFileSync(caFile, 'no certificate')
  const next = open()
  await next.check()
  t.match(next.status(), [{ error: { message: /no certificate in PEM/ } }])
})

t.test('a line that a crash has left is neither lost nor in the way', async t => {
  const { folder, clock, witness, checkpoint, receipts } = await rig(t)
  await checkpoint()
  await witness.check()
  appendFileSync(join(folder, 'witness.jsonl'), '{"v":1,"n":')
  clock.now += 10 * MINUTE
  await checkpoint()
  await witness.check()
  t.match(receipts(), [{ n: 2 }, { n: 3 }])
})

t.test('a witness that never answers holds up nothing, and gets one request at a time', async t => {
  let submitted = 0
  const channel: WitnessChannel = {
    ...{ by: 'syslog', to: 'udp://192.0.2.1:514' },
    submit: () => (submitted++, new Promise(() => undefined))
  }
  const { witness, checkpoint } = await rig(t, () => channel)
  await checkpoint()
  void witness.check()
  await witness.check()
  t.equal(submitted, 1)
})
