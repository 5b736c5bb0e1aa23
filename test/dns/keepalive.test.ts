import fc from 'fast-check'
import t from 'tap'
import {
  appendKeepalive,
  hasKeepaliveOption,
  KEEPALIVE_OPTION_SIZE
} from '../../src/wire/dns/edns/keepalive.js'

const HEAD = '0102 0100 0001 0000 0000 0001'
const QUESTION = '01610474657374 00 0001 0001'
const read = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

const asks = [
  { it: 'the option', hex: `${HEAD} ${QUESTION} 00 0029 04d0 00000000 0004 000b 0000`, is: true },
  { it: 'an option truncated', hex: `${HEAD} ${QUESTION} 00 0029 04d0 00000000 0003 000b 00` },
  { it: 'an option too long', hex: `${HEAD} ${QUESTION} 00 0029 04d0 00000000 0004 000b 0001` },
  { it: 'an OPT truncated', hex: `${HEAD} ${QUESTION} 00 0029 04d0 00000000 0004 000b` },
  { it: 'no OPT although one is counted', hex: `${HEAD} ${QUESTION}` },
  { it: 'a header truncated', hex: '0102 0100 0001' },
  {
    it: 'an A record of the same octets',
    hex: `${HEAD} ${QUESTION} 00 0001 04d0 00000000 0004 000b 0000`
  }
]

for (const { it, hex, is = false } of asks) {
  t.test(`${is ? 'finds' : 'does not find'} keepalive in ${it}`, async t => {
    const message = read(hex)
    t.equal(hasKeepaliveOption(message, 0, message.length), is)
    const moved = Buffer.concat([Buffer.of(1, 2, 3), message, Buffer.from('000b0000', 'hex')])
    t.equal(hasKeepaliveOption(moved, 3, 3 + message.length), is)
  })
}

const longest = 0xffff - 12 - 11
const timeouts = [
  { idle: 0, said: 0 },
  { idle: 10_000, said: 100 },
  { idle: 199, said: 1 },
  { idle: 10_000_000, said: 0xffff }
]

for (const { idle, said } of timeouts) {
  t.test(`encodes ${idle} ms as ${said}`, async t => {
    const reply = Buffer.concat([
      read(`${HEAD} ${QUESTION} 00 0029 04d0 00000000 0000`),
      read('00'.repeat(KEEPALIVE_OPTION_SIZE))
    ])
    const end = reply.length - KEEPALIVE_OPTION_SIZE
    t.equal(appendKeepalive(reply, 0, end, idle), reply.length)
    t.equal(reply.readUInt16BE(end - 2), KEEPALIVE_OPTION_SIZE)
    t.equal(reply.readUInt16BE(reply.length - 2), said)
  })
}

for (const [spare, grows] of [
  [KEEPALIVE_OPTION_SIZE, true],
  [KEEPALIVE_OPTION_SIZE - 1, false]
] as const) {
  t.test(`a reply with ${spare} octets to the longest ${grows ? 'grows' : 'stays'}`, async t => {
    const data = longest - 11 - spare
    const record = Buffer.concat([
      read('00 0010 0001 00000000'),
      Buffer.of(data >> 8, data & 255),
      Buffer.alloc(data)
    ])
    const head = read('0102 8100 0000 0001 0000 0001')
    const opt = read('00 0029 04d0 00000000 0000')
    const reply = Buffer.concat([head, record, opt, Buffer.alloc(KEEPALIVE_OPTION_SIZE)])
    const end = reply.length - KEEPALIVE_OPTION_SIZE
    t.equal(end, 0xffff - spare)
    t.equal(appendKeepalive(reply, 0, end, 1000), grows ? end + KEEPALIVE_OPTION_SIZE : end)
  })
}

t.test('never reads outside the message, and always terminates', async t => {
  const octets = fc.uint8Array({ maxLength: 80 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(octets, fc.nat(20), (tail, cut) => {
        const message = Buffer.concat([read(`${HEAD} ${QUESTION}`).subarray(0, 25 - cut), tail])
        hasKeepaliveOption(message, 0, message.length)
        const end = appendKeepalive(Buffer.concat([message, Buffer.alloc(6)]), 0, message.length, 1)
        return end === message.length || end === message.length + KEEPALIVE_OPTION_SIZE
      })
    )
  )
})
