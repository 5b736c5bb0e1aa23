import t from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import type {
  BatchHandler,
  DatagramBatch,
  Endpoint,
  Transport,
  UpstreamSocket
} from '../../src/wire/sockets/datagram.js'
import { good, silent } from './bad-upstream.js'
import type { FakeTime } from './fake-time.js'
import { markOf } from './messages.js'
import { messageOf, rig, settled } from './rig.js'

/*
 * The clock of these tests stands still unless it is advanced: what happens without that is caused by
 * ICMP, not by timeouts.
 */

const batch = batchTransport()
const real = typeof batch === 'string' ? undefined : batch
const skip = real === undefined && 'what ICMP says is not heard here'

for (const count of [1, 2, 3]) {
  t.test(
    `fails with EDE 23 when ${count} of ${count} refuse, retries included`,
    { skip },
    async t => {
      const nowhere = Array.from({ length: count }, () => silent)
      const { ask, upstreams, forwarder, time } = await rig(t, nowhere, { transport: real! })
      for (const upstream of upstreams) await upstream.kill()
      const outcome = await inTime(time, ask('www.example.com'))
      t.match(outcome, { kind: 'failure', ede: 23 })
      const { counts } = forwarder
      t.ok(counts.queries >= 2 * count, 'each more than once')
      t.equal(counts.undelivered, counts.queries)
      t.match(counts, { timeouts: 0, mismatches: 0 })
      t.equal(forwarder.inFlight, 0)
    }
  )
}

t.test('an upstream that restarts is retried', { skip }, async t => {
  const { ask, upstreams, forwarder, time, health } = await rig(t, [good(1)], { transport: real! })
  await upstreams[0]!.kill()
  const outcomes = Array.from({ length: 50 }, (_, n) => ask(`n${n}.example`))
  while (forwarder.counts.undelivered < 50) await settled()
  t.equal(forwarder.inFlight, 50)
  await upstreams[0]!.revive()
  time.advance(820)
  for (const outcome of await Promise.all(outcomes)) t.match(outcome, { kind: 'response' })
  t.match(forwarder.counts, { queries: 100, timeouts: 0 })
  t.strictSame(health, [], 'those refused together count as one failure')
})

t.test('fails with EDE 23 when the operating system cannot send', { skip }, async t => {
  // The broadcast address, which needs SO_BROADCAST: socket(7).
  const others = [{ address: '255.255.255.255', port: 53 }]
  const { ask, time } = await rig(t, [], { transport: real!, others })
  t.match(await inTime(time, ask('www.example.com')), { kind: 'failure', ede: 23 })
})

t.test('fails over at once when an upstream refuses', { skip }, async t => {
  const { ask, upstreams, forwarder } = await rig(t, [silent, good(2)], { transport: real! })
  await upstreams[0]!.kill()
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(`n${n}.example`)))
  for (const outcome of outcomes) {
    t.match(outcome, { kind: 'response', upstream: 1, took: 0 })
    t.equal(markOf(messageOf(outcome)), 2)
  }
  t.match(forwarder.counts, { timeouts: 0, responses: 100 })
})

t.test('a down upstream fails at once, and is up again when it answers', { skip }, async t => {
  const { ask, upstreams, health, time } = await rig(t, [good(1)], { transport: real! })
  await upstreams[0]!.kill()
  t.match(await inTime(time, ask('www.example')), { kind: 'failure', ede: 23 })
  t.strictSame(health, ['down 0'])
  t.match(await ask('n2.example'), { kind: 'failure', ede: 23, took: 0 })
  await upstreams[0]!.revive()
  t.match(await ask('n3.example'), { kind: 'response' })
  t.strictSame(health, ['down 0', 'up 0'])
})

t.test('an upstream that refuses is not retried, one that times out is', { skip }, async t => {
  const { ask, upstreams, time, forwarder } = await rig(t, [silent, silent], { transport: real! })
  const [refuser, sleeper] = [upstreams[0]!, upstreams[1]!]
  await refuser.kill()
  const outcome = ask('www.example.com')
  await sleeper.sees(1)
  sleeper.behaviour = good(2)
  time.advance(820)
  t.equal(markOf(messageOf(await outcome)), 2)
  t.match(forwarder.counts, { queries: 3, undelivered: 1, timeouts: 1 })
})

/** A network under a test's control: it keeps what is sent, and the test reports ICMP messages. */
class ByHand implements Transport {
  readonly kind = 'batch'
  readonly sharesPorts = false
  readonly sent: Uint8Array[] = []
  private undelivered: BatchHandler = () => undefined

  open(_: 4 | 6, __: BatchHandler, undelivered?: BatchHandler): UpstreamSocket {
    this.undelivered = undelivered!
    return {
      send: (octets, start, end) => void this.sent.push(octets.slice(start, end)),
      local: { address: '0.0.0.0', port: 4711 },
      close: () => undefined
    }
  }

  /** Reports ICMP that quotes these octets of a query to 192.0.2.`host`. */
  reportError(quote: Uint8Array, host = 1, port = 53): void {
    const batch: DatagramBatch = {
      octets: Uint8Array.from([0xff, ...quote]),
      starts: Uint32Array.of(1),
      lengths: Uint32Array.of(quote.length),
      replies: Uint32Array.of(0),
      peers: Uint32Array.of(0, 0, 0xffff, 0xc0000200 + host),
      ports: Uint16Array.of(port),
      count: 1,
      replyAddress: () => ({})
    }
    this.undelivered(batch)
  }

  bind = (): Promise<never> => Promise.reject(new Error('not used'))
  tcpListen = (): Promise<never> => Promise.reject(new Error('not used'))
  probe = (): Promise<void> => Promise.resolve()
  peer = (endpoint: Endpoint): object => endpoint
}

const ONE = { address: '192.0.2.1', port: 53 }
const OTHER = { address: '192.0.2.2', port: 53 }
/** One socket, so that ICMP is about the last query. */
const limits = { sockets: 1 }

const flipped = (octets: Uint8Array, at: number, bits = 1): Uint8Array => {
  const copy = octets.slice()
  copy[at]! ^= bits
  return copy
}

const forgeries: {
  it: string
  forge: (network: ByHand, query: Uint8Array) => void
  mismatches?: number
}[] = [
  { it: 'another ID', forge: (network, query) => network.reportError(flipped(query, 1)) },
  { it: 'another address', forge: (network, query) => network.reportError(query, 3) },
  { it: 'another port', forge: (network, query) => network.reportError(query, 1, 5353) },
  { it: 'another QNAME', forge: (network, query) => network.reportError(flipped(query, 14)) },
  {
    it: 'QNAME in another case',
    forge: (network, query) => network.reportError(flipped(query, 14, 32))
  },
  { it: 'another QTYPE', forge: (network, query) => network.reportError(flipped(query, 30)) },
  { it: 'a response', forge: (network, query) => network.reportError(flipped(query, 2, 0x80)) },
  {
    it: 'less than the question',
    forge: (network, query) => network.reportError(query.slice(0, 32))
  },
  { it: 'less than an ID', forge: (network, query) => network.reportError(query.slice(0, 1)) },
  {
    it: 'nothing, as RFC 792 allows',
    forge: (network, query) => network.reportError(query.slice(0, 0)),
    mismatches: 0
  }
]

for (const { it, forge, mismatches = 1 } of forgeries) {
  t.test(`ICMP that quotes ${it} changes nothing`, async t => {
    const network = new ByHand()
    const { ask, forwarder } = await rig(t, [], { transport: network, others: [ONE], limits })
    void ask('www.example.com')
    const [query] = network.sent
    forge(network, query!)
    await settled()
    t.match(forwarder, { inFlight: 1, counts: { undelivered: 0, mismatches, movedToTcp: 0 } })
    // The question ends after octet 32; the rest may be cut off on the way.
    network.reportError(query!.slice(0, 33))
    t.match(forwarder.counts, { undelivered: 1, mismatches })
  })
}

t.test('a flood of spoofed ICMP moves no query to TCP', async t => {
  const network = new ByHand()
  const { ask, forwarder } = await rig(t, [], { transport: network, others: [ONE], limits })
  void ask('www.example.com')
  for (let n = 0; n < 1000; n++) network.reportError(flipped(network.sent[0]!, 14))
  await settled()
  t.match(forwarder.counts, { queries: 1, movedToTcp: 0, mismatches: 1000 })
})

t.test('ICMP ends an attempt once, and no other', async t => {
  const network = new ByHand()
  const others = [ONE, OTHER]
  const { ask, forwarder } = await rig(t, [], { transport: network, others, limits })
  void ask('www.example.com')
  network.reportError(network.sent[0]!)
  network.reportError(network.sent[0]!)
  await settled()
  t.equal(network.sent.length, 2)
  network.reportError(network.sent[0]!, 2)
  await settled()
  t.match(forwarder, { inFlight: 1, counts: { undelivered: 1, mismatches: 2 } })
  network.reportError(network.sent[1]!, 2)
  t.match(forwarder.counts, { undelivered: 2, mismatches: 2 })
})

t.test('ICMP that quotes several queries ends all of the segmented send', async t => {
  const network = new ByHand()
  const { ask, forwarder, time } = await rig(t, [], { transport: network, others: [ONE], limits })
  for (let n = 0; n < 3; n++) void ask(`n${n}.example.com`)
  time.advance(2)
  void ask('later.example.com')
  t.equal(network.sent.length, 4)
  network.reportError(Buffer.concat([network.sent[1]!, network.sent[0]!.subarray(0, 20)]))
  t.match(forwarder, { inFlight: 4, counts: { undelivered: 3, mismatches: 0 } })
  network.reportError(network.sent[3]!)
  t.match(forwarder.counts, { undelivered: 4, mismatches: 0 })
})

t.test('ICMP after the timeout still turns it into a network error', async t => {
  const network = new ByHand()
  const { ask, time } = await rig(t, [], { transport: network, others: [ONE], limits })
  const outcome = ask('www.example.com')
  time.advance(820)
  time.advance(820)
  t.equal(network.sent.length, 3)
  // The kernel sends three ARP requests, a second apart: arp(7).
  for (const query of network.sent) network.reportError(query)
  for (let reported = 3; reported < 8; reported++) {
    await settled()
    time.advance(820)
    for (const query of network.sent.slice(reported)) network.reportError(query)
  }
  t.match(await outcome, { kind: 'failure', ede: 23 })
})

t.test('a refused probe ends, and the next one detects the return', { skip }, async t => {
  const { ask, upstreams, health, time, forwarder } = await rig(t, [good(1)], { transport: real! })
  await upstreams[0]!.kill()
  t.match(await inTime(time, ask('www.example.com')), { kind: 'failure', ede: 23 })
  const { undelivered } = forwarder.counts
  for (let step = 0; step < 40; step++) {
    time.advance(500)
    await settled()
  }
  t.ok(forwarder.counts.undelivered > undelivered, 'probes were refused')
  t.equal(forwarder.inFlight, 0)
  await upstreams[0]!.revive()
  for (let step = 0; step < 40 && health.length < 2; step++) {
    time.advance(500)
    await settled()
  }
  t.strictSame(health, ['down 0', 'up 0'])
})

/** Lets time pass until the outcome has come. */
async function inTime<T>(time: FakeTime, outcome: Promise<T>): Promise<T> {
  const seen = { over: false }
  void outcome.then(() => {
    seen.over = true
  })
  for (let step = 0; step < 100 && !seen.over; step++) {
    await settled()
    time.advance(100)
  }
  return outcome
}
