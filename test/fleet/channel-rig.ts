import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/time/clock.js'
import type { FleetConfig } from '../../src/gateway/config/fleet-config.js'
import { BundleOffer } from '../../src/fleet/channel/bundle-offer.js'
import { Channel } from '../../src/fleet/channel/channel.js'
import { NO_STATE, type ChannelState } from '../../src/fleet/channel/channel-state.js'
import type { Wanted } from '../../src/fleet/channel/wire.js'
import { one } from '../daemon/bundle-rig.js'
import { Site } from '../daemon/site.js'

export const hashOf = (octets: Uint8Array): string =>
  createHash('sha256').update(octets).digest('hex')

export const wantedOf = (serial: number, octets: Uint8Array): Wanted => ({
  ...{ version: 1, serial, sha256: hashOf(octets), size: octets.length },
  ...{ file: `${serial}.bundle`, at: '2026-01-02T03:04:05Z' }
})

export function site(t: Test) {
  const dir = new Site(t, {}).folder
  const source = {
    path: join(dir, 'fleet/rules.bundle'),
    trust: { keys: [one.publicKey], keyFiles: [], signatures: 1 },
    storeFolder: join(dir, 'bundles'),
    copies: join(dir, 'copies')
  }
  return { dir, source, offers: new BundleOffer(source, systemClock) }
}

/** A web server for `channel.json` and bundles. */
export async function webServer(t: Test) {
  const files = new Map<string, Uint8Array | string>()
  const statuses: number[] = []
  const server: Server = createServer((request, response) => {
    const body = files.get(request.url!.slice(1))
    const etag = `"${hashOf(Buffer.from(body ?? ''))}"`
    const isKnown = request.headers['if-none-match'] === etag
    const status = body === undefined ? 404 : isKnown ? 304 : 200
    if (request.url === '/channel.json') statuses.push(status)
    response.writeHead(status, { etag }).end(status === 200 ? body : undefined)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { files, statuses, url: `http://127.0.0.1:${port}/channel.json` }
}

export function startChannel(
  t: Test,
  url: string,
  source: ReturnType<typeof site>['source'],
  more = {},
  reports?: FleetConfig['reports'],
  clock: Clock = systemClock
) {
  const fleet: FleetConfig = {
    ...{ name: 'gw', ring: 'canary', nats: undefined, report: 1000 },
    pull: { url, interval: 20, caFile: undefined, ...more },
    ...{ reports, position: { file: '', line: 1, column: 1 } }
  }
  let state: ChannelState = NO_STATE
  const lines: string[] = []
  const write = (fields: { readonly code?: unknown }, message: string): number =>
    lines.push(`${JSON.stringify(fields.code ?? '')} ${message}`)
  const channel = new Channel({
    ...{ fleet, source, clock, log: { info: write, warn: write, error: write } },
    lookup: (_name, _options, callback) => callback(null, '127.0.0.1', 4),
    onState: now => (state = now)
  })
  channel.start()
  t.teardown(() => channel.close())
  return { channel, lines, state: () => state }
}

export const channelFile = (wanted: Wanted, ring = 'canary'): string =>
  JSON.stringify({ version: 1, rings: { [ring]: wanted } })

/** A file of credentials. @param seed of the user */
export const credentialsText = (seed: string): string =>
  `-----BEGIN NATS USER JWT-----
ey
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`
