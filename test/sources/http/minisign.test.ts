import t from 'tap'
import { signatureError } from '../../../src/sources/http/minisign.js'
import { KEY, LIST, SIGNATURE } from './signed.js'

const OTHER = 'RWTZnsqITRuf3hmqcIrI/5z0anFAkILeSumy6/1yhw+FTK6kx/J4D42Z'

const OF_OLD = `untrusted comment: signature from minisign secret key
RWTIl49KFs6nqWUzg31OCknQmUn7qmuExlynJH+xwPRV5IRvGzq+RtD5Fqq8uT2qomhuXgyniwaVv6TAxv8+pwP/4rvUTP4FpAk=
trusted comment: list of old
NkBHeCbQWsXBT1U+A29lD86YSnBrBV5Hej3yJ3tBOJy+fVxz/hyNmf/Ut5J59GfMSppEgpYE/ATDFl1rwn2zCw==
`

const check = (text: string, signature: string, key = KEY): string | undefined =>
  signatureError(Buffer.from(text), signature, key)

const good = [
  { it: 'of the hash of the file', signature: SIGNATURE },
  { it: 'of the file itself, as of old', signature: OF_OLD },
  { it: 'with CRLF', signature: SIGNATURE.replaceAll('\n', '\r\n') },
  {
    it: 'with another untrusted comment',
    signature: SIGNATURE.replace('signature from minisign secret key', 'whatever')
  }
]

for (const { it, signature } of good) {
  t.test(`accepts a signature ${it}`, async t => t.equal(check(LIST, signature), undefined))
}

/** One bit of a line's 40th octet is another. */
function bent(line: number): string {
  const lines = SIGNATURE.split('\n')
  const octets = Buffer.from(lines[line]!, 'base64')
  octets[40]! ^= 1
  lines[line] = octets.toString('base64')
  return lines.join('\n')
}

const refused = [
  { it: 'another file', text: `${LIST}c.example\n`, why: /does not match the file/ },
  { it: 'another file, of old', text: 'x', signature: OF_OLD, why: /does not match the file/ },
  {
    it: 'a signature of which a bit is another',
    signature: bent(1),
    why: /does not match the file/
  },
  {
    it: 'a global signature of which a bit is another',
    signature: bent(3),
    why: /trusted comment/
  },
  {
    it: 'another trusted comment',
    signature: SIGNATURE.replace('list of today', 'list of tomorrow'),
    why: /trusted comment/
  },
  { it: "somebody else's key", key: OTHER, why: /key A9A7CE164A8F97C8, not DE9F1B4D88CA9ED9/ },
  {
    it: 'a signature of the hash that says that it is of the file',
    signature: SIGNATURE.replace('RUTI', 'RWTI'),
    why: /does not match the file/
  },
  {
    it: 'an algorithm that is not known',
    signature: SIGNATURE.replace('RUTI', 'SETI'),
    why: /algorithm HD/
  },
  {
    it: 'a signature cut short',
    signature: SIGNATURE.slice(0, 100),
    why: /not a minisign signature/
  },
  { it: 'a page', signature: '<html>\n<p>\n', why: /not a minisign signature/ },
  { it: 'nothing', signature: '', why: /not a minisign signature/ },
  { it: 'more after it', signature: `${SIGNATURE}more\n`, why: /not a minisign signature/ },
  { it: 'a key that is none', key: 'AAAA', why: /not a minisign public key/ }
]

for (const { it, text = LIST, signature = SIGNATURE, key = KEY, why } of refused) {
  t.test(`rejects ${it}`, async t => t.match(check(text, signature, key), why))
}
