import { createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount, createUser } from '@nats-io/nkeys'
import t from 'tap'
import {
  authenticatorOf,
  isSignedBy,
  readCredentials,
  signReport
} from '../../src/fleet/channel/credentials.js'
import { enrol } from '../../src/fleet/channel/enrol.js'
import { decodeToken, encodeToken } from '../../src/fleet/channel/enrol-token.js'
import { natsTls } from '../../src/fleet/channel/nats-tls.js'
import { userKey, userSeed } from '../../src/fleet/channel/nkey.js'
import { signedOctets } from '../../src/fleet/channel/wire.js'
import { report } from './reports.js'
import { Site } from '../daemon/site.js'

t.test('keys are those of NATS', async t => {
  for (let i = 0; i < 5; i++) {
    const pair = createUser()
    const seed = userSeed(Buffer.from(pair.getSeed()).toString())!
    const key = userKey(pair.getPublicKey())!
    t.ok(createPublicKey(seed).equals(key))
    const signature = Buffer.from(pair.sign(signedOctets('{}'))).toString('base64')
    t.ok(isSignedBy({ report: '{}', signature }, key))
    t.notOk(isSignedBy({ report: '{ }', signature }, key))
  }
  t.equal(userKey(createAccount().getPublicKey()), undefined)
  t.equal(userSeed('SU'), undefined)
})

t.test('the file of credentials', async t => {
  const dir = new Site(t, {}).folder
  const path = join(dir, 'fleet.creds')
  t.throws(() => readCredentials(path), { code: 'FLEET_CREDENTIALS', message: /no such file/ })
  const user = createUser()
  const seed = Buffer.from(user.getSeed()).toString()
  const text = (jwt: string): string =>
    `${jwt}\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`
  writeFileSync(path, text('nothing'))
  t.throws(() => readCredentials(path), { message: /expected a JWT and the seed of a user/ })
  writeFileSync(path, text('-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------'))
  const credentials = readCredentials(path)
  const { key } = credentials
  const { jwt, sig } = authenticatorOf(credentials)('nonce') as { jwt: string; sig: string }
  t.equal(jwt, 'x')
  t.ok(user.verify(Buffer.from('nonce'), Buffer.from(sig, 'base64url')))
  const signed = JSON.parse(Buffer.from(signReport(report({}), key)).toString()) as {
    report: string
    signature: string
  }
  t.ok(isSignedBy(signed, createPublicKey(key)))
})

t.test('enrolment tokens', async t => {
  const token = {
    ...{ id: 'i', name: 'n', ring: 'r', secret: 's', creds: 'c', nats: ['nats://x'] },
    hub: null
  }
  t.strictSame(decodeToken(`${encodeToken(token)}\n`), token)
  for (const bad of ['', 'interdict_enrol_', 'interdict_enrol_e30', encodeToken(token).slice(1)])
    t.throws(() => decodeToken(bad), { code: 'FLEET_TOKEN' })
  const tls = { caFile: undefined, certificate: undefined }
  await t.rejects(enrol(token, '/nowhere', tls), { message: /its credentials are damaged/ })
})

t.test('connections to NATS use TLS where an address says so', async t => {
  const site = new Site(t, { 'ca.pem': 'authority', 'own.pem': 'certificate', 'own.key': 'key' })
  const none = { caFile: undefined, certificate: undefined }
  t.equal(natsTls({ ...none, servers: ['nats://192.0.2.1:4222'] }), null)
  const servers = ['nats://192.0.2.1:4222', 'tls://nats.example:4222']
  t.strictSame(natsTls({ ...none, servers }), {}, 'certified by an authority that Node knows')
  const certificate = { certificate: site.path('own.pem'), key: site.path('own.key') }
  const own = natsTls({ servers, caFile: site.path('ca.pem'), certificate })
  t.match(own, { cert: 'certificate', key: 'key', ca: /^authority\n-----BEGIN CERTIFICATE-----/ })
  const missing = { ...none, servers, caFile: site.path('none.pem') }
  t.throws(() => natsTls(missing), { code: 'ENOENT' })
})
