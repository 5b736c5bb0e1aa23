/**
 * What it costs that clients are recognized by their certificates, over TLS: `npm run bench:client-certificates`. CPU per
 * answer on 16 connections, per full and per resumed handshake, in turns on one core, with a gateway that asks for no
 * certificate, one that refuses clients without, and one that puts them into another network than that of their address, so
 * that the rules of both apply.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { parseArgs } from 'node:util'
import { makeCertificate } from '../test/tls/certificates.js'
import { table } from './kit/markdown.js'
import { allowedName, blockedName } from './kit/names.js'
import { spreadOf } from './kit/numbers.js'
import { LOOPBACK } from './kit/place.js'
import { freePort } from './kit/ports.js'
import { cpuOf, MICROSECONDS_PER_TICK } from './kit/proc.js'
import { Server } from './kit/server.js'
import { framedQuery, handshakes, pipelined } from './kit/tls-clients.js'
import { SHORT_LIST, Workshop } from './kit/workshop.js'
import { interdict, NETWORKS } from './peers/interdict.js'
import type { Peer } from './peers/peer.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } }
})
const seconds = Number(values.seconds)

const workshop = await Workshop.open(undefined)
const authority = makeCertificate({ names: [], subject: 'authority' })
const identity = makeCertificate({ names: ['dns.example'] })
const client = makeCertificate({ issuer: authority, isAuthority: false, names: ['phone.example'] })
const [certificate, key, ca] = ['cert.pem', 'key.pem', 'ca.pem'].map(name =>
  join(workshop.folder, name)
)
await writeFile(certificate!, identity.certificate)
await writeFile(key!, identity.key, { mode: 0o600 })
await writeFile(ca!, authority.certificate)

const CLIENTS = `
client-authorities: { bench: { certificate: ${ca} } }
clients: { phones: { network: local, certificate: { authority: bench, dns: '*.example' } } }
`
const TWO_NETWORKS = (NETWORKS + CLIENTS)
  .replace('networks:\n', 'networks:\n  phones: { block: [{ lists: [names] }] }\n')
  .replace(
    'prefixes: [127.0.0.0/8]',
    '$&\n    bans: [{ names: [banned.example], authority: A, reference: R }]'
  )
  .replace('network: local', 'network: phones')

interface Kind {
  readonly name: string
  readonly rules: string
  readonly listen: string
  readonly client: ConnectionOptions
}

const KINDS: readonly Kind[] = [
  { name: 'none', rules: NETWORKS, listen: '', client: {} },
  {
    name: 'required',
    rules: NETWORKS + CLIENTS,
    listen: ', anonymous-clients: refuse, unknown-clients: refuse',
    client: { cert: client.certificate, key: client.key }
  },
  {
    name: 'of another network',
    rules: TWO_NETWORKS,
    listen: ', anonymous-clients: refuse, unknown-clients: refuse',
    client: { cert: client.certificate, key: client.key }
  }
]

/** A gateway with a listener for DNS over TLS. */
function peerOf({ rules, listen }: Kind, port: number): Peer {
  return {
    ...interdict,
    async launch(site) {
      const launch = await interdict.launch(site)
      const file = join(site.folder, 'interdict.yaml')
      const tls = `{ address: '${LOOPBACK}:${port}', protocol: dot, certificate: ${certificate}, key: ${key}${listen} }`
      const text = await readFile(file, 'utf8')
      await writeFile(
        file,
        text.replace(
          /^listen: \[(.*)\]$/m,
          `listen: [$1, ${tls}]\nlimits: { exempt: [127.0.0.0/8] }`
        )
      )
      await writeFile(join(site.folder, 'rules/networks.yaml'), rules)
      return launch
    }
  }
}

const queries = Array.from({ length: 60 }, (_, id) =>
  framedQuery(id, id % 5 === 0 ? blockedName(id) : allowedName(id))
)

const WORK: Readonly<
  Record<string, (port: number, options: ConnectionOptions) => Promise<number>>
> = {
  'answer, 16 connections': (port, options) => pipelined(port, seconds, 16, queries, options),
  'full handshake': (port, options) => handshakes(port, seconds, false, options),
  'resumed handshake': (port, options) => handshakes(port, seconds, true, options)
}

interface Gateway {
  readonly kind: Kind
  readonly port: number
  readonly server: Server
  /** CPU in microseconds, one for each round. */
  readonly costs: Map<string, number[]>
}

const gateways: Gateway[] = []
for (const kind of KINDS) {
  const port = await freePort()
  const setting = { blocklist: workshop.blocklist(SHORT_LIST), log: false }
  const server = await Server.start(peerOf(kind, port), workshop, setting)
  server.process.pause()
  gateways.push({ kind, port, server, costs: new Map<string, number[]>() })
}
for (let round = 0; round <= Number(values.rounds); round++) {
  for (const [name, work] of Object.entries(WORK)) {
    for (const { kind, port, server, costs } of gateways) {
      server.process.resume()
      const before = cpuOf(server.process.pid)
      const count = await work(port, kind.client)
      const after = cpuOf(server.process.pid)
      server.process.pause()
      const ticks = after.user + after.system - before.user - before.system
      // The first round warms up.
      if (round > 0)
        costs.set(name, [...(costs.get(name) ?? []), (ticks * MICROSECONDS_PER_TICK) / count])
    }
  }
}
const rows = Object.keys(WORK).map(name => {
  const medians = gateways.map(({ costs }) => spreadOf(costs.get(name)!).median)
  const ratios = medians.slice(1).map(one => (one / medians[0]!).toFixed(2))
  return [name, ...medians.map(one => one.toFixed(1)), ...ratios]
})
const head = ['µs of CPU', ...KINDS.map(({ name }) => `certificate ${name}`), 'ratio', 'ratio']
process.stdout.write(`${table(head, rows)}\n`)
for (const { server } of gateways) await server.stop()
await workshop.close()
