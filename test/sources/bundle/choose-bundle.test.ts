import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../../src/base/files/ed25519.js'
import { AcceptedBundles } from '../../../src/sources/bundle/accepted-bundles.js'
import { encodeBundle } from '../../../src/sources/bundle/bundle.js'
import { chooseBundle } from '../../../src/sources/bundle/choose-bundle.js'
import { withSignature } from '../../../src/sources/bundle/signatures.js'

const { privatePem, publicKey } = generateKeys()
const key = createPrivateKey(privatePem)
const DAY = 86_400
/** 2026-03-01 */
const NOW = 1_772_323_200

/** A gateway's state, and what it does with what is offered. */
function place(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-choose-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = {
    path: join(folder, 'rules.bundle'),
    trust: { keys: [publicKey], keyFiles: [], signatures: 1 },
    storeFolder: join(folder, 'state'),
    copies: join(folder, 'lists')
  }
  const store = new AcceptedBundles(at.storeFolder)
  const offer = async (serial: number, created: number, expires: number, text = 'x') => {
    const content = new Map([['networks.yaml', Buffer.from(text)]])
    const making = { serial, created: NOW + created * DAY, expires: NOW + expires * DAY }
    writeFileSync(at.path, await encodeBundle(content, { ...making, keys: [key] }))
  }
  /** What is in force then, and why the one that is offered is not. */
  const choose = async (days: number): Promise<[serial: number | undefined, why: string[]]> => {
    const { candidates, refused } = await chooseBundle(at, NOW + days * DAY)
    await candidates[0]?.accept()
    return [candidates[0]?.files.bundle?.serial, refused.map(({ code }) => code)]
  }
  return { at, store, offer, choose }
}

t.test('a clock that is set back makes no old bundle valid', async t => {
  const { offer, choose } = place(t)
  await offer(7, -1, 90)
  t.strictSame(await choose(0), [7, []])
  await offer(8, -200, -100)
  t.strictSame(await choose(0), [7, ['BUNDLE_EXPIRED']])
  t.strictSame(await choose(-150), [7, ['BUNDLE_EXPIRED']], 'though the clock is before its end')
})

t.test('an active bundle that expires stays active, and the same file is not news', async t => {
  const { offer, choose, at } = place(t)
  await offer(7, -1, 90)
  await choose(0)
  t.strictSame(await choose(1000), [7, []])
  rmSync(at.path)
  t.strictSame(await choose(1000), [7, ['BUNDLE_UNREADABLE']])
})

t.test('a future bundle is accepted at its time, with five minutes of tolerance', async t => {
  const { offer, choose } = place(t)
  await offer(7, 1, 90)
  t.strictSame(await choose(0), [undefined, ['BUNDLE_EARLY']])
  t.strictSame(await choose(1 - 299 / DAY), [7, []])
})

t.test('the last ten are stored, and their serials are never accepted again', async t => {
  const { offer, choose, at } = place(t)
  for (let serial = 1; serial <= 12; serial++) {
    await offer(serial, -1, 90, `${serial}`)
    t.strictSame(await choose(0), [serial, []])
  }
  const kept = Array.from({ length: 10 }, (_, i) => `${i + 3}.bundle`)
  t.strictSame(readdirSync(at.storeFolder).sort(), ['accepted.json', ...kept].sort())
  await offer(11, -1, 90, '11')
  t.strictSame(await choose(0), [12, ['BUNDLE_OLDER']])
  await offer(12, -1, 90, 'other')
  t.strictSame(await choose(0), [12, ['BUNDLE_OTHER']])
})

t.test('a bundle rolled back from is not accepted again; a higher serial is', async t => {
  const { offer, choose, store } = place(t)
  for (const serial of [7, 8]) {
    await offer(serial, -1, 90, `${serial}`)
    await choose(0)
  }
  const rollback = { from: 8, to: 7, by: 'ops', at: '2026-03-01T00:00:00Z' }
  store.rollBack(store.read()!, rollback)
  t.strictSame(await choose(0), [7, []])
  t.strictSame(store.read()?.newest.serial, 8)
  await offer(7, -1, 90, '7')
  t.strictSame(await choose(0), [7, []], 'the active file is not an older one')
  await offer(9, -1, 90, '9')
  t.strictSame(await choose(0), [9, []])
  t.equal(store.read()?.rollback, undefined)
})

t.test('a damaged or replaced stored bundle is not activated', async t => {
  const { offer, choose, at, store } = place(t)
  await offer(7, -1, 90)
  await choose(0)
  const octets = readFileSync(store.pathOf(7))
  rmSync(store.pathOf(7))
  t.strictSame(await choose(0), [7, []])
  t.same(readFileSync(store.pathOf(7)), octets, 'it is kept again')
  rmSync(at.path)
  writeFileSync(store.pathOf(7), octets.subarray(0, -1))
  t.strictSame(await choose(0), [undefined, ['BUNDLE_UNREADABLE', 'BUNDLE_BROKEN']])
  await offer(8, -1, 90)
  writeFileSync(store.pathOf(7), readFileSync(at.path))
  rmSync(at.path)
  t.strictSame(await choose(0), [undefined, ['BUNDLE_UNREADABLE', 'BUNDLE_STATE']])
})

t.test('a bundle signed by another key since is stored with that signature', async t => {
  const { offer, choose, at } = place(t)
  const next = generateKeys()
  await offer(7, -1, 90)
  await choose(0)
  const signed = withSignature(readFileSync(at.path), '', createPrivateKey(next.privatePem))
  writeFileSync(at.path, signed)
  t.strictSame(await choose(0), [7, []])
  rmSync(at.path)
  at.trust.keys = [next.publicKey]
  t.strictSame(await choose(0), [7, ['BUNDLE_UNREADABLE']], 'the first key is gone')
})

t.test('a change made in the meantime is not overwritten', async t => {
  const { offer, choose, at, store } = place(t)
  for (const serial of [7, 8]) {
    await offer(serial, -1, 90, `${serial}`)
    await choose(0)
  }
  const seen = store.read()!
  const rollback = { from: 8, to: 7, by: 'ops', at: '2026-03-01T00:00:00Z' }
  await offer(9, -1, 90, '9')
  const { candidates } = await chooseBundle(at, NOW)
  store.rollBack(seen, rollback)
  await t.rejects(candidates[0]!.accept(), { code: 'BUNDLE_STATE' }, 'somebody went back meanwhile')
  t.match(store.read(), { inForce: 7, newest: { serial: 8 } })
  t.strictSame(await choose(0), [9, []], 'the next time it is taken')
  t.throws(() => store.rollBack(seen, rollback), { code: 'BUNDLE_STATE' })
  t.match(store.read(), { inForce: 9, newest: { serial: 9 } })
})

t.test('a pipe instead of the bundle is rejected without blocking', async t => {
  const { offer, choose, at } = place(t)
  await offer(7, -1, 90)
  await choose(0)
  rmSync(at.path)
  execFileSync('mkfifo', [at.path])
  t.strictSame(await choose(0), [7, ['BUNDLE_UNREADABLE']])
})

t.test('a serial that would lock out all later ones is refused', async t => {
  const { offer, choose } = place(t)
  const tomorrow = NOW + DAY
  await offer(Number.MAX_SAFE_INTEGER, -1, 90)
  t.strictSame(await choose(0), [undefined, ['BUNDLE_SERIAL']])
  await offer(tomorrow, -1, 90)
  t.strictSame(await choose(0), [tomorrow, []])
  await offer(tomorrow + 1001, -1, 90)
  t.strictSame(await choose(0), [tomorrow, ['BUNDLE_SERIAL']])
  await offer(tomorrow + 1000, -1, 90)
  t.strictSame(await choose(0), [tomorrow + 1000, []], 'those who count up may skip some')
})
