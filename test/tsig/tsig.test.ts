import t from 'tap'
import type { InterdictError } from '../../src/base/errors/error.js'
import { encodeZoneQuery } from '../../src/wire/dns/message/zone-message.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { findTsig } from '../../src/wire/tsig/tsig-record.js'
import {
  verifyRequest,
  encodeTsigError,
  signMessage,
  TSIG_ERROR,
  TsigVerifier
} from '../../src/wire/tsig/tsig.js'
import { sign, type Key } from '../sources/axfr/sign.js'

const NOW = 1_764_000_000
const keyOf = (algorithm: Key['algorithm']): Key => {
  return {
    name: 'Transfer.Example',
    algorithm,
    secret: Buffer.from('a secret of 32 octets, or more!!')
  }
}
const ours = (key: Key) => ({ ...key, name: readName(key.name) })
const query = encodeZoneQuery(4711, readName('rpz.example'), 252)

for (const algorithm of ['hmac-sha256', 'hmac-sha512'] as const) {
  const key = keyOf(algorithm)

  t.test(`${algorithm}: a request is signed as in RFC 8945`, async t => {
    const mine = signMessage(query, ours(key), NOW)
    const theirs = sign(query, key, { time: NOW })
    t.strictSame(Buffer.from(mine.octets), Buffer.from(theirs.octets))
    t.equal(mine.mac.length, algorithm === 'hmac-sha256' ? 32 : 64)
  })

  t.test(`${algorithm}: so is its response, with and without an error`, async t => {
    const prior = Buffer.alloc(32, 9)
    const mine = signMessage(query, ours(key), NOW, prior)
    t.strictSame(mine.mac, Uint8Array.from(sign(query, key, { time: NOW, prior }).mac))
    const late = signMessage(query, ours(key), NOW, prior, TSIG_ERROR.BADTIME)
    const other = Buffer.alloc(6)
    other.writeUIntBE(NOW, 0, 6)
    const theirs = sign(query, key, { time: NOW, prior, error: 18, other })
    t.strictSame(Buffer.from(late.octets), Buffer.from(theirs.octets))
  })

  t.test(`${algorithm}: a request is verified`, async t => {
    const { octets } = sign(query, key, { time: NOW })
    const judge = (message: Uint8Array, by = ours(key), now = NOW): number =>
      verifyRequest(message, findTsig(message)!, by, now)
    t.equal(judge(octets), TSIG_ERROR.none)
    t.equal(judge(octets, ours(key), NOW + 300), TSIG_ERROR.none)
    t.equal(judge(octets, ours(key), NOW + 301), TSIG_ERROR.BADTIME)
    t.equal(judge(octets, ours(key), NOW - 301), TSIG_ERROR.BADTIME)
    t.equal(judge(octets, { ...ours(key), secret: Buffer.alloc(32) }), TSIG_ERROR.BADSIG)
    t.equal(judge(octets, { ...ours(key), name: readName('other') }), TSIG_ERROR.BADKEY)
    t.equal(verifyRequest(octets, findTsig(octets)!, undefined, NOW), TSIG_ERROR.BADKEY)
    const changed = Uint8Array.from(octets)
    changed[13]! ^= 1
    t.equal(judge(changed), TSIG_ERROR.BADSIG)
    const renumbered = Uint8Array.from(octets)
    renumbered[0]! ^= 1
    t.equal(judge(renumbered), TSIG_ERROR.none, 'the ID that was signed is in the record')
  })

  t.test(`${algorithm}: a truncated MAC is never accepted`, async t => {
    const whole = algorithm === 'hmac-sha256' ? 32 : 64
    const errorOf = (macLength: number, flip = 0): number | string => {
      const { octets } = sign(query, key, { time: NOW, macLength })
      octets[octets.length - 7]! ^= flip // the last octet of the MAC
      try {
        return verifyRequest(octets, findTsig(octets)!, ours(key), NOW)
      } catch (error) {
        return (error as InterdictError).code
      }
    }
    t.equal(errorOf(whole), TSIG_ERROR.none)
    t.equal(errorOf(whole - 1), TSIG_ERROR.BADTRUNC)
    t.equal(errorOf(whole / 2), TSIG_ERROR.BADTRUNC)
    t.equal(errorOf(whole / 2, 1), TSIG_ERROR.BADSIG, 'the signature is verified first')
    for (const macLength of [0, 1, 9, whole / 2 - 1]) t.equal(errorOf(macLength), 'WIRE_TSIG')
    const request = signMessage(query, ours(key), NOW)
    for (const macLength of [1, whole / 2, whole - 1]) {
      const { octets } = sign(query, key, { time: NOW, prior: request.mac, macLength })
      t.match(new TsigVerifier(ours(key), request.mac).verify(octets, NOW), /BADSIG/)
    }
  })

  t.test(`${algorithm}: a MAC longer than the hash is malformed`, async t => {
    const { octets } = sign(query, key, { time: NOW })
    const tsig = findTsig(octets)!
    const mac = Buffer.concat([tsig.mac, Buffer.alloc(1)])
    t.throws(() => verifyRequest(octets, { ...tsig, mac }, ours(key), NOW), { code: 'WIRE_TSIG' })
  })
}

t.test('a signed response of several messages is verified message by message', async t => {
  const key = keyOf('hmac-sha256')
  const request = signMessage(query, ours(key), NOW)
  const first = sign(query, key, { time: NOW, prior: request.mac })
  const between = [query, query]
  const last = sign(query, key, { time: NOW, prior: first.mac, isLater: true, between })
  const check = new TsigVerifier(ours(key), request.mac)
  t.equal(check.verify(first.octets, NOW), undefined)
  t.ok(check.isComplete)
  t.equal(check.verify(query, NOW), undefined)
  t.notOk(check.isComplete, 'what is not signed yet')
  t.equal(check.verify(query, NOW), undefined)
  t.equal(check.verify(last.octets, NOW), undefined)
  t.ok(check.isComplete)
  t.match(check.verify(last.octets, NOW), /BADSIG/, 'the same once more')
})

t.test('errors that a primary returns', async t => {
  const key = keyOf('hmac-sha256')
  const request = signMessage(query, ours(key), NOW)
  const tsig = findTsig(request.octets)!
  for (const [name, error] of [
    ['BADKEY', TSIG_ERROR.BADKEY],
    ['BADSIG', TSIG_ERROR.BADSIG]
  ] as const) {
    const refused = encodeTsigError(query, tsig, error)
    t.match(new TsigVerifier(ours(key), request.mac).verify(refused, NOW), name)
  }
  const late = sign(query, key, { time: NOW, prior: request.mac, error: 18 })
  t.match(new TsigVerifier(ours(key), request.mac).verify(late.octets, NOW), 'BADTIME')
})

t.test('a TSIG record that is not the last, or truncated, is rejected', async t => {
  const { octets } = sign(query, keyOf('hmac-sha256'), { time: NOW })
  t.equal(findTsig(query), undefined)
  t.throws(() => findTsig(octets.subarray(0, -1)), { code: 'WIRE_SHORT' })
  const behind = Buffer.concat([octets, octets.subarray(query.length)])
  behind[11] = 2
  t.throws(() => findTsig(behind), { code: 'WIRE_TSIG' })
  const long = Uint8Array.from(octets)
  long[long.length - 1] = 7 // length of other data beyond the message
  t.throws(() => findTsig(long), { code: 'WIRE_TSIG' })
  t.throws(() => findTsig(octets.subarray(0, 5)), { code: 'WIRE_SHORT' })
})
