import t from 'tap'
import { copyEdes } from '../../src/wire/dns/reply/copy-edes.js'
import { appendEde, encodeEde } from '../../src/wire/dns/edns/ede-option.js'
import { octets, option, u16 } from './octets.js'

const FORGED = [u16(4), 'forged']
const OTHER = [u16(29), 'x']

t.test('keeps up to three errors of an upstream, and the code of the first', async t => {
  let edes = appendEde(undefined, octets(FORGED))
  edes = appendEde(edes, octets(OTHER))
  t.strictSame(edes, { code: 4, option: octets(option(15, FORGED), option(15, OTHER)) })
  const three = appendEde(edes, octets(OTHER))
  t.equal(appendEde(three, octets(OTHER)), three)
})

const TWO = octets(encodeEde(4, 'forged'), encodeEde(29, 'x'))
const BARE = [option(15, [u16(4)]), option(15, [u16(29)])]

const rooms = [
  { it: 'all if there is room', room: 19, written: [...TWO] },
  { it: 'both without their texts', room: 18, written: BARE.flat() },
  { it: 'both without their texts, exactly fitting', room: 12, written: BARE.flat() },
  { it: 'the first without its text', room: 11, written: BARE[0]! },
  { it: 'the first without its text, exactly fitting', room: 6, written: BARE[0]! },
  { it: 'nothing', room: 5, written: [] }
]

for (const { it, room, written } of rooms) {
  t.test(`copies ${it}`, async t => {
    const into = new Uint8Array(64)
    t.equal(copyEdes(into, 8, 8 + room, TWO), written.length)
    t.strictSame([...into.subarray(8, 8 + written.length)], written)
    t.ok(into.subarray(8 + written.length).every(octet => octet === 0))
  })
}
