import { lookup } from 'node:dns'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import type { Test } from 'tap'
import { Provider } from '../../src/admin/login/provider.js'
import { systemClock } from '../../src/base/time/clock.js'
import { S3Client } from '../../src/fleet/ship/s3-client.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import type { Config } from '../../src/gateway/config/config.js'
import { AcmeServer } from '../acme/acme-server.js'
import { startReceiver } from '../alerts/receiver.js'
import { interdict, writeSite } from '../cli/run.js'
import { bundle } from '../daemon/bundle-rig.js'
import { eventually } from '../daemon/site.js'
import { channelFile, site, startChannel, wantedOf, webServer } from '../fleet/channel-rig.js'
import { ACCESS, S3Server } from '../fleet/s3-server.js'
import { fast, temporaryFolder } from '../fleet/ship-rig.js'
import { Collector } from '../querylog/export/collector.js'
import { openOutlet, push } from '../querylog/export/sinks.js'
import { CERTIFICATE, ListServer, upstream } from '../sources/http/rig.js'
import { makeCertificate } from '../tls/certificates.js'

/** A part of the gateway that sends HTTP requests. */
export interface Outgoing {
  readonly name: string
  /** Of its server: resolvable by the proxy alone. */
  readonly host: string
  /** Sends requests that must succeed. @param proxy the section of the settings */
  readonly run: (t: Test, proxy: string) => Promise<void>
}

function settings(text: string, proxy: string): Config {
  const read = readConfig(`${proxy}\n${text}`, '/etc/interdict/interdict.yaml')
  if (!read.ok) throw new AggregateError(read.errors, read.errors.map(String).join('\n'))
  return read.config
}

/** All parts of the gateway that send HTTP requests, with their servers. */
export const OUTGOING: readonly Outgoing[] = [
  {
    name: 'lists',
    host: 'lists.example',
    run: async (t, proxy) => {
      const server = await ListServer.open(t)
      const { endpoint } = await upstream(t)
      server.on('/ads.txt', 'a.example\n')
      const config = writeSite(t, {
        'interdict.yaml': `${proxy}
rules: rules
upstreams: { servers: ['127.0.0.1:${endpoint.port}'], loop-check: 0s, idle-probe: 0s }
remote-lists: { ca-file: '${resolve(CERTIFICATE)}' }
`,
        'rules/networks.yaml': `networks: { all: { prefixes: [10.0.0.0/8], block: [{ lists: [ads] }] } }
lists: { ads: { url: '${server.url('/ads.txt')}' } }
`
      })
      const updated = await interdict('-c', config, 'lists', 'update')
      t.match(updated, { code: 0, out: 'ads: 1 entry, updated\n', err: '' })
    }
  },
  {
    name: 'ACME',
    host: 'acme.example',
    run: async (t, proxy) => {
      const server = await AcmeServer.start(t)
      server.host = 'acme.example'
      const config = writeSite(t, {
        'ca.pem': server.ca.certificate,
        'interdict.yaml': `${proxy}
listen: [{ address: '192.0.2.1:853', protocol: dot, certificate: dns.pem, key: dns.key }]
discovery: { name: dns.example }
state: { folder: state }
acme: { directory: '${server.directory}', ca-file: ca.pem, http-listen: '127.0.0.1:0' }
`
      })
      const renewed = await interdict('certificate', 'renew', '-c', config)
      t.match(renewed, { code: 0, out: /dns\.pem: renewed/, err: '' })
    }
  },
  {
    name: 'OIDC',
    host: 'idp.example',
    run: async (t, proxy) => {
      const { certificate, key } = makeCertificate({ names: ['idp.example'] })
      const server = createServer({ cert: certificate, key }, (_, response) => {
        const issuer = `https://idp.example:${port}`
        const metadata = { issuer, authorization_endpoint: `${issuer}/login` }
        response.setHeader('content-type', 'application/json').end(JSON.stringify(metadata))
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      t.teardown(() => {
        server.close()
        server.closeAllConnections()
      })
      const caFile = resolve(temporaryFolder(t), 'ca.pem')
      writeFileSync(caFile, certificate)
      const { admin } = settings(
        `admin: { http: '127.0.0.1:8053', oidc: { issuer: 'https://idp.example:${port}', client-id: a, ca-file: '${caFile}', base-url: 'https://gateway.example', roles: { read: [r] } } }`,
        proxy
      )
      const provider = new Provider(admin.oidc!, 'https://gateway.example/back', systemClock)
      const url = await provider.authorizationUrl({ state: 's', nonce: 'n', verifier: 'v' })
      t.match(url, `https://idp.example:${port}/login`)
    }
  },
  {
    name: 'webhooks',
    host: 'alerts.example',
    run: async (t, proxy) => {
      const { certificate, key } = makeCertificate({ names: ['alerts.example'] })
      const receiver = await startReceiver(t, { cert: certificate, key })
      const config = writeSite(t, {
        'ca.pem': certificate,
        'interdict.yaml': `${proxy}
upstreams: { use-resolv-conf: false, servers: [192.0.2.1] }
alerts: [{ url: 'https://alerts.example:${receiver.port}/hook', ca-file: ca.pem }]
`
      })
      const sent = await interdict('alerts', 'test', '-c', config)
      t.match(sent, { code: 0, out: 'alerts.example: sent, HTTP status 204\n' })
    }
  },
  {
    name: 'S3',
    host: 's3.example',
    run: async (t, proxy) => {
      const server = new S3Server()
      const credentials = resolve(temporaryFolder(t), 'credentials')
      const keys = `aws_access_key_id = ${ACCESS.id}\naws_secret_access_key = ${ACCESS.secret}\n`
      writeFileSync(credentials, keys)
      const { fleet } = settings(
        `rules: { bundle: /b, keys: [k.pub] }
fleet: { name: gw, pull: 'https://fleet.example', logs: { to: 's3://logs/fleet', endpoint: 'https://s3.example', credentials: '${credentials}' } }`,
        proxy
      )
      // The settings allow https:// only.
      const endpoint = (await server.start(t)).replace('127.0.0.1', 's3.example')
      const client = new S3Client({ ...fleet!.logs!.s3!, endpoint }, fast(), lookup)
      await client.request('PUT', 'fleet/one', {}, Buffer.from('content'))
      t.equal(server.objects.get('fleet/one')?.toString(), 'content')
    }
  },
  {
    name: 'fleet pull',
    host: 'fleet.example',
    run: async (t, proxy) => {
      const { fleet } = settings(
        `rules: { bundle: /b, keys: [k.pub] }
fleet: { name: gw, pull: 'https://fleet.example' }`,
        proxy
      )
      const { source } = site(t)
      const { files, url } = await webServer(t)
      const octets = await bundle({ serial: 7 })
      files.set('7.bundle', octets)
      files.set('channel.json', channelFile(wantedOf(7, octets)))
      const pull = { proxy: fleet!.pull!.proxy }
      const { state } = startChannel(t, url.replace('127.0.0.1', 'fleet.example'), source, pull)
      await eventually('the bundle', () => state().offered === 7)
    }
  },
  {
    name: 'OTLP',
    host: 'collector.example',
    run: async (t, proxy) => {
      const collector = await new Collector(t).listen()
      const { log } = settings(
        `log: { outputs: [{ name: siem, type: otlp, to: 'http://collector.example:${collector.port}' }] }`,
        proxy
      )
      const { outlet } = openOutlet(t, { ...log.outputs[0]!, spool: undefined } as object)
      push(outlet, 12, 13)
      await eventually('a record', () => collector.records.length === 1)
    }
  }
]
