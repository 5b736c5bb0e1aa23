import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { serving } from '../daemon/serve.js'
import { eventually } from '../daemon/site.js'
import { makeCertificate } from '../tls/certificates.js'
import { startChrome } from './chrome.js'

const authority = makeCertificate({ subject: 'MDM', names: [] })
const server = makeCertificate({ names: ['dns.example', '127.0.0.1'] })
const LISTEN = '{ address: 127.0.0.1:0, protocol: doh, certificate: cert.pem, key: key.pem }'
const RULES = `client-authorities: { mdm: { certificate: mdm.pem } }
networks:
  lan: { prefixes: [127.0.0.0/8], bans: [{ authority: Nobody, reference: none, names: [banned.example] }] }
clients:
  phones: { network: lan, certificate: { authority: mdm, uri: 'urn:phone:*' } }
`

/** A gateway whose rules know clients by their certificates. */
const startGateway = (t: Test) =>
  serving(t, {
    listen: [LISTEN],
    queries: 'flush: 10ms, which: all',
    files: {
      'rules/networks.yaml': RULES,
      'rules/mdm.pem': authority.certificate,
      'cert.pem': server.certificate,
      'key.pem': server.key
    }
  })

/** Its own DNS client, which cancels where it is asked for a certificate (ERR_SSL_CLIENT_AUTH_CERT_NEEDED). */
export function encryptedDnsTests(
  besides: (name: string, work: (t: Test) => Promise<void>) => void
): void {
  besides('Chromium uses DNS over HTTPS while the rules have client authorities', async t => {
    const { gateway, site } = await startGateway(t)
    const profile = t.testdir()
    const templates = `https://127.0.0.1:${gateway.endpoints[0]!.port}/dns-query{?dns}`
    mkdirSync(join(profile, 'Default'))
    writeFileSync(
      join(profile, 'Local State'),
      JSON.stringify({ dns_over_https: { mode: 'secure', templates } })
    )
    const chrome = await startChrome('--ignore-certificate-errors', `--user-data-dir=${profile}`)
    t.teardown(() => chrome.close())
    const page = await chrome.newPage()
    await t.rejects(page.goto('http://banned.example/'), /ERR_NAME_NOT_RESOLVED/)
    const own = () => site.records().filter(({ qname }) => qname === 'banned.example')
    await eventually('a record', () => own().length > 0)
    t.match(own()[0], { protocol: 'doh', verdict: 'blocked' })
  })
}
