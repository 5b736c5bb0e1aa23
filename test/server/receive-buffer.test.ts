import t from 'tap'
import { ReceiveBuffer } from '../../src/base/bytes/receive-buffer.js'
import { frames } from './tcp-client.js'

const MESSAGES = [0, 1, 300, 7, 65_535, 2].map((length, i) => Buffer.alloc(length, i + 1))

for (const size of [1, 2, 3, 299, 4096, 100_000]) {
  t.test(`assembles messages from pieces of ${size} octets`, async t => {
    const inbox = new ReceiveBuffer()
    const octets = frames(...MESSAGES)
    const shared = Buffer.alloc(size)
    const got: Buffer[] = []
    for (let at = 0; at < octets.length; at += size) {
      // What the stream reads into is used again.
      octets.copy(shared, 0, at, at + size)
      inbox.append(shared, 0, Math.min(size, octets.length - at))
      for (let end = inbox.messageEnd; end !== undefined; end = inbox.messageEnd) {
        got.push(Buffer.from(inbox.octets.subarray(inbox.start + 2, end)))
        inbox.skipTo(end)
      }
      inbox.keep()
    }
    t.ok(got.length === MESSAGES.length && got.every((octets, i) => octets.equals(MESSAGES[i]!)))
    t.equal(inbox.octets.length, 0, 'and keeps nothing')
  })
}
