/**
 * Encrypted DNS between Interdict and real resolvers: Unbound, dnsdist and Knot Resolver as upstreams over TLS
 * and HTTPS; Unbound, Knot Resolver, BIND, dnsdist and systemd-resolved as clients. Run by `npm run test:interop`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  bindForwarding,
  certify,
  dnsdistForwarding,
  kresdForwarding,
  SERVERS,
  startEncrypted,
  unboundForwarding
} from './encrypted-servers.js'
import { install } from '../../tools/install.js'
import { resolvedForwarding } from './resolved.js'
import {
  dig,
  eventually,
  freePort,
  interdict,
  site,
  startInterdict,
  startNsd
} from './processes.js'

install('dig', 'nsd', 'unbound', 'named', 'dnsdist', 'kresd', 'unshare', 'ip')
t.setTimeout(300_000)

const NETWORKS = `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans: [{ names: [banned.example], authority: A, reference: R }]
`

t.test('forwards to Unbound, dnsdist and Knot Resolver over TLS and HTTPS', async t => {
  const nameServer = await freePort()
  await startNsd(t, nameServer)
  const certificates = certify(t)
  const servers = await Promise.all(
    SERVERS.map(name => startEncrypted(t, name, nameServer, certificates))
  )
  const routes = servers.flatMap(({ name, dot, doh }) => [
    { domain: `${name}-dot.wild.example`, protocol: 'dot', port: dot },
    { domain: `${name}-doh.wild.example`, protocol: 'doh', port: doh }
  ])
  const forward = (domain: string, protocol: string, port: number, name: string): string =>
    `    ${domain}: [{ address: 127.0.0.1, port: ${port}, protocol: ${protocol}, name: ${name}, ca: ${certificates.ca} }]`
  const settings = `listen: ['127.0.0.1:PORT']
workers: 1
upstreams:
  use-resolv-conf: false
  forward:
${routes
  .flatMap(({ domain, protocol, port }) => [
    forward(domain, protocol, port, 'dns.example'),
    forward(`wrong-${domain}`, protocol, port, 'other.example')
  ])
  .join('\n')}
admin: { socket: admin.sock }
log: { queries: { which: none } }
`
  const at = await site(t, settings, NETWORKS)
  await startInterdict(t, at)
  const ask = (name: string): Promise<string> => dig(['@127.0.0.1', '-p', `${at.port}`, name])
  for (const { domain, protocol, port } of routes) {
    for (const label of ['a', 'b', 'c'])
      t.match(await ask(`${label}.${domain}`), /192\.0\.2\.12/, `${label}.${domain}`)
    t.match(await ask(`mixed-case.${domain}`), /192\.0\.2\.12/)
    const wrong = await ask(`www.wrong-${domain}`)
    t.match(wrong, /SERVFAIL/)
    t.match(wrong, /EDE: 23 .*other\.example/)
    const { text } = await interdict('status', '--json', '-c', join(at.dir, 'interdict.yaml'))
    const { upstreams } = JSON.parse(text) as {
      upstreams: { address: string; encryption: string; answered: number; error: string | null }[]
    }
    const shown = upstreams.find(
      ({ address }) => address.includes(`:${port}`) && address.includes('dns.example')
    )
    t.match(shown, { encryption: 'strict', error: null })
    t.ok(shown!.address.startsWith(protocol === 'dot' ? 'tls://' : 'https://'), shown!.address)
  }
})

t.test('Unbound, Knot Resolver, BIND and dnsdist forward to it', async t => {
  const nameServer = await freePort()
  await startNsd(t, nameServer)
  const certificates = certify(t)
  const [tls, https] = [await freePort(), await freePort()]
  const pair = `certificate: ${certificates.certificate}, key: ${certificates.key}`
  const settings = `listen:
  - 127.0.0.1:PORT
  - { address: 127.0.0.1:${tls}, protocol: dot, ${pair} }
  - { address: 127.0.0.1:${https}, protocol: doh, ${pair} }
workers: 1
upstreams: { servers: ['127.0.0.1:${nameServer}'] }
log: { queries: { file: queries.jsonl, which: all } }
`
  const at = await site(t, settings, NETWORKS)
  await startInterdict(t, at)
  const clients = {
    unbound: { protocol: 'dot', start: () => unboundForwarding(t, tls, certificates) },
    kresd: { protocol: 'dot', start: () => kresdForwarding(t, tls, certificates) },
    bind: { protocol: 'dot', start: () => bindForwarding(t, tls, certificates) },
    dnsdist: { protocol: 'dot', start: () => dnsdistForwarding(t, tls, certificates) },
    'dnsdist-https': {
      protocol: 'doh',
      start: () => dnsdistForwarding(t, https, certificates, '/dns-query')
    }
  }
  for (const [client, { protocol, start }] of Object.entries(clients)) {
    const name = `${client}.banned.example`
    t.match(await dig(['@127.0.0.1', '-p', `${await start()}`, name]), /NXDOMAIN/, name)
    await eventually('the log', 10, () => {
      const file = join(at.dir, 'queries.jsonl')
      const log = existsSync(file) ? readFileSync(file, 'utf8') : ''
      return Promise.resolve(log.includes(`"protocol":"${protocol}","qname":"${name}"`))
    })
  }
})

t.test('systemd-resolved asks it over TLS', async t => {
  const { ca, certificate, key } = certify(t)
  const settings = `listen:
  - 127.0.0.1:53
  - { address: 127.0.0.1:853, protocol: dot, certificate: ${certificate}, key: ${key} }
workers: 1
upstreams: { use-resolv-conf: false }
log: { queries: { file: queries.jsonl, which: all } }
`
  const networks = `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans:
      - { names: [banned.example], authority: A, reference: R }
      - { names: [found.example], authority: A, reference: R, action: sinkhole, sinkhole: { ipv4: 192.0.2.7 } }
`
  const at = await site(t, settings, networks)
  const output = await resolvedForwarding(t, at.dir, ca)
  t.match(output, /status: NXDOMAIN/)
  t.match(output, /"protocol":"dot","qname":"banned\.example"/)
  t.notMatch(output, /"protocol":"(udp|tcp)","qname":"banned/, 'nothing in clear')
})
