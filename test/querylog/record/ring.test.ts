import t from 'tap'
import {
  DNSSEC_VERDICT,
  MATCH,
  NO_RCODE,
  PROTOCOL,
  QueryEvent,
  VERDICT
} from '../../../src/lookups/event/query-event.js'
import { createRing, RingReader, RingWriter } from '../../../src/lookups/event/ring.js'
import { eventOf } from './events.js'

/** Reads all available events. */
function readAll(reader: RingReader): QueryEvent[] {
  const events: QueryEvent[] = []
  reader.refresh()
  for (let event = new QueryEvent(); reader.next(event); event = new QueryEvent()) {
    event.qname = event.qname.slice(0, event.qnameLength)
    events.push(event)
  }
  return events
}

/** An event that can be told from its neighbours, with a name of varying length. */
const numbered = (i: number) => eventOf({ entry: i, labels: ['x'.repeat(1 + (i % 63)), `n${i}`] })

t.test('transfers every field', async t => {
  const memory = createRing(4096)
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
  const extremes = {
    ...{ time: 8.64e15, generation: 2 ** 31 - 1, clientClass: 2 ** 31 - 1, qtype: 0xffff },
    ...{ rcode: NO_RCODE, verdict: VERDICT.failed, match: MATCH.address, protocol: PROTOCOL.tcp },
    ...{ claim: 2 ** 31 - 1, entry: 2 ** 31 - 1, upstream: 2 ** 31 - 1, ede: 0xffff }
  }
  const events = [
    eventOf({}),
    eventOf({
      ...extremes,
      latency: 0xffffffff,
      client: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
    }),
    eventOf({
      addressClass: 2 ** 31 - 1,
      device: Uint8Array.from(Buffer.from('phones/17')),
      protocol: PROTOCOL.doh
    }),
    eventOf({ addressClass: 1, labels: [] }),
    eventOf({
      device: Uint8Array.from(Buffer.from('phones/17')),
      dnssec: DNSSEC_VERDICT.indeterminate,
      dnssecReason: new Uint8Array(255).fill(7)
    }),
    eventOf({ labels: [] }),
    eventOf({ labels: ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61)] })
  ]
  for (const event of events) t.equal(writer.push(event), true)
  writer.commit()
  for (const event of events) event.qname = event.qname.slice(0, event.qnameLength)
  t.strictSame(readAll(reader), events)
})

t.test('limits a duration to the maximum', async t => {
  const memory = createRing(4096)
  const writer = new RingWriter(memory)
  writer.push(eventOf({ latency: 2 ** 40 }))
  writer.commit()
  t.equal(readAll(new RingReader(memory))[0]?.latency, 0xffffffff)
})

t.test('shows nothing before it is committed', async t => {
  const memory = createRing(4096)
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
  writer.push(numbered(1))
  t.equal(readAll(reader).length, 0)
  writer.commit()
  t.equal(readAll(reader).length, 1)
})

t.test('wraps many times without loss, at every alignment of the end', async t => {
  const memory = createRing(4096)
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
  const shown = ({ entry: record, addressClass, qname, qnameLength, device }: QueryEvent) =>
    `${record} ${addressClass} ${Buffer.from(qname.subarray(0, qnameLength)).toString()} ${Buffer.from(device).toString()}`
  const pushed: string[] = []
  const read: string[] = []
  for (let i = 0; i < 5000; i++) {
    const event = numbered(i)
    event.device = Buffer.from('device'.repeat(i % 4))
    event.addressClass = i % 3
    if (writer.push(event)) pushed.push(shown(event))
    if (i % 10 < 9) continue
    writer.commit()
    read.push(...readAll(reader).map(shown))
  }
  t.equal(pushed.length, 5000)
  t.strictSame(read, pushed)
})

t.test('drops and counts when full, and continues once there is space', async t => {
  const memory = createRing(4096)
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
  let held = 0
  while (writer.push(numbered(held))) held++
  t.ok(held > 20 && held < 64, 'a full ring holds what its size says')
  t.equal(writer.push(numbered(0)), false)
  const fill = reader.refresh()
  t.ok(fill > 0.9 && fill <= 1, 'it is seen to be full, though nobody committed')
  t.strictSame([reader.pushed, reader.dropped], [held, 2])
  t.strictSame(
    readAll(reader).map(({ entry: record }) => record),
    Array.from({ length: held }, (_, i) => i)
  )
  t.equal(writer.push(numbered(77)), true)
  writer.commit()
  t.strictSame(
    readAll(reader).map(({ entry: record }) => record),
    [77]
  )
  t.equal(reader.refresh(), 0)
})

t.test('positions and counters wrap at 32 bits', async t => {
  const memory = createRing(4096)
  const words = new Int32Array(memory)
  // Head and tail 120 octets before the wrap of the counter; the counts one before theirs.
  words[0] = words[16] = -120
  words[17] = words[18] = -1
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)]
  for (let i = 0; i < 5; i++) t.equal(writer.push(numbered(i)), true)
  writer.commit()
  t.strictSame(
    readAll(reader).map(({ entry: record }) => record),
    [0, 1, 2, 3, 4]
  )
  t.equal(reader.pushed, 2 ** 32 + 4)
  while (writer.push(numbered(0)));
  reader.refresh()
  t.equal(reader.dropped, 2 ** 32)
})

t.test('a new writer continues where a dead one stopped', async t => {
  const memory = createRing(4096)
  const first = new RingWriter(memory)
  first.push(numbered(1))
  first.commit()
  first.push(numbered(2)) // dies before it commits
  const second = new RingWriter(memory)
  second.push(numbered(3))
  second.commit()
  const reader = new RingReader(memory)
  t.strictSame(
    readAll(reader).map(({ entry: record }) => record),
    [1, 3]
  )
  t.equal(reader.pushed, 2)
})

for (const octets of [0, 2048, 5000, 4096.5, 2 ** 31, NaN]) {
  t.test(`rejects a size of ${octets}`, async t =>
    t.throws(() => createRing(octets), { code: 'LOG_RING_SIZE' })
  )
}
