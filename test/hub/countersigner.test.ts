import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readPublicKey } from '../../src/base/files/ed25519.js'
import { Countersigner } from '../../src/fleet/hub/countersigner.js'
import type { CountersignReply } from '../../src/fleet/channel/wire.js'
import { isCountersigned } from '../../src/lookups/witness/countersignature.js'
import { hubChannel } from '../../src/lookups/witness/hub-channel.js'
import { parseReceipts } from '../../src/lookups/witness/receipts.js'
import { MemoryLog } from '../daemon/serve.js'
import { Site } from '../daemon/site.js'
import { FakeTime } from '../upstream/fake-time.js'

const LINE = { n: 17, sha256: 'ab'.repeat(32) }
const CHECKPOINT = { ...LINE, time: '2026-11-30T10:00:00.000Z' }

function rig(t: Test) {
  const { folder } = new Site(t, {})
  const time = new FakeTime()
  const log = new MemoryLog()
  const open = (): Countersigner => new Countersigner(folder, log, time.clock)
  const ask = (signer: Countersigner, gateway: string, request: object): CountersignReply => {
    const reply = signer.countersign(gateway, Buffer.from(JSON.stringify(request)))
    return JSON.parse(Buffer.from(reply).toString()) as CountersignReply
  }
  return { folder, time, log, open, ask }
}

t.test('the hub signs a line of a chain with its time, and keeps a copy', async t => {
  const { folder, open, ask } = rig(t)
  const signer = open()
  const reply = ask(signer, 'gw', LINE)
  if ('error' in reply) throw new Error(reply.error)
  const key = readPublicKey(signer.publicKey)!
  t.ok(isCountersigned('gw', LINE, reply, key))
  t.notOk(isCountersigned('other', LINE, reply, key), 'of that gateway')
  t.notOk(isCountersigned('gw', { ...LINE, n: 18 }, reply, key), 'that line')
  t.notOk(isCountersigned('gw', LINE, { ...reply, at: CHECKPOINT.time }, key), 'at that time')
  const kept = parseReceipts(readFileSync(join(folder, 'witness/gw.jsonl'), 'utf8'))
  t.strictSame(kept, [
    { v: 1, ...LINE, time: reply.at, to: 'gw', by: 'hub', gateway: 'gw', ...reply }
  ])
  t.equal(open().publicKey, signer.publicKey, 'the key stays')
  t.equal(readFileSync(join(folder, 'witness.pub'), 'utf8'), `${signer.publicKey}\n`)
  t.equal(statSync(join(folder, 'witness.pem')).mode & 0o777, 0o600)
})

t.test('invalid, excess or unstorable lines are not signed', async t => {
  const { folder, time, log, open, ask } = rig(t)
  const signer = open()
  t.match(ask(signer, '../gw', LINE), { error: 'invalid request' })
  t.match(ask(signer, 'gw', { ...LINE, sha256: 'x' }), { error: 'invalid request' })
  t.match(ask(signer, 'gw', { ...LINE, more: 1 }), { error: 'invalid request' })
  t.match(ask(signer, 'gw', LINE), { signature: String })
  t.match(ask(signer, 'gw', { ...LINE, n: 18 }), { error: 'too many requests' })
  t.match(ask(signer, 'other', LINE), { signature: String })
  time.advance(5_000)
  t.match(ask(signer, 'gw', { ...LINE, n: 18 }), { signature: String })
  mkdirSync(join(folder, 'witness/third.jsonl'))
  t.match(ask(signer, 'third', LINE), { error: 'the hub cannot store it' })
  t.match(log.lines, [{ level: 'error', fields: { code: 'HUB_STATE' } }])
  writeFileSync(join(folder, 'witness.pem'), 'no key')
  t.throws(open, { code: 'HUB_STATE' })
})

t.test('a gateway takes the signature of its hub only', async t => {
  const { open, ask } = rig(t)
  const signer = open()
  const { open: openOther } = rig(t)
  const other = openOther()
  const through = (from: Countersigner) =>
    hubChannel(
      'gw',
      () => [signer.publicKey],
      line => {
        const reply = ask(from, 'gw', { n: line.n, sha256: line.sha256 })
        return 'error' in reply ? Promise.reject(new Error(reply.error)) : Promise.resolve(reply)
      }
    )
  t.match(await through(signer).submit(CHECKPOINT), { by: 'hub', gateway: 'gw' })
  await t.rejects(through(other).submit(CHECKPOINT), /signed with another key/)
})
