import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { defaultSourcePorts } from '../../src/wire/sockets/source-ports.js'
import { seeded } from '../../bench/kit/random.js'
import { BatchSocket } from '../../src/wire/sockets/batch/batch-socket.js'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import { bindRandomPort } from '../../src/wire/sockets/batch/bind-socket.js'
import { upstreamAddress } from '../../src/wire/sockets/batch/datagram-address.js'
import { DescriptorTable } from '../../src/base/system/descriptor-table.js'
import { AF_INET, EINVAL, loadSystem, type System } from '../../src/base/system/linux.js'
import * as layout from '../../src/wire/sockets/batch/message-buffers.js'
import { BATCH, MessageBuffers } from '../../src/wire/sockets/batch/message-buffers.js'
import { SegmentedSend } from '../../src/wire/sockets/batch/segmented-send.js'
import { SendBuffers } from '../../src/wire/sockets/batch/send-buffers.js'
import { Tick } from '../../src/wire/sockets/batch/tick.js'
import type { Transport } from '../../src/wire/sockets/datagram.js'

const system = loadSystem()
const transport = batchTransport()
if (typeof system === 'string' || typeof transport === 'string') t.plan(0, 'no batch sockets here')
else tests(system, transport)

function tests(system: System, transport: Transport): void {
  const random = seeded(6)
  const upTo = (most: number): number => 1 + Math.floor(random() * most)

  /** Groups datagrams of these lengths; each message is returned as the lengths in it. */
  const grouped = (lengths: readonly number[], isSinglePeer = true): number[][] => {
    const memory = new MessageBuffers(system, AF_INET, 0)
    for (const [i, length] of lengths.entries()) {
      memory.words[memory.sends.iovecs + i * layout.IOVEC_WORDS + layout.LENGTH] = length
    }
    const segmented = new SegmentedSend(system, memory)
    const count = segmented.group(lengths.length, isSinglePeer)
    const { order, firsts, counts } = segmented
    t.strictSame(
      [...order.subarray(0, lengths.length)].toSorted((a, b) => a - b),
      [...lengths.keys()]
    )
    return Array.from({ length: count }, (_, k) =>
      [...order.subarray(firsts[k], firsts[k]! + counts[k]!)].map(i => lengths[i]!)
    )
  }

  t.test('datagrams of a message have one length, except a shorter last one', async t => {
    for (let run = 0; run < 300; run++) {
      const most = upTo(80)
      const lengths = Array.from({ length: upTo(BATCH) }, () => 11 + upTo(most))
      const messages = grouped(lengths)
      for (const message of messages) {
        const [size, ...rest] = message
        const last = rest.pop() ?? 0
        t.ok(rest.every(one => one === size) && last <= size!, message.join())
      }
      t.equal(messages.flat().length, lengths.length)
    }
    t.strictSame(grouped([30, 40, 40, 30, 20, 50]), [
      [50, 40],
      [40, 30],
      [30, 20]
    ])
    t.strictSame(grouped(Array.from({ length: BATCH }, () => 40)).length, 1)
  })

  t.test('datagrams to several peers, and long ones, are not grouped', async t => {
    t.equal(grouped([40, 40, 40], false).length, 3)
    t.equal(grouped([40, 769, 40]).length, 3)
    t.equal(grouped([40, 768, 40]).length, 2)
  })

  /** A socket that collects what arrives, and its port. */
  const listener = async (t: Test, address: string): Promise<{ got: string[]; port: number }> => {
    const got: string[] = []
    const socket = await transport.bind({ address, port: 0 }, batch => {
      for (let i = 0; i < batch.count; i++) {
        const start = batch.starts[i]!
        got.push(Buffer.from(batch.octets.slice(start, start + batch.lengths[i]!)).toString('hex'))
        batch.replies[i] = 0
      }
    })
    t.teardown(() => socket.close())
    return { got, port: socket.local.port }
  }

  const datagram = (number: number): Buffer => {
    const octets = Buffer.alloc(4 + upTo(60), number & 0xff)
    octets.writeUInt32BE(number)
    return octets
  }

  const arrived = async (got: readonly string[], count: number): Promise<void> => {
    for (let waited = 0; got.length < count && waited < 400; waited++) await sleep(5)
  }

  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1']
  ] as const) {
    t.test(`segmented datagrams arrive as separate datagrams over IPv${family}`, async t => {
      const { got, port } = await listener(t, address)
      const socket = transport.open(
        family,
        () => undefined,
        () => undefined
      )
      t.teardown(() => socket.close())
      const peer = transport.peer({ address, port })
      const sent = Array.from({ length: 1000 }, (_, number) => datagram(number))
      for (const octets of sent) socket.send(octets, 0, octets.length, peer)
      await arrived(got, sent.length)
      t.strictSame(got.toSorted(), sent.map(octets => octets.toString('hex')).toSorted())
    })
  }

  t.test(
    'without UDP_SEGMENT every datagram is sent by itself, and the system is not asked again',
    async t => {
      const { got, port } = await listener(t, '127.0.0.1')
      let refusals = 0
      let errno: number | undefined
      const old: System = {
        ...system,
        sendmmsg(fd, headers, count, flags) {
          errno = refusals === 0 ? EINVAL : undefined
          if (errno === undefined) return system.sendmmsg(fd, headers, count, flags)
          refusals++
          return -1
        },
        errno: () => errno ?? system.errno()
      }
      const buffers = new SendBuffers(old, AF_INET, false)
      const context = {
        system: old,
        tick: new Tick(),
        descriptors: new DescriptorTable(),
        poll: old.poll
      }
      const opened = bindRandomPort(old, 4, defaultSourcePorts(), true)
      const socket = new BatchSocket(
        context,
        opened,
        buffers,
        () => undefined,
        () => undefined
      )
      t.teardown(() => socket.close())
      const peer = upstreamAddress({ address: '127.0.0.1', port }, system)
      const sent = Array.from({ length: 200 }, (_, number) => datagram(number))
      for (const octets of sent) socket.send(octets, 0, octets.length, peer)
      await arrived(got, sent.length)
      t.strictSame(got.toSorted(), sent.map(octets => octets.toString('hex')).toSorted())
      t.match(socket.counts, { sent: sent.length, sendErrors: 0 })
      t.equal(buffers.segmented.group(BATCH, true), BATCH)
    }
  )
}
