import type { Places } from '../../../base/files/places.js'
import { PAIR_ADMIN, type Pair } from './pair-files.js'

/** Options and answers of `interdict init`, validated. */
export interface InitialPolicy {
  /** Id of the network. */
  readonly network: string
  readonly prefixes: readonly string[]
  /** Addresses of resolvers; empty: from /etc/resolv.conf. */
  readonly upstreams: readonly string[]
  /** Ids of the apps to ban, in groups of which each becomes one ban. */
  readonly bans: readonly (readonly string[])[]
  readonly listen: readonly string[]
  /** Address and port of the dashboard; undefined: none. */
  readonly dashboard: string | undefined
  /** Undefined: this gateway stands alone. */
  readonly pair: Pair | undefined
  readonly timeZone: string
  /** The date on which bans begin, such as 2026-11-27. */
  readonly today: string
}

/** The settings file: what is not in it has its default. */
export function initialSettings(
  { listen, upstreams, dashboard, pair }: InitialPolicy,
  places: Places
): string {
  const admin = dashboard ?? (pair && PAIR_ADMIN)
  const servers =
    upstreams.length === 0
      ? '# Resolvers to forward to. Without servers: the name servers of /etc/resolv.conf.\n' +
        '# upstreams: { servers: [192.0.2.53] }\n'
      : `# Resolvers to forward to.\nupstreams: { servers: ${list(upstreams)} }\n`
  return `# Settings of Interdict. What is not here has its default: see docs/reference/settings.md.
# Paths are relative to this file.

# Addresses to answer on, over UDP and TCP. Clients elsewhere need an address of this machine, such as
# 0.0.0.0:53. The networks in rules/networks.yaml decide who is answered.
listen: ${list(listen)}

${servers}
# Copies of lists and zones, and accepted bundles.
state: { folder: ${quote(places.state)} }
${admin === undefined ? '' : `\n# Health, metrics, the HTTP API and the dashboard.\nadmin: { http: ${quote(admin)} }\n`}
${pair === undefined ? '' : PAIR_SETTINGS}
log:
  queries:
    which: bans # all: every lookup; blocked: only what is blocked; none: no log
    file: ${quote(places.log)}
    privacy: { default: full, keys: ${quote(places.keys)} } # see docs/guides/privacy.md
`
}

const PAIR_SETTINGS = `
# Both gateways of a pair have these secrets, so that clients can go from one to the other.
cookies: { secret-file: secrets/cookies }
tls: { ticket-secret: secrets/tickets }
`

/** Sets that keep clients from going around the resolver, each with what it does. */
const BYPASS = [
  ['encrypted-dns', 'nxdomain', 'public encrypted resolvers'],
  ['private-relay', 'nxdomain', 'iCloud Private Relay: Apple asks for NXDOMAIN or NODATA'],
  ['firefox-canary', 'nxdomain', 'Firefox turns its own DNS over HTTPS off']
] as const

/** The rules: one network and its bans. */
export function initialNetworks(policy: InitialPolicy): string {
  const { network, prefixes, bans, timeZone, today } = policy
  const own = bans.map(apps => banOf(`${network}-${apps[0]!}`, apps, `from: ${today}`))
  const bypass = BYPASS.map(([app, action, why]) => {
    return `      # ${why}\n${banOf(`${network}-${app}`, [app], `action: ${action}`)}`
  })
  return `# Who is served, and what is banned: see docs/reference/rules.md. Changes take effect when the file
# is saved. \`interdict check\` finds mistakes first, \`interdict apps\` lists the apps to choose from.
defaults: { time-zone: ${timeZone} }

networks:
  ${network}:
    prefixes: # clients elsewhere are refused
${prefixes.map(prefix => `      - ${quote(prefix)}\n`).join('')}    bans:
${own.length === 0 ? '' : `      # Write who ordered it and where it is written: every record in the log says so.\n${own.join('')}`}\
      # Keep clients from bypassing this resolver.
${bypass.join('')}`
}

function banOf(id: string, apps: readonly string[], line: string): string {
  return `      - id: ${id}
        apps: [${apps.join(', ')}]
        authority: Own policy
        reference: Set up with interdict init
        ${line}
`
}

const list = (items: readonly string[]): string => `[${items.map(quote).join(', ')}]`
/** A YAML string: JSON's are YAML's. */
const quote = (text: string): string => JSON.stringify(text)
