import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { readCrls, subjectOf } from '../../src/wire/pki/crl.js'
import { DerReader, oidText } from '../../src/wire/pki/der.js'
import { makeCertificate, makeCrl } from '../tls/certificates.js'

const ec = makeCertificate({ subject: 'ec' })
const rsa = makeCertificate({ subject: 'rsa', type: 'rsa' })
const leaf = makeCertificate({ issuer: ec, isAuthority: false })
const of = ({ certificate }: { certificate: string }) => new X509Certificate(certificate)
const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')

t.test('reads lists in PEM, several, and DER', async t => {
  const one = makeCrl(ec, [leaf, ec])
  const [list] = readCrls(Buffer.from(one))
  t.strictSame(list!.serials, [of(leaf).serialNumber, of(ec).serialNumber])
  t.equal(Math.round((list!.nextUpdate - list!.thisUpdate) / 3_600_000), 48)
  t.strictSame(Buffer.from(list!.issuer), Buffer.from(subjectOf(of(ec))))
  const two = readCrls(Buffer.from(`${one}text between\n${makeCrl(rsa, [])}`))
  t.strictSame(
    two.map(({ serials }) => serials.length),
    [2, 0]
  )
  t.equal(readCrls(derOf(one))[0]!.serials.length, 2)
  t.equal(readCrls(Buffer.from(makeCrl(ec, [], { nextUpdate: null })))[0]!.nextUpdate, Infinity)
})

t.test('checks who has signed it', async t => {
  for (const authority of [ec, rsa]) {
    const [list] = readCrls(Buffer.from(makeCrl(authority, [leaf])))
    t.equal(list!.isSignedBy(of(authority)), true)
    t.equal(list!.isSignedBy(of(authority === ec ? rsa : ec)), false)
    t.equal(list!.isSignedBy(of(makeCertificate({ subject: 'ec' }))), false)
  }
})

t.test('refuses what is no complete list', async t => {
  const der = derOf(makeCrl(ec, [leaf]))
  for (const partial of ['deltaIndicator', 'distributionPoint'] as const)
    t.throws(() => readCrls(Buffer.from(makeCrl(ec, [leaf], { partial }))), /delta|part of/)
  for (const [end, what] of [
    [0, /tag/],
    [40, /ends outside/],
    [der.length - 1, /ends outside/]
  ] as const)
    t.throws(() => readCrls(der.subarray(0, end)), what)
  t.throws(() => readCrls(Buffer.from('text')), /tag/)
  const unknown = Buffer.from(der)
  unknown[der.indexOf(Buffer.from('2a8648ce3d040302', 'hex')) + 7] = 9
  unknown[der.lastIndexOf(Buffer.from('2a8648ce3d040302', 'hex')) + 7] = 9
  t.throws(() => readCrls(unknown), /unknown signature algorithm 1\.2\.840\.10045\.4\.3\.9/)
  t.throws(() => readCrls(Buffer.of(0x30, 0x85, 1, 1, 1, 1, 1)), /length of 5 bytes/)
  const late = Buffer.from(der)
  late[der.indexOf(Buffer.of(0x18, 15)) + 16] = 0x41
  t.throws(() => readCrls(late), /invalid time/)
})

t.test('reads values of every kind', async t => {
  t.equal(oidText(Buffer.from('551d1b', 'hex')), '2.5.29.27')
  t.equal(oidText(Buffer.from('2a8648ce3d040302', 'hex')), '1.2.840.10045.4.3.2')
  t.equal(oidText(Buffer.from('883703', 'hex')), '2.999.3')
  const long = Buffer.concat([Buffer.of(4, 0x82, 1, 0), Buffer.alloc(256, 7)])
  t.equal(new DerReader(long).read(4).length, 256)
  // UTCTime: two digits of the year.
  const [list] = readCrls(
    utc(derOf(makeCrl(ec, [], { thisUpdate: new Date('2049-12-31T00:00:00Z') })))
  )
  t.equal(list!.thisUpdate, Date.parse('2049-12-31T00:00:00Z'))
})

/** The same list with `thisUpdate` as UTCTime: three lengths change. */
function utc(der: Buffer): Buffer {
  const at = der.indexOf(Buffer.from([0x18, 15]))
  const short = Buffer.concat([der.subarray(0, at), Buffer.of(0x17, 13), der.subarray(at + 4)])
  const fix = (position: number): void => {
    const size = short[position]! & 0x7f
    if (short[position]! < 0x80) short[position]! -= 2
    else if (size === 1) short[position + 1]! -= 2
    else short.writeUInt16BE(short.readUInt16BE(position + 1) - 2, position + 1)
  }
  fix(1)
  fix(2 + (short[1]! < 0x80 ? 0 : short[1]! & 0x7f) + 1)
  return short
}
