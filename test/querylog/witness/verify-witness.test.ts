import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { sign } from 'node:crypto'
import { generateKeys, parsePrivateKey, readPublicKey } from '../../../src/base/files/ed25519.js'
import { countersignedOctets } from '../../../src/lookups/witness/countersignature.js'
import { verifyWitness } from '../../../src/lookups/witness/verify-witness.js'
import { messageOf } from '../../../src/lookups/witness/external-receipts.js'
import { hashLine } from '../../../src/lookups/chain/chain-entry.js'
import { linesOf } from '../archive/chain/rig.js'
import { makeAuthority, makeTimeStamp } from '../../pki/time-stamps.js'
import { MINUTE, witnessedLog } from './witnessed-log.js'

const iso = (at: number): string => new Date(at).toISOString()

t.test('with a witness every ten minutes, no more than ten minutes could be rewritten', async t => {
  const { verify, now, began } = await witnessedLog(t, 3)
  const { proven, witness } = await verify()
  t.equal(proven, true)
  t.match(witness, { confirmed: 18, contradicted: [], unverified: 0, gaps: [], conversions: 0 })
  t.match(witness, { line: 19, last: iso(now - 2_000), first: iso(began + 10 * MINUTE + 3_000) })
  t.equal(witness.longest, 603)
})

t.test(
  'a month forged with the key of the chain is found: the stamps are of other lines',
  async t => {
    const { verify, forge, path } = await witnessedLog(t, 3)
    forge()
    t.match(readFileSync(path, 'utf8'), /"forwarded"/)
    const { proven, breaks, witness } = await verify()
    t.equal(proven, false)
    t.equal(breaks.length, 18, 'nothing else is wrong with it')
    t.match(breaks[0], { kind: 'forged', at: 'chain.jsonl:2' })
    t.match(witness, { confirmed: 0, contradicted: { length: 18 } })
  }
)

t.test('receipts altered to fit a forged chain still belong to other lines', async t => {
  const { verify, forge, path, witnessPath } = await witnessedLog(t, 1)
  forge()
  const all = linesOf(path)
  const fitted = readFileSync(witnessPath, 'utf8')
    .trim()
    .split('\n')
    .map(text => {
      const receipt = JSON.parse(text) as { n: number }
      return JSON.stringify({ ...receipt, sha256: hashLine(all[receipt.n - 1]!) })
    })
  writeFileSync(witnessPath, `${fitted.join('\n')}\n`)
  t.match(await verify(), { proven: false, witness: { confirmed: 0, contradicted: { length: 6 } } })
})

t.test(
  'a forged chain without its stamps is not witnessed, and with new ones only since then',
  async t => {
    const { verify, forge, dropReceipts, restamp, began, now } = await witnessedLog(t, 3)
    forge()
    dropReceipts()
    const unwitnessed = await verify()
    t.match(unwitnessed.witness, { confirmed: 0, gaps: [{ from: iso(began + 10 * MINUTE) }] })
    t.notOk('last' in unwitnessed.witness)
    restamp(now)
    const late = await verify()
    const [gap] = late.witness.gaps
    t.match(late, { proven: true, witness: { confirmed: 18 } })
    t.same(gap, { from: iso(began + 10 * MINUTE), until: iso(Math.floor(now / 1000) * 1000) })
  }
)

t.test(
  'a witness that was away leaves a gap, and the time since the last stamp counts',
  async t => {
    const { verify, witnessPath, began, now } = await witnessedLog(t, 3)
    const receipts = readFileSync(witnessPath, 'utf8').trim().split('\n')
    receipts.splice(5, 4)
    writeFileSync(witnessPath, `${receipts.join('\n')}\n`)
    const gone = { from: iso(began + 50 * MINUTE), until: iso(began + 100 * MINUTE + 3_000) }
    t.match((await verify()).witness, { gaps: [gone], longest: 3003 })
    const later = await verify(undefined, now + 30 * MINUTE)
    t.match(later.witness.gaps, [gone, { from: iso(began + 180 * MINUTE) }])
    t.notOk('until' in later.witness.gaps[1]!)
  }
)

t.test('a stamp of another authority proves nothing', async t => {
  const { verify, witnessPath, path, now } = await witnessedLog(t, 1)
  const sha256 = hashLine(linesOf(path).at(-1)!)
  const response = makeTimeStamp(makeAuthority(), sha256, { time: new Date(now) })
  const own = { v: 1, n: 7, sha256, time: iso(now), to: 'x', by: 'tsa' }
  writeFileSync(witnessPath, JSON.stringify({ ...own, response: response.toString('base64') }))
  const { proven, witness } = await verify()
  t.match(witness, { confirmed: 0, unverified: 1, why: /not issued by an authority/ })
  t.equal(proven, true)
})

t.test(
  'what an auditor has elsewhere is compared: a stamp, receipts, or lines of a log',
  async t => {
    const { verify, witnessPath, dropReceipts, forge, path, authority, now } = await witnessedLog(
      t,
      1
    )
    const receipts = readFileSync(witnessPath)
    const all = linesOf(path)
    const message = all.slice(1).map((line, i) => {
      const { time } = JSON.parse(line) as { time: string }
      const received = iso(Date.parse(time) + 1000)
      return `${received} gw interdict: ${messageOf(i + 2, hashLine(line), time)}\n`
    })
    const log = Buffer.from(`other line\n${message.join('')}`)
    const stamp = makeTimeStamp(authority, hashLine(all.at(-1)!), { time: new Date(now) })
    dropReceipts()
    t.match((await verify(receipts)).witness, { confirmed: 6, gaps: [], longest: 603 })
    t.match((await verify(log)).witness, { confirmed: 6, gaps: [], longest: 601 })
    t.match((await verify(stamp)).witness, { confirmed: 1, line: 7 })
    forge()
    for (const held of [receipts, log, stamp])
      t.match(await verify(held), { proven: false, breaks: [{ kind: 'forged' }] })
  }
)

t.test('countersignatures of the hub are verified with its key', async t => {
  const { verify, dropReceipts, witnessPath, path, folder, now } = await witnessedLog(t, 1)
  dropReceipts()
  const { privatePem, publicKey } = generateKeys()
  const key = parsePrivateKey(Buffer.from(privatePem))
  const receipts = linesOf(path).flatMap((text, i) => {
    const [n, sha256] = [i + 1, hashLine(text)]
    const at = iso(Date.parse((JSON.parse(text) as { time: string }).time) + 1000)
    const octets = countersignedOctets('gw', { n, sha256 }, at)
    const signature = sign(null, octets, key).toString('base64')
    return { v: 1, n, sha256, time: at, to: 'hub', by: 'hub', gateway: 'gw', at, signature }
  })
  const write = (all: readonly object[]): void =>
    writeFileSync(witnessPath, all.map(one => `${JSON.stringify(one)}\n`).join(''))
  const byHub = () => {
    const hubKeys = [readPublicKey(publicKey)!]
    return verifyWitness(folder, { authorities: undefined, hubKeys, held: [], now })
  }
  write(receipts)
  t.match(byHub(), { confirmed: 7, contradicted: [], gaps: [], line: 7 })
  t.match((await verify()).witness, { unverified: 7, why: /key of the hub is not known/ })
  write(receipts.map(one => ({ ...one, sha256: 'ab'.repeat(32) })))
  t.match(byHub(), { confirmed: 0, unverified: 7, why: /the hub has not signed line 1/ })
})

t.test('a chain that was cut lacks lines that a witness has', async t => {
  const { verify, path } = await witnessedLog(t, 1)
  const all = linesOf(path)
  writeFileSync(path.replace('queries', 'chain'), `${all.slice(0, 4).join('\n')}\n`)
  const { proven, breaks } = await verify()
  t.equal(proven, false)
  t.match(breaks, [{ kind: 'forged', at: 'chain.jsonl:5' }])
})
