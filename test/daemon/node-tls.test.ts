import * as tls from 'node:tls'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { nodeTlsReason, openSslProblemOf } from '../../src/gateway/upstreams/node-tls.js'
import { loadOpenSsl } from '../../src/wire/tls/openssl/load-openssl.js'

const reasonWith = (
  upstream: string,
  load: typeof loadOpenSsl = loadOpenSsl
): string | undefined => {
  const read = readConfig(`upstreams: { servers: ["${upstream}"] }`, '/x/interdict.yaml')
  return read.ok ? nodeTlsReason(read.config, load) : read.errors[0]!.message
}
const missing = (): string => 'OpenSSL is not reachable'
const openSsl = loadOpenSsl()

t.test('says why encrypted DNS uses node:tls', async t => {
  t.equal(reasonWith('tls://192.0.2.1#dns.example', missing), missing())
  t.equal(reasonWith('192.0.2.1', missing), undefined, 'nothing is encrypted')
})

t.test('an OpenSSL that is not called is a problem where DNS is encrypted', async t => {
  const problemOf = (upstream: string, load: typeof loadOpenSsl): string | undefined => {
    const read = readConfig(`upstreams: { servers: ["${upstream}"] }`, '/x/interdict.yaml')
    return read.ok ? openSslProblemOf(read.config, load) : read.errors[0]!.message
  }
  t.equal(problemOf('tls://192.0.2.1#dns.example', missing), missing())
  t.equal(problemOf('192.0.2.1', missing), undefined)
  if (typeof openSsl === 'string') return
  t.equal(problemOf('tls://192.0.2.1#dns.example', loadOpenSsl), undefined)
})

t.test('OpenSSL is called directly where its authorities are known', async t => {
  if (typeof openSsl === 'string') return
  const listsAuthorities = 'getCACertificates' in tls
  const reason = reasonWith('tls://192.0.2.1#dns.example')
  t.match(reason ?? '', listsAuthorities ? /^$/ : /22\.15/)
})
