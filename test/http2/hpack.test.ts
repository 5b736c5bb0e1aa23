import { connect } from 'node:http2'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { FLAG, FRAME, FRAME_HEADER, PREFACE } from '../../src/wire/http2/frame.js'
import { fieldSize, type HeaderField } from '../../src/wire/http2/header-field.js'
import { HpackDecoder } from '../../src/wire/http2/hpack-decoder.js'
import { appendIndexed, appendLiteral, appendNamed } from '../../src/wire/http2/hpack-encoder.js'
import { runs } from '../runs.js'

const fromHex = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ''), 'hex')

/** `name: value` for each field; undefined: the block is invalid. */
function decode(decoder: HpackDecoder, block: Buffer): string[] | undefined {
  const fields: HeaderField[] = []
  const isValid = decoder.decode(block, 0, block.length, field => fields.push(field))
  return isValid ? fields.map(({ name, value }) => `${name}: ${value}`) : undefined
}

const GET = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']
const REQUESTS = [
  GET,
  [...GET, 'cache-control: no-cache'],
  [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value'
  ]
]
const SINCE = [
  'cache-control: private',
  'date: Mon, 21 Oct 2013 20:13:21 GMT',
  'location: https://www.example.com'
]
const RESPONSES = [
  [':status: 302', ...SINCE],
  [':status: 307', ...SINCE],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
  ]
]

/** RFC 7541 Appendix C: blocks of one connection in turn. */
const vectors = [
  {
    it: 'C.2.1, a literal field with indexing',
    blocks: ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
    fields: [['custom-key: custom-header']]
  },
  {
    it: 'C.2.2, a literal field without indexing',
    blocks: ['040c 2f73 616d 706c 652f 7061 7468'],
    fields: [[':path: /sample/path']]
  },
  {
    it: 'C.2.3, a literal field that is never indexed',
    blocks: ['1008 7061 7373 776f 7264 0673 6563 7265 74'],
    fields: [['password: secret']]
  },
  { it: 'C.2.4, an indexed field', blocks: ['82'], fields: [[':method: GET']] },
  {
    it: 'C.3, requests without Huffman coding',
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65'
    ],
    fields: REQUESTS
  },
  {
    it: 'C.4, requests with Huffman coding',
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'
    ],
    fields: REQUESTS
  },
  {
    it: 'C.5, responses without Huffman coding, with evictions',
    size: 256,
    blocks: [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
       2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
       6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
       54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
       5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
       3d31`
    ],
    fields: RESPONSES
  },
  {
    it: 'C.6, responses with Huffman coding, with evictions',
    size: 256,
    blocks: [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
       2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
       77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
       9587 3160 65c0 03ed 4ee5 b106 3d50 07`
    ],
    fields: RESPONSES
  }
]
for (const { it, size, blocks, fields } of vectors) {
  t.test(`decodes RFC 7541 ${it}`, async t => {
    const decoder = new HpackDecoder(size)
    t.strictSame(
      blocks.map(block => decode(decoder, fromHex(block))),
      fields
    )
  })
}

const invalid = [
  { it: 'index 0', hex: '80' },
  { it: 'an index after the static table, while the dynamic one is empty', hex: 'be' },
  { it: 'an index far beyond both tables', hex: 'ffffffff07' },
  { it: 'an integer of too many octets', hex: 'ff8080808001' },
  { it: 'an integer without its end', hex: 'ff80' },
  { it: 'a name without a value', hex: '04' },
  { it: 'a literal without a name', hex: '40' },
  { it: 'a name by an unknown index', hex: '7f0001 61' },
  { it: 'a string longer than the block', hex: '04 0c 2f' },
  { it: 'a string with an endless length', hex: '04 ffffffffff' },
  { it: 'a table size above the limit', hex: '3fe21f' },
  { it: 'a table size without its end', hex: '3fe2' },
  { it: 'a table size behind a field', hex: '8220' },
  { it: 'eight bits of Huffman padding', hex: '04 81 ff' },
  { it: 'a character and eight bits of padding', hex: '04 82 1fff' },
  { it: 'Huffman padding of zeros', hex: '04 81 00' },
  { it: 'Huffman padding with a zero in it', hex: '04 83 52bc30' },
  { it: 'EOS in a string', hex: '04 85 fffffffffc' },
  { it: 'EOS alone', hex: '04 84 ffffffff' }
]
for (const { it, hex } of invalid) {
  t.test(`refuses ${it}`, async t => {
    t.equal(decode(new HpackDecoder(), fromHex(hex)), undefined)
  })
}

t.test('a smaller table evicts, and a larger entry than the table empties it', async t => {
  const decoder = new HpackDecoder()
  t.strictSame(decode(decoder, fromHex('4001610162 4001630164 bf be')), [
    'a: b',
    'c: d',
    'a: b',
    'c: d'
  ])
  // To 34 octets: one entry.
  t.strictSame(decode(decoder, fromHex('3f03 be')), ['c: d'])
  t.equal(decode(decoder, fromHex('bf')), undefined)
  t.strictSame(decode(decoder, fromHex('4001650266 67')), ['e: fg'])
  t.equal(decode(decoder, fromHex('be')), undefined)
})

t.test('a long Huffman-coded string', async t => {
  // 'a' is 00011: five octets for eight of them.
  const block = Buffer.concat([fromHex('04ff81fe01'), Buffer.alloc(32_640, fromHex('18c6318c63'))])
  t.ok(decode(new HpackDecoder(), block)?.[0] === `:path: ${'a'.repeat(52_224)}`)
})

/** The header blocks that the client of node:http2, which is that of nghttp2, sends for these requests. */
async function blocksOf(requests: readonly Readonly<Record<string, string>>[]): Promise<Buffer[]> {
  const written: Buffer[] = []
  const wire = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      written.push(chunk)
      done()
    }
  })
  const session = connect('http://dns.example', { createConnection: () => wire })
  const settled = requests.map(headers => {
    const request = session.request(headers, { endStream: true })
    return new Promise(resolve => request.once('close', resolve).once('error', resolve))
  })
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
  session.destroy()
  await Promise.all(settled)
  const octets = Buffer.concat(written)
  const blocks: Buffer[] = []
  for (let at = PREFACE.length; at < octets.length;) {
    const end = at + FRAME_HEADER + octets.readUIntBE(at, 3)
    if (octets[at + 3] === FRAME.HEADERS) {
      const priority = (octets[at + 4]! & FLAG.PRIORITY) === 0 ? 0 : 5
      blocks.push(octets.subarray(at + FRAME_HEADER + priority, end))
    }
    at = end
  }
  return blocks
}

t.test('decodes what nghttp2 encodes', async t => {
  const token = fc.stringMatching(/^[a-z0-9]{1,12}$/)
  const value = fc.string({
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .filter(code => code < 0x7f || code >= 0xa0)
      .map(code => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 60
  })
  const request = fc.dictionary(
    token.map(name => `x-${name}`),
    value,
    { maxKeys: 6 }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async requests => {
      const decoder = new HpackDecoder()
      const decoded = (await blocksOf(requests)).map(block => decode(decoder, block))
      const expected = requests.map(headers =>
        Object.entries(headers).map(entry => entry.join(': '))
      )
      t.strictSame(
        decoded.map(fields => fields?.filter(field => field.startsWith('x-'))),
        expected
      )
      t.ok(decoded.every(fields => fields?.includes(':method: GET')))
    }),
    runs(200)
  )
})

t.test('never throws, and gives no more than the block can hold', async () => {
  const decoder = new HpackDecoder()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), octets => {
      const block = Buffer.from(octets)
      let count = 0
      decoder.decode(block, 0, block.length, field => {
        count++
        if (fieldSize(field) > 32 + 4096 + 2 * block.length)
          throw new Error('longer than the block')
      })
      return count <= block.length
    }),
    runs(20_000)
  )
})

t.test('what the encoder writes decodes to the same', async () => {
  const octets = Buffer.alloc(100_000)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 61 }),
      fc.string({ unit: 'grapheme-ascii', maxLength: 300 }),
      (index, text) => {
        let end = appendIndexed(octets, 0, 8)
        end = appendNamed(octets, end, index, text)
        end = appendLiteral(octets, end, 'x-test', text)
        end = appendLiteral(octets, end, 'x-long', 'a'.repeat(20_000))
        const fields = decode(new HpackDecoder(), octets.subarray(0, end))!
        return (
          fields[0] === ':status: 200' &&
          fields[1]!.endsWith(`: ${text}`) &&
          fields[2] === `x-test: ${text}` &&
          fields[3] === `x-long: ${'a'.repeat(20_000)}`
        )
      }
    ),
    runs(1000)
  )
})
