import t from 'tap'
import { appendPadding, hasPaddingOption, paddedSize } from '../../src/wire/dns/edns/padding.js'
import { header, octets, opt, question } from './octets.js'

const PADDING = [0, 12, 0, 2, 0, 0]
const queryWith = (options: readonly number[]): Uint8Array =>
  octets(header(1, 0x0100, 1, 0, 0, 1), question('a.test'), opt(1232, options))

const asks = [
  { it: 'the option', message: queryWith(PADDING), is: true },
  { it: 'the option behind another one', message: queryWith([0, 10, 0, 0, ...PADDING]), is: true },
  { it: 'another option', message: queryWith([0, 11, 0, 0]) },
  { it: 'no options', message: queryWith([]) },
  { it: 'an option truncated', message: queryWith(PADDING.slice(0, 5)) },
  { it: 'no OPT', message: octets(header(1, 0x0100, 1, 0, 0, 0), question('a.test')) },
  { it: 'half a header', message: octets(1, 2, 3) }
]
for (const { it, message, is = false } of asks) {
  t.test(`${is ? 'finds' : 'does not find'} padding in ${it}`, async t => {
    t.equal(hasPaddingOption(message, 0, message.length), is)
  })
}

t.test('sizes are multiples of 468, or the largest message', async t => {
  const sizes = [12, 464, 465, 468, 65_048, 65_049, 65_531, 65_532, 65_535]
  const expected = [468, 468, 936, 936, 65_052, 65_520, 65_535, 65_532, 65_535]
  t.strictSame(sizes.map(paddedSize), expected)
})

for (const start of [0, 5]) {
  t.test(`pads a response at ${start} with zeros`, async t => {
    const reply = queryWith([])
    const buffer = new Uint8Array(600).fill(0xff)
    buffer.set(reply, start)
    const end = appendPadding(buffer, start, start + reply.length)
    t.equal(end, start + 468)
    const added = 468 - reply.length - 4
    const option = [0, 12, added >> 8, added & 255]
    t.strictSame([...buffer.subarray(start + reply.length, end - added)], option)
    t.ok(buffer.subarray(end - added, end).every(octet => octet === 0))
    t.equal(buffer[end], 0xff)
    t.ok(hasPaddingOption(buffer, start, end))
  })
}

t.test('leaves a response without OPT, and the longest, as they are', async t => {
  const plain = octets(header(1, 0x8180, 1, 0, 0, 0), question('a.test'))
  const buffer = new Uint8Array(65_535)
  buffer.set(plain)
  t.equal(appendPadding(buffer, 0, plain.length), plain.length)
  t.equal(appendPadding(buffer, 0, 65_532), 65_532)
})
