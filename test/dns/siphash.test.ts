import t from 'tap'
import { sipHash } from '../../src/wire/dns/edns/siphash.js'

/** The first of the reference implementation's vectors: key 00..0f, message 00..(n-1). */
const VECTORS = [
  '310e0edd47db6f72',
  'fd67dc93c539f874',
  '5a4fa9d909806c0d',
  '2d7efbd796666785',
  'b7877127e09427cf',
  '8da699cd64557618',
  'cee3fe586e46c9cb',
  '37d1018bf50002ab',
  '6224939a79f5f593'
]

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i)

for (const [length, hash] of VECTORS.entries()) {
  t.test(`hashes ${length} octets like the reference implementation`, async t => {
    const out = new Uint8Array(10)
    // Octets after the message are not read.
    const octets = Uint8Array.from({ length: 32 }, (_, i) => (i < length ? i : 0xee))
    sipHash(KEY, octets, length, out, 1)
    t.equal(Buffer.from(out.subarray(1, 9)).toString('hex'), hash)
    t.equal(out[0]! | out[9]!, 0)
  })
}

t.test('hashes 15 octets like the paper', async t => {
  const out = new Uint8Array(8)
  sipHash(KEY, KEY, 15, out, 0)
  t.equal(Buffer.from(out).toString('hex'), 'e545be4961ca29a1')
})
