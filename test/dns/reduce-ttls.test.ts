import t from 'tap'
import { reduceTtls } from '../../src/wire/dns/message/reduce-ttls.js'
import { header, octets, opt, question } from './octets.js'

const record = (type: number, ttl: number, data: readonly number[]): number[] => [
  ...[0xc0, 12, 0, type, 0, 1, ttl >> 24, (ttl >> 16) & 255, (ttl >> 8) & 255, ttl & 255],
  ...[0, data.length, ...data]
]
const message = (...ttls: readonly number[]): Uint8Array =>
  octets(
    header(1, 0x8180, 1, ttls.length, 0, 1),
    question('a.test'),
    ...ttls.map(ttl => Uint8Array.from(record(1, ttl, [192, 0, 2, 1]))),
    opt(1232, [])
  )

t.test('reduces all TTLs but that of OPT, down to 0', async t => {
  const reduced = message(300, 70_000, 99)
  t.ok(reduceTtls(reduced, 100))
  t.strictSame(reduced, message(200, 69_900, 0))
})

t.test('tells a message that ends within a record', async t => {
  const whole = message(1, 2)
  for (let length = 0; length < whole.length; length++)
    t.notOk(reduceTtls(whole.slice(0, length), 1), `${length} octets`)
  t.ok(reduceTtls(octets(whole, 0), 1), 'octets after the last record are left alone')
})
