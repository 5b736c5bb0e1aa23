import t from 'tap'
import { MAX_MESSAGE_SIZE } from '../../src/wire/dns/registry/sizes.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { withoutEch } from '../../src/wire/dns/reply/without-ech.js'
import { name, octets, record, u16, u32, type Part } from './octets.js'

const QNAME = name('svc.example')
const HTTPS = 65
const POINTER = [0xc0, 12]
const ALPN = [...u16(1), ...u16(3), 2, 'h2']
const ECH = [...u16(5), ...u16(4), ...u32(0xfe0d0000)]
/** A parameter longer than the rest of the record. */
const CUT_SHORT = [...u16(6), ...u16(99), 1, 2]

const qname = new HashedName()
qname.set(Uint8Array.from(QNAME), 0, 0)

function answerOf(records: readonly number[][], authorities = 0): Answer {
  return {
    body: octets(records),
    rcode: 0,
    answers: records.length - authorities,
    authorities,
    authentic: true,
    ttls: new Uint16Array(0),
    storedAt: 0,
    lifetime: 300,
    ede: undefined,
    upstream: 0,
    targets: new Uint8Array(0),
    targetKinds: new Uint8Array(0),
    addresses: new Uint32Array(0),
    cleanEpoch: 0,
    cleanClass: 0
  }
}

const service = (...params: readonly Part[]): number[] =>
  record(POINTER, HTTPS, 300, [u16(1), 0, ...params])

t.test('removes ech from RDATA, and finds the TTLs again', async t => {
  // The target of the CNAME is where the next record and the SOA point.
  const target = 12 + QNAME.length + 4 + 12
  const cname = record(POINTER, 5, 300, [name('Cdn.example')])
  const https = record([0xc0, target], HTTPS, 200, [u16(1), 0, ALPN, ECH])
  const soa = record([0xc0, target + 4], 6, 100, [
    [0xc0, target],
    [0xc0, target],
    new Uint8Array(20)
  ])
  const answer = withoutEch(answerOf([cname, https, soa], 1), qname)!
  const after = [
    record(POINTER, 5, 300, [name('cdn.example')]),
    record('cdn.example', HTTPS, 200, [u16(1), 0, ALPN]),
    record('example', 6, 100, [name('cdn.example'), name('cdn.example'), new Uint8Array(20)])
  ]
  t.strictSame(answer.body, octets(after))
  const view = Buffer.from(answer.body)
  t.strictSame(
    [...answer.ttls].map(at => view.readUInt32BE(at)),
    [300, 200, 100]
  )
  t.match(answer, { answers: 2, authorities: 1, authentic: false })
})

t.test('keeps what is no parameter', async t => {
  const answer = withoutEch(answerOf([service(ECH, CUT_SHORT)]), qname)
  t.strictSame(answer?.body, octets(service(CUT_SHORT)))
})

t.test('an answer without ech is the same object', async t => {
  const answer = answerOf([service(ALPN)])
  t.equal(withoutEch(answer, qname), answer)
})

t.test('an answer that gets too long is none', async t => {
  // Every owner is a pointer to a name of 200 octets.
  const long = name(Array.from({ length: 4 }, () => 'x'.repeat(49)).join('.'))
  const at = 12 + QNAME.length + 4 + 12
  const cname = record(POINTER, 5, 300, [long])
  const count = Math.ceil(MAX_MESSAGE_SIZE / long.length)
  const many = Array.from({ length: count }, () => record([0xc0, at], HTTPS, 300, [u16(1), 0, ECH]))
  t.equal(withoutEch(answerOf([cname, ...many]), qname), undefined)
})
