import t from 'tap'
import {
  readTrustAnchor,
  ROOT_ANCHORS,
  TrustAnchors
} from '../../src/resolver/validation/trust-anchors.js'
import { wire } from './zone.js'

t.test('trust anchors', async t => {
  t.strictSame(
    new TrustAnchors().find(wire('www.example'))!.ds.map(({ keyTag }) => keyTag),
    [20326, 38696]
  )
  const key =
    'AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU='
  const digest = (text: string) => Buffer.from(readTrustAnchor(text).ds[0]!.digest).toString('hex')
  t.equal(digest(`. IN DNSKEY 257 3 8 ${key}`), digest(ROOT_ANCHORS[0]))
  for (const [text, why] of [
    ['example', 'expected ZONE DS'],
    ['example DS 1 13 2 zz', 'hex'],
    ['example DS 1 13 2 00', '32 octets'],
    [`example DS 1 5 2 ${'00'.repeat(32)}`, 'not supported'],
    [`example DS 1 13 1 ${'00'.repeat(20)}`, 'not supported'],
    [`example DS 70000 13 2 ${'00'.repeat(32)}`, 'too large'],
    [`ex..ample DS 1 13 2 ${'00'.repeat(32)}`, 'not a domain name'],
    ['example DNSKEY 257 3 13 ***', 'base 64']
  ] as const)
    t.throws(() => readTrustAnchor(text), { code: 'TRUST_ANCHOR_INVALID', message: why }, text)
})
