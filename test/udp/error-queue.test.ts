import t from 'tap'
import { ErrorQueue } from '../../src/wire/sockets/batch/error-queue.js'
import { AF_INET, AF_INET6, MSG_ERRQUEUE, type System } from '../../src/base/system/linux.js'
import { BATCH, MessageBuffers } from '../../src/wire/sockets/batch/message-buffers.js'
import type { Family } from '../../src/wire/sockets/batch/sockaddr.js'

/** One message of the error queue: the destination, the quoted octets, and the control message. */
interface QueuedError {
  readonly name: string
  readonly quote: string
  readonly control: string
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Pretended memory address. */
const BASE = 0x7000_0000_0000

/**
 * A system with this error queue: writes octets as the kernel lays them out to where the headers
 * point (struct mmsghdr, bits/socket.h).
 */
function systemWith(queue: QueuedError[]): System {
  const maps: { buffer: ArrayBuffer; address: number }[] = []
  const put = (address: number, octets: Buffer, room: number): number => {
    const map = maps.find(one => address >= one.address && address < one.address + (1 << 24))!
    const written = octets.subarray(0, room)
    new Uint8Array(map.buffer).set(written, address - map.address)
    return written.length
  }
  return {
    eagain: 11,
    errno: () => 11,
    map(octets: number) {
      const map = { buffer: new ArrayBuffer(octets), address: BASE + maps.length * (1 << 24) }
      maps.push(map)
      return map
    },
    recvmmsg(fd: number, headers: number, count: number, flags: number) {
      t.equal(fd, 7)
      t.equal(flags, MSG_ERRQUEUE)
      const { buffer, address } = maps.find(one => headers >= one.address)!
      const all = new DataView(buffer)
      const errors = queue.splice(0, count)
      for (const [i, { name, quote, control }] of errors.entries()) {
        const at = headers - address + 64 * i
        const pointer = (place: number): number => Number(all.getBigUint64(place, true))
        const iovec = pointer(at + 16) - address
        all.setUint32(at + 8, put(pointer(at), hex(name), all.getUint32(at + 8, true)), true)
        const length = put(pointer(iovec), hex(quote), all.getUint32(iovec + 8, true))
        const room = all.getUint32(at + 40, true)
        all.setUint32(at + 40, put(pointer(at + 32), hex(control), room), true)
        all.setUint32(at + 48, MSG_ERRQUEUE, true)
        all.setUint32(at + 56, length, true)
      }
      return errors.length === 0 ? -1 : errors.length
    }
  } as unknown as System
}

interface Lost {
  readonly quote: string
  readonly peer: readonly number[]
  readonly port: number
}

function readAll(family: Family, queue: QueuedError[]): Lost[] {
  const batch = new ErrorQueue(systemWith(queue), family).read(7)
  return Array.from({ length: batch.count }, (_, i) => ({
    quote: Buffer.from(
      batch.octets.subarray(batch.starts[i], batch.starts[i]! + batch.lengths[i]!)
    ).toString('hex'),
    peer: [...batch.peers.subarray(4 * i, 4 * i + 4)],
    port: batch.ports[i]!
  }))
}

/** 192.0.2.53, port 53, and 2001:db8::53, port 5353. */
const NAME4 = '0200 0035 c0000235 0000000000000000'
const NAME6 = '0a00 14e9 00000000 20010db8000000000000000000000053 00000000'

/** Control messages: length, level, type; errno, origin, ICMP type, code; the reporting address. */
const REFUSED4 =
  '3000000000000000 00000000 0b000000 6f000000 02 03 03 00 00000000 00000000' +
  '0200 0000 c0000235 0000000000000000'
const REFUSED6 =
  '3c00000000000000 29000000 19000000 6f000000 03 01 04 00 00000000 00000000' +
  '0a00 0000 00000000 20010db8000000000000000000000053 00000000 00000000'

const with4 = (at: number, octets: string): string => {
  const control = hex(REFUSED4)
  control.set(hex(octets), at)
  return control.toString('hex')
}

t.test('reads the error of a closed port, and the peer it was sent to', async t => {
  t.strictSame(readAll(AF_INET, [{ name: NAME4, quote: 'beef01', control: REFUSED4 }]), [
    { quote: 'beef01', peer: [0, 0, 0xffff, 0xc0000235], port: 53 }
  ])
  t.strictSame(readAll(AF_INET6, [{ name: NAME6, quote: 'beef02', control: REFUSED6 }]), [
    { quote: 'beef02', peer: [0x20010db8, 0, 0, 0x53], port: 5353 }
  ])
})

const kinds = [
  { it: 'the network unreachable', control: with4(16, '65'), quote: 'beef' },
  { it: 'the host unreachable', control: with4(16, '71'), quote: 'beef' },
  { it: 'a filter on the path', control: with4(16, '0d'), quote: 'beef' },
  { it: 'the query too long for the path', control: with4(16, '5a'), quote: '' },
  { it: 'a local error, of another origin', control: with4(20, '01'), quote: '' },
  { it: 'a control message of another level', control: with4(8, '29'), quote: '' },
  { it: 'a control message of another type', control: with4(12, '08'), quote: '' },
  { it: 'a control message cut off', control: REFUSED4.slice(0, 40), quote: '' },
  { it: 'no control message', control: '', quote: '' }
]
for (const { it, control, quote } of kinds) {
  t.test(
    `${it}: ${quote === '' ? 'says nothing about the peer' : 'reports the peer unreachable'}`,
    async t => {
      t.match(readAll(AF_INET, [{ name: NAME4, quote: 'beef', control }]), [{ quote }])
    }
  )
}

t.test('an ICMP quote of headers only has no octets, a long quote is kept', async t => {
  const long = '55'.repeat(2048)
  const queue = ['', long].map(quote => ({ name: NAME4, quote, control: REFUSED4 }))
  t.match(readAll(AF_INET, queue), [{ quote: '' }, { quote: long }])
})

t.test('reads a batch at a time, repeatedly into the same buffers', async t => {
  const queue = Array.from({ length: BATCH + 3 }, (_, i) => ({
    name: NAME4,
    quote: i.toString(16).padStart(2, '0'),
    // The first batch has shorter control messages, which must not shrink the buffers.
    control: i < BATCH ? '' : REFUSED4
  }))
  const errors = new ErrorQueue(systemWith(queue), AF_INET)
  t.equal(errors.read(7).count, BATCH)
  const { count, lengths, octets, starts } = errors.read(7)
  t.equal(count, 3)
  t.strictSame([...lengths.subarray(0, 3)], [1, 1, 1])
  t.equal(octets[starts[2]!], BATCH + 2)
  t.equal(errors.read(7).count, 0, 'an empty queue')
})

t.test('records failed sends, except for lack of buffer space', async t => {
  const system = systemWith([])
  const from = new MessageBuffers(system, AF_INET, 0)
  const write = (i: number, port: number, octet: number): void => {
    from.words.set([2 | (port << 24), 0x010200c0], from.sends.names + 8 * i)
    from.words[from.sends.iovecs + 4 * i + 2] = 1
    from.octets[from.sends.starts[i]!] = octet
  }
  for (let i = 0; i < 3; i++) write(i, 53 + i, 0xb0 + i)
  const errors = new ErrorQueue(system, AF_INET)
  for (const [i, errno] of [101, 105, 1].entries()) errors.addSendFailure(from, i, errno)
  const { count, ports, peers, octets, starts, lengths } = errors.takeSendFailures()
  t.equal(count, 2)
  t.strictSame([...ports.subarray(0, 2)], [53, 55])
  t.strictSame([...peers.subarray(0, 4)], [0, 0, 0xffff, 0xc0000201])
  t.strictSame([octets[starts[0]!], octets[starts[1]!]], [0xb0, 0xb2])
  t.strictSame([...lengths.subarray(0, 2)], [1, 1])
  t.equal(errors.takeSendFailures().count, 0)
  for (let n = 0; n < BATCH + 5; n++) errors.addSendFailure(from, 0, 101)
  t.equal(errors.takeSendFailures().count, BATCH)
})
