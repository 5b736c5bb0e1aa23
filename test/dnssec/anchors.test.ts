import t from 'tap'
import {
  ROOT_ANCHORS,
  TrustAnchors,
  trustAnchorsWith
} from '../../src/resolver/validation/trust-anchors.js'
import { readTrustAnchor } from '../../src/wire/dnssec/trust-anchor.js'
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

t.test(
  'for a zone, anchors of the rules count before those of the settings and the built-in ones',
  t => {
    const anchor = (zone: string, tag: number) => `${zone} DS ${tag} 13 2 ${'00'.repeat(32)}`
    const tags = (name: string, settings: string[], rules: string[]) =>
      trustAnchorsWith(settings, rules)
        .find(wire(name))!
        .ds.map(({ keyTag }) => keyTag)
    t.strictSame(tags('www.example', [], []), [20326, 38696])
    t.strictSame(tags('www.example', [anchor('.', 1)], []), [1])
    const rollover = [anchor('.', 2), anchor('.', 3)]
    t.strictSame(tags('www.example', [anchor('.', 1)], rollover), [2, 3])
    const corp = anchor('Corp.example', 4)
    t.strictSame(tags('www.corp.example', [corp], rollover), [4])
    t.strictSame(tags('www.corp.example', [corp], [anchor('corp.example', 5)]), [5])
    t.strictSame(tags('www.example', [], [corp]), [20326, 38696])
    t.end()
  }
)
