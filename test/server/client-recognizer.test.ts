import { X509Certificate } from 'node:crypto'
import t from 'tap'
import type { Identification, ClientCredentials } from '../../src/wire/pki/identity.js'
import {
  ClientRecognizer,
  NO_IDENTITIES,
  type ClientHandshake,
  type RecognitionOptions
} from '../../src/resolver/server/client-recognizer.js'
import { makeCertificate } from '../tls/certificates.js'

const ADDRESS = new Uint32Array(4)
const OPTIONS: RecognitionOptions = { name: 'dns.example', unknown: 'address', missing: 'address' }
const authority = makeCertificate({ subject: 'A', names: [] })
const other = makeCertificate({ subject: 'A', names: [] })
const hour = new Date(Date.now() + 3_600_000)
const leaf = makeCertificate({ issuer: authority, isAuthority: false, notAfter: hour })

const socket = (servername: string | false | null, certificate?: string): ClientHandshake => ({
  servername,
  peerCertificate: () =>
    certificate === undefined ? undefined : new X509Certificate(certificate).raw
})

function stage() {
  const reported: [Identification, boolean][] = []
  const presented: ClientCredentials[] = []
  let now = Date.now()
  const recognizer = new ClientRecognizer(
    { now: () => now, wall: () => now },
    (found, isClosed) => reported.push([found, isClosed]),
    servername => servername === 'probe.invalid'
  )
  const adopt = (
    labels: Readonly<Record<string, Partial<Identification>>>,
    authorities: string[] = []
  ): void => {
    const finder = {
      identify: (given: ClientCredentials): Identification | undefined => {
        presented.push(given)
        const { label, certificate } = given
        if (label === undefined && certificate === undefined) return undefined
        const key = label ?? certificate?.problem ?? 'certificate'
        const classes = { clientClass: 0, addressClass: 0 }
        const unknown = { status: 'unknown', method: 'sni', ...classes } as const
        const nobody = { device: undefined, client: undefined, reason: 'why' }
        return { ...unknown, ...nobody, ...labels[key] }
      }
    }
    recognizer.adopt({ finder, authorities })
  }
  return { recognizer, adopt, reported, presented, pass: (ms: number) => (now += ms) }
}

const phone = (clientClass: number): Partial<Identification> => {
  return { status: 'known', clientClass, client: 'phones', device: 'phones/1', reason: undefined }
}

t.test('without rules there is nothing to recognize', async t => {
  const { recognizer } = stage()
  t.equal(recognizer.recognize(socket('a.dns.example'), ADDRESS, OPTIONS), undefined)
  t.equal(recognizer.recognize(socket(null), ADDRESS, { ...OPTIONS, missing: 'refuse' }), null)
})

t.test(
  'the probe of the gateway is admitted, counts nowhere, and stays when rules change',
  async t => {
    const { recognizer, adopt } = stage()
    adopt({})
    const refusing: RecognitionOptions = { ...OPTIONS, unknown: 'refuse', missing: 'refuse' }
    const identity = recognizer.recognize(socket('probe.invalid'), ADDRESS, refusing)!
    adopt({})
    t.match(identity, { clientClass: 0, isLost: false, expires: Infinity })
    t.strictSame(recognizer.counts, NO_IDENTITIES)
    t.equal(recognizer.seen.size, 0)
  }
)

t.test('labels are below the name of the listener', async t => {
  const { recognizer, adopt, presented } = stage()
  adopt({})
  const names = [
    'A.DNS.example',
    'dns.example',
    'a.b.dns.example',
    'a.xdns.example',
    false,
    null
  ] as const
  for (const name of names) recognizer.recognize(socket(name), ADDRESS, OPTIONS)
  recognizer.recognize(socket('a.dns.example'), ADDRESS, { ...OPTIONS, name: undefined })
  t.strictSame(
    presented.map(({ label }) => label),
    ['a', ...Array<undefined>(6).fill(undefined)]
  )
  t.match(recognizer.counts, { unknown: 1, missing: 6 })
})

t.test('an identity follows the rules, lazily, until it is lost', async t => {
  const { recognizer, adopt, reported } = stage()
  adopt({ a: phone(3) })
  const identity = recognizer.recognize(socket('a.dns.example'), ADDRESS, OPTIONS)!
  t.equal(identity.clientClass, 3)
  t.equal(Buffer.from(identity.device).toString(), 'phones/1')
  adopt({ a: phone(7) })
  t.equal(identity.clientClass, 7)
  adopt({ a: { status: 'revoked', client: 'phones' } })
  t.strictSame([identity.clientClass, identity.device.length, identity.isLost], [0, 0, true])
  adopt({ a: phone(7) })
  t.strictSame([identity.clientClass, identity.isLost], [0, true], 'it is not found again')
  t.match(reported, [[{ status: 'revoked' }, true]])
  t.match(recognizer.counts, { known: 1, cut: 1 })
  t.strictSame([...recognizer.seen], [['phones', 1]])
})

t.test('an unknown client is recognized once the rules have it', async t => {
  const { recognizer, adopt } = stage()
  adopt({})
  const identity = recognizer.recognize(socket('a.dns.example'), ADDRESS, OPTIONS)!
  t.equal(identity.clientClass, 0)
  adopt({ a: phone(2) })
  t.strictSame([identity.clientClass, identity.isLost], [2, false])
  recognizer.adopt(undefined)
  t.equal(identity.clientClass, 0)
  t.equal(identity.isLost, true)
})

t.test('refuses unknown and revoked clients where the listener says so', async t => {
  const { recognizer, adopt, reported } = stage()
  adopt({ b: { status: 'revoked' }, c: phone(1) })
  const recognize = (name: string) =>
    recognizer.recognize(socket(`${name}.dns.example`), ADDRESS, { ...OPTIONS, unknown: 'refuse' })
  t.strictSame([recognize('a'), recognize('b')], [null, null])
  t.ok(recognize('c'))
  t.match(reported, [
    [{ status: 'unknown' }, true],
    [{ status: 'revoked' }, true]
  ])
  t.match(recognizer.counts, { unknown: 1, revoked: 1, known: 1, refused: 2 })
})

t.test('a certificate counts by its issuer, until it expires', async t => {
  const { recognizer, adopt, presented, pass } = stage()
  adopt({ certificate: phone(5) }, [authority.certificate, other.certificate])
  const version = recognizer.authorities
  const identity = recognizer.recognize(socket(null, leaf.certificate), ADDRESS, OPTIONS)!
  t.equal(identity.clientClass, 5)
  t.equal(
    presented[0]!.certificate!.issuer,
    new X509Certificate(authority.certificate).fingerprint256
  )
  adopt({ certificate: phone(6) }, [authority.certificate, other.certificate])
  t.equal(recognizer.authorities, version)
  t.equal(identity.clientClass, 6)
  t.ok(identity.expires <= hour.getTime())
  pass(3_700_000)
  identity.refresh()
  t.equal(identity.isLost, true)
  t.equal(presented.at(-1)!.certificate!.problem, 'it has expired')
})
