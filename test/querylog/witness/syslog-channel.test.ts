import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { readHeldReceipts } from '../../../src/lookups/witness/external-receipts.js'
import { witnessOptionsOf } from '../../../src/lookups/witness/witness-options.js'
import { until } from '../../upstream/tls-rig.js'
import { Sink } from '../export/sinks.js'

const CHECKPOINT = { n: 17, sha256: 'ab'.repeat(32), time: '2026-11-30T10:00:00.000Z' }

/** The channel of settings that send checkpoints to an address. */
function channelTo(to: string) {
  const text = `log: { queries: { chain: { sign-key: k.pem }, witness: { syslog: { to: "${to}" } } } }`
  const read = readConfig(text, '/etc/interdict/interdict.yaml')
  if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join())
  return witnessOptionsOf(read.config.log.queries, '')!.channels[0]!
}

const MESSAGE =
  /<133>1 \S+Z \S+ interdict \d+ chain - interdict-chain line=17 sha256=(ab){32} time=2026-11-30T10:00:00\.000Z$/

t.test('a checkpoint is one datagram', async t => {
  const receiver = createSocket('udp4')
  t.teardown(() => receiver.close())
  receiver.bind(0, '127.0.0.1')
  await once(receiver, 'listening')
  const channel = channelTo(`udp://127.0.0.1:${receiver.address().port}`)
  const received = once(receiver, 'message') as Promise<[Buffer]>
  t.strictSame(await channel.submit(CHECKPOINT), { by: 'syslog' })
  const [message] = await received
  t.match(message.toString(), MESSAGE)
  const at = '2026-11-30T10:00:07+00:00'
  const held = readHeldReceipts(Buffer.from(`${at} gw ${message.toString()}\n`))
  t.match(held, [{ kind: 'message', n: 17, at: Date.parse(at) }], 'by the clock of the recipient')
})

t.test('over TCP its length comes first, and a server that is down is an error', async t => {
  const sink = await new Sink(t).listen()
  const channel = channelTo(`tcp://127.0.0.1:${sink.port}`)
  t.equal(channel.to, `tcp://127.0.0.1:${sink.port}`)
  await channel.submit(CHECKPOINT)
  await until(() => sink.all !== '')
  t.match(sink.all, MESSAGE)
  const [length] = /^\d+/.exec(sink.all)!
  t.equal(sink.all.length, length.length + 1 + Number(length))
  await sink.close()
  await t.rejects(channel.submit(CHECKPOINT), /ECONNREFUSED/)
})
