import { createPrivateKey } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { generateKeys } from '../../../src/base/files/ed25519.js'
import type { InterdictError } from '../../../src/base/errors/error.js'
import { decodeBundle, encodeBundle } from '../../../src/sources/bundle/bundle.js'
import { decodeContent, encodeContent } from '../../../src/sources/bundle/content.js'
import { sha256Of } from '../../../src/base/bytes/sha256.js'
import { withSignature } from '../../../src/sources/bundle/signatures.js'
import { runs } from '../../runs.js'

const pairs = [generateKeys(), generateKeys(), generateKeys()]
const [one, two, other] = pairs.map(({ privatePem, publicKey }) => {
  return { key: createPrivateKey(privatePem), publicKey }
}) as [Pair, Pair, Pair]
interface Pair {
  readonly key: ReturnType<typeof createPrivateKey>
  readonly publicKey: string
}

const NETWORKS = Buffer.from('networks: { all: { prefixes: [192.0.2.0/24] } }\n')
const CONTENT = new Map([
  ['networks.yaml', NETWORKS],
  ['apps/clip.yaml', Buffer.from('app: clip\n')],
  ['empty', Buffer.alloc(0)]
])
const MAKING = { serial: 7, created: 1_700_000_000, expires: 1_800_000_000 }

const signedBy = (...keys: Pair[]): Promise<Uint8Array> =>
  encodeBundle(CONTENT, { ...MAKING, keys: keys.map(({ key }) => key) })

async function codeOf(doing: Promise<unknown>): Promise<string> {
  try {
    await doing
    return 'fine'
  } catch (error) {
    return (error as InterdictError).code
  }
}

const trust = (signatures: number, ...keys: Pair[]) => ({
  keys: keys.map(({ publicKey }) => publicKey),
  signatures
})

t.test('a packed bundle decodes to the same files, manifest and signers', async t => {
  const { manifest, content, signers } = await decodeBundle(await signedBy(one), 'b', trust(1, one))
  t.match(manifest, { ...MAKING, files: 3, sha256: sha256Of(encodeContent(CONTENT)) })
  t.strictSame(signers, [one.publicKey])
  t.strictSame([...content.keys()], ['apps/clip.yaml', 'empty', 'networks.yaml'])
  t.equal(Buffer.compare(content.get('networks.yaml')!, NETWORKS), 0)
})

t.test('the same files give the same hash, in whatever order they were read', async t => {
  const again = new Map([...CONTENT].reverse())
  t.equal(sha256Of(encodeContent(again)), sha256Of(encodeContent(CONTENT)))
  const changed = new Map([...CONTENT, ['empty', Buffer.from(' ')]])
  t.not(sha256Of(encodeContent(changed)), sha256Of(encodeContent(CONTENT)))
})

const trusts = [
  { it: 'nobody', file: signedBy(), trust: trust(1, one), code: 'BUNDLE_UNSIGNED' },
  { it: 'somebody else', file: signedBy(other), trust: trust(1, one), code: 'BUNDLE_UNSIGNED' },
  { it: 'one of two', file: signedBy(one), trust: trust(2, one, two), code: 'BUNDLE_UNSIGNED' },
  {
    it: 'one, twice',
    file: signedBy(one, one),
    trust: trust(2, one, two),
    code: 'BUNDLE_UNSIGNED'
  },
  { it: 'both', file: signedBy(two, one), trust: trust(2, one, two), code: 'fine' },
  { it: 'one and others', file: signedBy(other, one), trust: trust(1, one), code: 'fine' },
  { it: 'nobody, where any will do', file: signedBy(), trust: undefined, code: 'fine' }
]
for (const { it, file, trust, code } of trusts) {
  t.test(`signed by ${it}: ${code}`, async t => {
    t.equal(await codeOf(decodeBundle(await file, 'b', trust)), code)
  })
}

t.test('a second signature is added, and each key signs once', async t => {
  const twice = withSignature(await signedBy(one), 'b', two.key)
  t.equal(await codeOf(decodeBundle(twice, 'b', trust(2, one, two))), 'fine')
  t.equal(Buffer.compare(withSignature(twice, 'b', two.key), twice), 0)
})

t.test('no octet of it can be changed', async t => {
  const file = await signedBy(one)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(file.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const changed = Buffer.from(file)
        changed[at]! ^= flip
        const code = await codeOf(decodeBundle(changed, 'b', trust(1, one)))
        // Of the head of gzip (RFC 1952 §2.3), name of the system and level say nothing.
        if (code === 'fine') {
          const { content } = await decodeBundle(changed, 'b', trust(1, one))
          t.equal(sha256Of(encodeContent(content)), sha256Of(encodeContent(CONTENT)))
        } else t.match(code, /^BUNDLE_/)
      }
    ),
    runs(300)
  )
})

t.test('it can only end at its end', async t => {
  const file = await signedBy(one)
  for (let end = 0; end < file.length; end += 7) {
    t.equal(await codeOf(decodeBundle(file.subarray(0, end), 'b')), 'BUNDLE_BROKEN', `${end}`)
  }
  t.equal(await codeOf(decodeBundle(Buffer.concat([file, Buffer.of(0)]), 'b')), 'BUNDLE_BROKEN')
})

t.test('a decompression bomb is limited to the signed size', async t => {
  const zeros = Buffer.alloc(64 * 1024 * 1024)
  const file = Buffer.from(
    await encodeBundle(new Map([['zeros', zeros]]), { ...MAKING, keys: [] })
  ).toString('latin1')
  t.ok(file.length < 100_000)
  const lying = Buffer.from(file.replace(/"octets":\d+/, '"octets":1000'), 'latin1')
  t.equal(await codeOf(decodeBundle(lying, 'b')), 'BUNDLE_BROKEN')
  const vast = Buffer.from(file.replace(/"octets":\d+/, '"octets":99999999999'), 'latin1')
  t.equal(await codeOf(decodeBundle(vast, 'b')), 'BUNDLE_BROKEN')
})

for (const { it, text, by } of [
  { it: 'when it was made', text: /"created":\d+/, by: '"created":9007199254740991' },
  { it: 'when it expires', text: /"expires":\d+/, by: '"expires":8640000000001' },
  { it: 'a key', text: /"key":"[^"]+"/, by: String.raw`"key":"\u001b[2J"` }
]) {
  t.test(`${it} outside the range of calendars or with control characters is invalid`, async t => {
    const file = Buffer.from(await signedBy(one)).toString('latin1')
    const changed = Buffer.from(file.replace(text, by), 'latin1')
    t.equal(await codeOf(decodeBundle(changed, 'b')), 'BUNDLE_BROKEN')
  })
}

const names = ['../x', '/x', 'a/../b', './a', 'a//b', 'a/', '', 'a\\b', 'a\nb', 'a/b/c/d/e/f/g/h/i']
for (const name of names) {
  t.test(`${JSON.stringify(name)} is not a file name`, async t => {
    const octets = Buffer.from(`${name}\x001\0x`)
    t.throws(() => decodeContent(octets, 'b'), { code: 'BUNDLE_BROKEN' })
  })
}

for (const written of ['a|1|xa|1|y', 'b|1|xa|1|y', 'a|9|x', 'a|-1|x', 'a', 'a|']) {
  const text = written.replaceAll('|', '\0')
  t.test(`${JSON.stringify(text)} is not bundle content`, async t => {
    t.throws(() => decodeContent(Buffer.from(text), 'b'), { code: 'BUNDLE_BROKEN' })
  })
}

t.test('more files than the limit are rejected', async t => {
  const text = Array.from({ length: 10_001 }, (_, i) => `f${String(i).padStart(6, '0')}|0|`)
  t.throws(() => decodeContent(Buffer.from(text.join('').replaceAll('|', '\0')), 'b'), {
    code: 'BUNDLE_BROKEN'
  })
})
