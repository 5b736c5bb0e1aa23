import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import t from 'tap'
import { contextTrusting } from '../../src/wire/tls/trusting-context.js'

t.test('the context of the same certificates is made once', async t => {
  const ca = readFileSync('test/sources/http/server-cert.pem', 'utf8')
  const context = contextTrusting(ca)
  t.equal(contextTrusting(ca), context)
  const other = contextTrusting(rootCertificates[0]!)
  t.not(other, context, 'other certificates are not trusted by mistake')
  t.equal(contextTrusting(rootCertificates[0]!), other)
})
