import { createPrivateKey } from 'node:crypto'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { readMandate } from '../../src/policy/rules/mandates/read-mandate.js'
import { splitSigned, withMandateSignature } from '../../src/policy/rules/mandates/signed-text.js'
import { brief } from './folder.js'
import { mandate, mandateText, NOW, publicKey, signed } from './mandate-rig.js'

const BAN = '  - { apps: [tiktok], networks: all }\n'
const codes = (file: Uint8Array, trusted: readonly string[] | undefined = [publicKey]) => {
  const result = readMandate(file, 'be.yaml', trusted, NOW)
  return result.ok ? [] : brief(result.errors)
}

t.test('a signed mandate has what its file says', t => {
  const read = mandate(
    '  - apps: [tiktok]\n    names: [capcut.com]\n    networks: [phones]\n    prefixes: [10.0.0.0/8]\n' +
      '    from: 2026-01-01\n    last-day: 2026-12-31\n    exceptions: allowed\n'
  )
  t.equal(read.id, 'be-federal')
  t.strictSame(read.signers, [publicKey])
  const { apps, from, until, allowsExceptions } = read.bans[0]!
  t.strictSame(apps[0], { value: 'tiktok', position: { file: 'be.yaml', line: 6, column: 12 } })
  t.strictSame([from, until], [Date.UTC(2026, 0, 1) / 1000, Date.UTC(2027, 0, 1) / 1000])
  t.equal(allowsExceptions, true)
  t.end()
})

t.test('without bans, a mandate is withdrawn', t => {
  t.strictSame(codes(signed(mandateText('  []\n'))), [])
  t.end()
})

t.test('a changed text is an error at its signature', t => {
  const file = Buffer.from(signed(mandateText(BAN)))
  const changed = Buffer.from(file.toString().replace('networks: all', 'networks: [x]'))
  t.strictSame(codes(changed), ['MANDATE_SIGNATURE be.yaml:7:1'])
  const longer = Buffer.concat([file, Buffer.from('# comment\n')])
  t.strictSame(codes(longer), ['MANDATE_UNSIGNED be.yaml:1:1'], 'what follows is not signed')
  t.end()
})

t.test('a mandate needs a signature by a trusted key', t => {
  const text = Buffer.from(mandateText(BAN))
  t.strictSame(codes(text), ['MANDATE_UNSIGNED be.yaml:1:1'])
  const other = generateKeys()
  t.strictSame(codes(signed(mandateText(BAN)), [other.publicKey]), ['MANDATE_UNSIGNED be.yaml:1:1'])
  const both = withMandateSignature(signed(mandateText(BAN)), createPrivateKey(other.privatePem))
  t.strictSame(codes(both, [other.publicKey]), [])
  t.equal(splitSigned(both).signatures.length, 2)
  t.end()
})

t.test('signing again replaces the signature of the same key', t => {
  const once = signed(mandateText(BAN))
  t.strictSame(Buffer.from(signed(Buffer.from(once).toString())), Buffer.from(once))
  t.end()
})

t.test('a text without a final line feed gets one before the signature', t => {
  t.strictSame(codes(signed(mandateText(BAN.trimEnd()))), [])
  t.end()
})

t.test('all errors are reported at once, each with its position', t => {
  const text = `mandate: be_federal
issued: yesterday
authority: ""
reference: r
bans:
  - { apps: [tiktok], until: 2026-01-01, last-day: 2026-01-01, networks: all }
  - { networks: all }
  - { apps: [tiktok] }
  - { apps: [tiktok], networks: [phones], exceptions: some, forever: true }
`
  t.strictSame(codes(Buffer.from(text)), [
    'MANDATE_UNSIGNED be.yaml:1:1',
    'DOCUMENT_INVALID be.yaml:1:10',
    'DOCUMENT_INVALID be.yaml:3:12',
    'DOCUMENT_INVALID be.yaml:6:5',
    'DOCUMENT_INVALID be.yaml:7:5',
    'DOCUMENT_INVALID be.yaml:8:5',
    'DOCUMENT_INVALID be.yaml:9:55',
    'DOCUMENT_INVALID be.yaml:9:61'
  ])
  const dates =
    '  - { apps: [a], networks: all, from: 2026-02-30 }\n' +
    '  - { apps: [a], networks: all, from: 2027-01-01, until: 2026-01-01 }\n'
  t.strictSame(codes(signed(mandateText(dates, 'soon'))), [
    'RULES_DATE be.yaml:2:9',
    'RULES_DATE be.yaml:6:39',
    'RULES_DATE_ORDER be.yaml:7:58'
  ])
  t.end()
})
