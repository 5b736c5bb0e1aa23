import t from 'tap'
import { readName } from '../../src/wire/dns/name/name.js'
import { compareNames } from '../../src/wire/dnssec/canonical-name.js'
import { decodeDnskey, publicKeyOf } from '../../src/wire/dnssec/dnskey.js'
import { decodeDs, matchesKey } from '../../src/wire/dnssec/ds.js'
import { coversHash, decodeNsec3, hashName, toBase32 } from '../../src/wire/dnssec/nsec3.js'
import { decodeRrsig, periodOf } from '../../src/wire/dnssec/rrsig.js'
import { TypeBitmap } from '../../src/wire/dnssec/type-bitmap.js'
import { signedData, verifySignature } from '../../src/wire/dnssec/verify-signature.js'
import { newKey, signWith } from './keys.js'
import { wire } from './zone.js'

const u32 = (value: number): number[] => [24, 16, 8, 0].map(shift => (value >>> shift) & 0xff)
const MX = Uint8Array.of(0, 10, ...wire('mail.example.com'))

/** Examples of RFC 6605 §6 and RFC 8080 §6. */
const EXAMPLES = [
  {
    rfc: 'RFC 6605, P-256',
    zone: 'example.net',
    algorithm: 13,
    key: 'GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==',
    tag: 55648,
    digest: 'b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17',
    name: 'www.example.net',
    type: 1,
    rdata: Uint8Array.of(192, 0, 2, 1),
    labels: 3,
    times: [Date.UTC(2010, 8, 9, 10, 4, 39) / 1000, Date.UTC(2010, 7, 12, 10, 4, 39) / 1000],
    signature:
      'qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw=='
  },
  {
    rfc: 'RFC 8080, Ed25519',
    zone: 'example.com',
    algorithm: 15,
    key: 'l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=',
    tag: 3613,
    digest: '3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b',
    name: 'example.com',
    type: 15,
    rdata: MX,
    labels: 2,
    times: [1440021600, 1438207200],
    signature:
      'oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg=='
  },
  {
    rfc: 'RFC 8080, Ed448',
    zone: 'example.com',
    algorithm: 16,
    key: '3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA',
    tag: 9713,
    digest: '6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7',
    name: 'example.com',
    type: 15,
    rdata: MX,
    labels: 2,
    times: [1440021600, 1438207200],
    signature:
      '3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA'
  }
] as const

for (const it of EXAMPLES) {
  t.test(it.rfc, async t => {
    const octets = Buffer.from(it.key, 'base64')
    const key = decodeDnskey(Uint8Array.of(1, 1, 3, it.algorithm, ...octets))
    t.equal(key.keyTag, it.tag)
    const head = [it.tag >> 8, it.tag & 0xff, it.algorithm, 2]
    const ds = decodeDs(Uint8Array.of(...head, ...Buffer.from(it.digest, 'hex')))
    t.ok(matchesKey(ds, wire(it.zone), key))
    const [expiration, inception] = it.times
    const signature = decodeRrsig(
      Uint8Array.of(
        ...[
          0,
          it.type,
          it.algorithm,
          it.labels,
          ...u32(3600),
          ...u32(expiration),
          ...u32(inception)
        ],
        ...[it.tag >> 8, it.tag & 0xff, ...wire(it.zone), ...Buffer.from(it.signature, 'base64')]
      )
    )
    t.equal(periodOf(signature, inception), 'valid')
    t.equal(periodOf(signature, expiration), 'valid')
    t.equal(periodOf(signature, expiration + 1), 'expired')
    const rrset = { name: wire(it.name), type: it.type, ttl: 3600, rdata: [it.rdata] }
    t.ok(verifySignature({ ...rrset, signatures: [signature] }, signature, key))
    const other = { ...rrset, ttl: 0, name: wire(`x.${it.zone}`), signatures: [] }
    t.notOk(verifySignature(other, signature, key))
  })
}

t.test('names in canonical order: RFC 4034 §6.1', async t => {
  const names = [
    ...['example', 'a.example', 'yljkjljk.a.example', 'Z.a.example', 'zABC.a.EXAMPLE', 'z.example'],
    ...['\\001.z.example', '*.z.example', '\\200.z.example']
  ].map(readName)
  for (const [i, a] of names.entries())
    for (const [j, b] of names.entries()) t.equal(Math.sign(compareNames(a, b)), Math.sign(i - j))
})

t.test('hashed names: RFC 5155 appendix A', async t => {
  const parameters = { iterations: 12, salt: Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd) }
  const expected = {
    example: '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom',
    'a.example': '35mthgpgcu1qg68fab165klnsnk3dpvl',
    '*.w.example': 'r53bq7cc2uvmubfu5ocmm6pers9tk9en',
    'x.w.example': 'b4um86eghhds6nea196smvmlo4ors995'
  }
  for (const [name, hash] of Object.entries(expected))
    t.equal(toBase32(hashName(wire(name), parameters)), hash)
})

t.test('a gap of hashed names', async t => {
  const hash = (first: number) => Uint8Array.of(first, ...new Uint8Array(19))
  const owner = (first: number) => wire(`${toBase32(hash(first))}.example`)
  const record = (from: number, to: number) =>
    decodeNsec3(owner(from), Uint8Array.of(1, 0, 0, 0, 0, 20, ...hash(to), 0, 1, 0x40))!
  t.ok(coversHash(record(10, 20), hash(15)))
  for (const outside of [5, 10, 20, 25]) t.notOk(coversHash(record(10, 20), hash(outside)))
  for (const inside of [5, 25]) t.ok(coversHash(record(20, 10), hash(inside)), 'the last record')
  t.notOk(coversHash(record(20, 10), hash(15)))
  t.notOk(coversHash(record(20, 20), hash(20)), 'a single record')
  t.ok(coversHash(record(20, 20), hash(19)))
})

t.test('malformed RDATA', async t => {
  const malformed = { code: 'WIRE_RDATA' }
  for (const octets of [[0], [0, 0], [0, 33, ...new Uint8Array(33)], [0, 2, 1]])
    t.throws(() => new TypeBitmap(Uint8Array.from(octets)), malformed)
  t.throws(() => decodeRrsig(new Uint8Array(18)), malformed)
  t.throws(() => decodeRrsig(new Uint8Array(19)), malformed, 'no signature')
  t.throws(() => decodeDnskey(new Uint8Array(4)), malformed)
  t.throws(() => decodeDs(new Uint8Array(4)), malformed)
  for (const rdata of [[1], [1, 0, 0, 0, 9], [1, 0, 0, 0, 0, 20, 1]])
    t.throws(() => decodeNsec3(wire('a'), Uint8Array.from(rdata)), malformed)
})

t.test('keys of the wrong size, or that are no key', async t => {
  const key = (algorithm: number, ...octets: number[]) =>
    publicKeyOf(decodeDnskey(Uint8Array.of(1, 0, 3, algorithm, ...octets)))
  t.equal(key(13, ...new Uint8Array(64)), undefined, 'not a point')
  t.equal(key(13, ...new Uint8Array(63)), undefined)
  t.equal(key(15, ...new Uint8Array(31)), undefined)
  t.equal(key(16, ...new Uint8Array(56)), undefined)
  t.equal(key(8, 1), undefined)
  t.equal(key(8, 0, 1), undefined)
  t.equal(key(8, 1, 3, ...new Uint8Array(63).fill(1)), undefined, 'modulus too short')
  t.equal(key(8, 1, 3, ...new Uint8Array(513).fill(1)), undefined, 'modulus too long')
  t.equal(key(8, 9, ...new Uint8Array(9).fill(1), ...new Uint8Array(128).fill(1)), undefined)
  t.ok(key(8, 0, 0, 3, 1, 0, 1, ...new Uint8Array(128).fill(0xfd)), 'long form of the length')
  t.equal(key(5, 1, 3, ...new Uint8Array(128).fill(1)), undefined, 'not supported')
})

for (const algorithm of [13, 14]) {
  t.test(`ECDSA ${algorithm}: R and S of any size, and no signature of another length`, async t => {
    const zoneKey = newKey(algorithm)
    const key = decodeDnskey(zoneKey.rdata)
    const rrset = {
      name: wire('www.example'),
      type: 1,
      ttl: 60,
      rdata: [Uint8Array.of(192, 0, 2, 1)],
      signatures: []
    }
    const fixed = Uint8Array.of(
      0,
      1,
      algorithm,
      2,
      ...u32(60),
      ...u32(2),
      ...u32(1),
      key.keyTag >> 8,
      key.keyTag & 0xff,
      ...wire('example')
    )
    const unsigned = decodeRrsig(Uint8Array.of(...fixed, 0))
    const data = signedData(rrset, unsigned)
    const half = algorithm === 13 ? 32 : 48
    // One in 128 has R or S with a first octet of zero.
    let short = 0
    const failed: string[] = []
    for (let i = 0; i < 1_000 || (short === 0 && i < 10_000); i++) {
      const signature = signWith(zoneKey, data)
      if (signature[0] === 0 || signature[half] === 0) short++
      if (!verifySignature(rrset, { ...unsigned, signature }, key))
        failed.push(Buffer.from(signature).toString('hex'))
    }
    t.strictSame(failed, [])
    t.ok(short > 0)
    const good = signWith(zoneKey, data)
    t.ok(verifySignature(rrset, { ...unsigned, signature: good }, key))
    const zeros = new Uint8Array(2 * half)
    const der = Uint8Array.of(0x30, 6, 2, 1, 1, 2, 1, 1)
    const wrong = [
      good.slice(1),
      Uint8Array.of(...good, 0),
      Uint8Array.of(0, ...good),
      zeros,
      der,
      new Uint8Array(0)
    ]
    for (const signature of wrong)
      t.notOk(verifySignature(rrset, { ...unsigned, signature }, key), `${signature.length} octets`)
    good[half - 1]! ^= 1
    t.notOk(
      verifySignature(rrset, { ...unsigned, signature: good }, key),
      'R with another last bit'
    )
  })
}
