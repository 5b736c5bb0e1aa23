import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { generateKeys, parsePrivateKey } from '../../src/base/files/ed25519.js'
import { decodeBundle, encodeBundle } from '../../src/sources/bundle/bundle.js'
import { withSignature } from '../../src/sources/bundle/signatures.js'
import {
  bundleFile,
  bundleParts,
  filesOf,
  hasTexts
} from '../../src/admin/web/signing/bundle-file.js'
import {
  createSigningKey,
  importSigningKey,
  publicPem,
  signBundle,
  signingSupport
} from '../../src/admin/web/signing/signing-key.js'
import { interdict } from '../cli/run.js'

const RULES = 'networks: { all: { prefixes: [10.0.0.0/8], block: [ads.example] } } # é\n'
const CONTENT = new Map([
  ['apps/clip.yaml', Buffer.from('app: clip\ntitle: Clip\nnames: [clip.example]\n')],
  ['networks.yaml', Buffer.from(RULES)]
])
const TIMES = { serial: 7, created: 1_796_120_444, expires: 1_803_896_444 }
const octets = (file: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(file)
const unsigned = async () => octets(await encodeBundle(CONTENT, { ...TIMES, keys: [] }))

t.test('a bundle signed in the browser is what the command line makes', async t => {
  const { privatePem, publicKey } = generateKeys()
  const key = await importSigningKey(privatePem)
  t.equal(key.publicKey, publicKey)
  t.equal(key.privateKey.extractable, false)
  const wanted = await encodeBundle(CONTENT, { ...TIMES, keys: [createPrivateKey(privatePem)] })
  const signed = await signBundle(await unsigned(), key)
  t.strictSame(Buffer.from(signed), wanted, 'interdict bundle create --key')
  t.strictSame(await signBundle(signed, key), signed, 'a second time changes nothing')
  const other = generateKeys()
  const both = withSignature(signed, 'x', parsePrivateKey(Buffer.from(other.privatePem)))
  const second = await signBundle(signed, await importSigningKey(other.privatePem))
  t.strictSame(Buffer.from(second), both, 'interdict bundle sign')
  const { signers } = await decodeBundle(second, 'x', { keys: [publicKey], signatures: 1 })
  t.strictSame(signers, [publicKey, other.publicKey])
})

t.test('the same for a folder that the command packs', async t => {
  const folder = t.testdir({ rules: { 'networks.yaml': RULES } })
  const { privatePem } = generateKeys()
  const file = `${folder}/rules.bundle`
  const made = await interdict('bundle', `${folder}/rules`, '-o', file, '--serial', '9')
  t.equal(made.code, 0, made.err)
  const browser = await signBundle(octets(readFileSync(file)), await importSigningKey(privatePem))
  writeFileSync(`${folder}/key.pem`, privatePem)
  const signed = await interdict('bundle', 'sign', file, '-k', `${folder}/key.pem`)
  t.equal(signed.code, 0, signed.err)
  t.strictSame(Buffer.from(browser), readFileSync(file))
})

t.test('a key made in the browser stays there, and verifies', async t => {
  t.equal(await signingSupport(true), 'possible')
  t.equal(await signingSupport(false), 'insecure')
  const key = await createSigningKey()
  await t.rejects(crypto.subtle.exportKey('pkcs8', key.privateKey))
  const signed = await signBundle(await unsigned(), key)
  const { signers } = await decodeBundle(signed, 'x', { keys: [key.publicKey], signatures: 1 })
  t.strictSame(signers, [key.publicKey])
  t.match(publicPem(key), /^-----BEGIN PUBLIC KEY-----\nMCow[^]+=\n-----END PUBLIC KEY-----\n$/)
  for (const pem of [
    '',
    generateKeys().publicKey,
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'
  ])
    await t.rejects(importSigningKey(pem), { message: /^no private key$|^not an Ed25519 key$/ })
})

t.test('nothing is signed that has other texts than the page shows', async t => {
  const file = await unsigned()
  t.equal(await hasTexts(file, { 'networks.yaml': RULES }), true)
  t.equal(await hasTexts(file, { 'networks.yaml': `${RULES} ` }), false)
  t.equal(await hasTexts(file, { 'networks.yaml': RULES.replace('10.', '11.') }), false)
  t.equal(await hasTexts(file, { 'other.yaml': RULES }), false)
  const parts = bundleParts(file)
  t.strictSame([...(await filesOf(parts)).keys()], ['apps/clip.yaml', 'networks.yaml'])
  t.strictSame(bundleFile(parts, []), file)
  const forged = { ...parts, manifest: parts.manifest.replace(/[0-9a-f]{64}/, '0'.repeat(64)) }
  await t.rejects(filesOf(forged), { message: 'its content does not match its hash' })
  t.throws(() => bundleParts(octets(Buffer.from('no bundle'))), { message: 'not a bundle' })
})
