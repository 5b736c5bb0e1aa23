import { createPrivateKey } from 'node:crypto'
import { chmodSync, cpSync } from 'node:fs'
import type { Test } from 'tap'
import type { Scope } from '../../src/admin/tokens/scopes.js'
import { newToken, writeTokens } from '../../src/admin/tokens/token-file.js'
import type { generateKeys } from '../../src/base/files/ed25519.js'
import { encodeBundle } from '../../src/sources/bundle/bundle.js'
import { readContent } from '../../src/sources/bundle/pack.js'
import { listenAddress, startServer } from '../cli/server-process.js'
import { Site } from '../daemon/site.js'
import { fakeHub, gatewayView } from '../daemon/api/hub-rig.js'
import { startProvider } from '../interop/oidc-provider.js'
import { freePort } from '../udp/free-port.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { bindingHistory, egressFindings, history, leases, trend } from './history.js'

const DAY = 86_400_000
const day = (offset: number): string =>
  new Date(Date.now() + offset * DAY).toISOString().slice(0, 10)

/** Three networks; bans that end, begin and are to be reviewed soon; an exception, and blocks. */
const networks = (): string => `
defaults: { action: nxdomain, ttl: 60s, time-zone: Europe/Brussels }
networks:
  ministry:
    prefixes: [127.0.0.0/16, 10.10.0.0/16]
    bans:
      - id: federal-tiktok
        apps: [tiktok, bytedance-shared]
        authority: National Security Council
        reference: { title: Decision of 20 March 2024, url: 'https://law.example/2024-03-20' }
        legal-basis: Circular 716 of 17 March 2023
        owner: head of security
        from: 2024-03-20
        until: ${day(9)}
        review: ${day(2)}
      - id: deepseek-ban
        apps: [deepseek]
        authority: National Security Council
        reference: { title: Decision of 1 December 2025, url: 'https://law.example/2025-12-01' }
        owner: head of security
        from: ${day(-7)}
      - id: telegram-ban
        apps: [telegram]
        authority: Ministry of the Interior
        reference: Circular 12
        from: ${day(16)}
        until: ${day(200)}
      - id: no-bypass
        apps: [encrypted-dns, httpdns, private-relay, vpn-providers]
        authority: Own policy
        reference: Clients use the resolver of this network
        owner: head of security
    exceptions:
      - apps: [tiktok, bytedance-shared]
        prefixes: [10.10.7.0/24, 10.10.9.7/32]
        purpose: The press office publishes on TikTok
        approved-by: Secretary General
        from: ${day(-60)}
        until: ${day(5)}
    block:
      - { id: ads, lists: [ads] }
      - { id: games, apps: [roblox] }
  phones:
    prefixes: [10.20.0.0/16]
    bans:
      - id: phones-tiktok
        apps: [tiktok]
        authority: National Security Council
        reference: Decision of 20 March 2024
        from: 2024-03-20
  guests:
    prefixes: [10.30.0.0/16]
    bans:
      - id: guests-monitor
        apps: [temu]
        mode: monitor
        authority: Own policy
        reference: Test before a ban
dnssec:
  exceptions:
    - name: broken.example
      purpose: Expired signatures, reported to hostmaster@broken.example
      approved-by: N. Vermeulen
      from: ${day(-3)}
      until: ${day(11)}
lists:
  ads: { file: lists/ads.txt }
`

/** As many as a hub is made for; some need somebody. */
const FLEET = Array.from({ length: 10_000 }, (_, i) => {
  if (i === 4321)
    return gatewayView(i, {
      ...{ state: 'refusing', active: 7 },
      refused: { code: 'BUNDLE_SIGNATURES', message: 'one signature of two' }
    })
  if (i === 77) return gatewayView(i, { state: 'behind', active: 7 })
  return gatewayView(i, i === 9000 ? { ready: false, problems: ['PROBE_FAILING'] } : {})
})

export interface GatewayOptions {
  /** One upstream does not answer, so that there is a problem to show. */
  readonly hasProblem?: boolean
  /** As after the first start: no bans, lookups or gateways. */
  readonly isEmpty?: boolean
  /** The rules are a bundle signed by this key, and a second person approves drafts. */
  readonly signer?: ReturnType<typeof generateKeys>
}

/** A gateway with rules, a week of lookups and tokens, on ports of its own. */
export async function startGateway(
  t: Test,
  { hasProblem = false, isEmpty = false, signer }: GatewayOptions = {}
) {
  const upstream = await BadUpstream.open(good())
  t.teardown(() => upstream.close())
  const [admin, dead] = [await freePort(), await freePort()]
  const servers = [upstream.endpoint.port, ...(hasProblem ? [dead] : [])]
  const url = `http://127.0.0.1:${admin}`
  const provider = await startProvider(t, url)
  const site = new Site(t, {
    secret: provider.secret,
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [${servers.map(port => `'127.0.0.1:${port}'`).join(', ')}], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s, timeout: 200ms }
reports: [{ report: daily }]
${signer === undefined ? '' : `rules: { bundle: rules.bundle, keys: ['${signer.publicKey}'] }`}
admin:
  approval: ${signer === undefined ? 'none' : 'second-person'}
  http: '127.0.0.1:${admin}'
  socket: off
  hub: hub.sock
${provider.settings({ read: ['dns-viewer'], operate: ['dns-operator'] })}
log: { queries: { file: log/queries.jsonl, which: all, flush: 10ms } }
bindings: { feeds: [{ name: dhcp, type: json, file: leases.jsonl }] }
`,
    'leases.jsonl': isEmpty ? '' : leases(Date.now()),
    'rules/networks.yaml': isEmpty ? 'networks: { all: { prefixes: [0.0.0.0/0] } }' : networks(),
    'rules/lists/ads.txt': 'ads.example\ntracker.example\nbanner.example\n',
    ...(!isEmpty && {
      'log/queries.jsonl': history(Date.now()),
      'log/bindings.jsonl': bindingHistory(Date.now()),
      'log/egress.jsonl': egressFindings(Date.now()),
      'state/trend.json': trend(Date.now())
    })
  })
  chmodSync(site.path('secret'), 0o600)
  const hub = await fakeHub(t, isEmpty ? [] : FLEET, site.path('hub.sock'))
  cpSync('rules/apps', site.path('rules/apps'), { recursive: true })
  cpSync('rules/evidence.yaml', site.path('rules/evidence.yaml'))
  if (signer !== undefined) {
    const keys = [createPrivateKey(signer.privatePem)]
    const created = Math.floor(Date.now() / 1000) - 60
    const options = { serial: created, created, expires: created + DAY / 1000, keys }
    site.write('rules.bundle', await encodeBundle(await readContent(site.path('rules')), options))
  }
  const made = Date.now()
  const create = (name: string, scopes: readonly Scope[], milliseconds = DAY) =>
    newToken(name, scopes, new Date(made), new Date(made + milliseconds))
  const tokens = {
    reader: create('reader', ['read']),
    operator: create('operator', ['read', 'operate', 'policy']),
    /** Makes drafts that the operator approves. */
    drafter: create('drafter', ['read', 'operate']),
    blind: create('blind', ['operate']),
    /** To be revoked. */
    leaving: create('leaving', ['read'])
  }
  const store = (kept: readonly (keyof typeof tokens)[]): void =>
    writeTokens(
      site.path('state/tokens.json'),
      kept.map(name => tokens[name].stored)
    )
  store(['reader', 'operator', 'drafter', 'blind', 'leaving'])
  const server = startServer(t, site)
  const dns = await listenAddress(server)
  return {
    site,
    server,
    hub,
    dns,
    upstream,
    url,
    token: (name: keyof typeof tokens): string => tokens[name].token,
    /** Only these tokens are valid from now on. */
    keepTokens: store
  }
}

export type Gateway = Awaited<ReturnType<typeof startGateway>>
