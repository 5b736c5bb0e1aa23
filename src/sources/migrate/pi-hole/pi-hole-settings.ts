import { addServers } from '../draft/add-servers.js'
import type { BlockedNames } from '../draft/block-names.js'
import { carryDnsmasq, forwardReverse, serverAt } from './dnsmasq-settings.js'
import type { Migration, NetworkDraft, Place } from '../draft/migration.js'
import { addressKey } from '../draft/drafted-records.js'
import { canonicalAddress } from '../draft/server-address.js'

/** A setting of Pi-hole 6 by its key, of Pi-hole 5 by the key that version 6 has for it. */
export interface PiHoleSetting extends Place {
  readonly key: string
  readonly value: unknown
  /** Whether it is the default of Pi-hole. */
  readonly isDefault: boolean
  /** As it is written. */
  readonly text: string
}

const ACTIONS: Readonly<Record<string, string>> = {
  NULL: 'null-address',
  NXDOMAIN: 'nxdomain',
  NODATA: 'nodata',
  NX: 'nxdomain'
}

const UNNEEDED: readonly (readonly [RegExp, string])[] = [
  [
    /^webserver\.|^web/,
    'the dashboard and the API have their own logins: see docs/guides/dashboard.md'
  ],
  [
    /^(files|debug|resolver|ntp|database)\./,
    'a matter of the service manager, and of "log" in the settings'
  ],
  [
    /^misc\.(nice|addr2line|delay_startup|etc_dnsmasq_d|extraLogging|check|readOnly|normalizeCPU|hide_|privacylevel$)/,
    'a matter of the service manager, and of "log" in the settings'
  ],
  [
    /^dns\.(cache|CNAMEdeepInspect|blockESNI|showDNSSEC|analyzeOnly|piholePTR|replyWhenBusy|ignoreLocalhost|domainNeeded|expandHosts|bogusPriv|queryLogging|interface|domain|localise|EDNS0ECS|hideDNSSEC)/,
    'Interdict does it without a setting'
  ],
  [/^dns\.specialDomains\.designatedResolver$/, 'Interdict answers _dns.resolver.arpa itself']
]
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^dhcp\./,
    'Interdict has no DHCP server: keep one, and give its clients the address of this gateway'
  ],
  [/^dns\.dnssec$/, 'to validate answers here, set "dnssec: enforce" in the network'],
  [
    /^dns\.reply\./,
    'use the action sinkhole with addresses: see "Actions" in docs/reference/rules.md'
  ],
  [
    /^dns\.listeningMode$/,
    'only private addresses are served: add other prefixes to the network clients'
  ],
  [/^dns\.rateLimit\./, 'set limits.queries-per-second and its neighbours in the settings'],
  [
    /^dns\.blocking\.active$/,
    'it is off there, and on here: set "mode: monitor" in the rules, or delete them'
  ]
]

/** Carries over one setting of Pi-hole. */
export class PiHoleSettings {
  constructor(
    private readonly migration: Migration,
    private readonly network: NetworkDraft,
    private readonly blocked: BlockedNames
  ) {}

  read(setting: PiHoleSetting): void {
    const { migration } = this
    const { key, value, isDefault, text } = setting
    const carry = this.carriers[key]
    if (carry !== undefined && !isEmpty(value))
      return migration.settle(setting, text, carry(value, setting))
    const why = UNNEEDED.find(([keys]) => keys.test(key))?.[1]
    if (isDefault || isEmpty(value))
      migration.unneeded(setting, text, 'the default of Pi-hole, or empty')
    else if (why !== undefined) migration.unneeded(setting, text, why)
    else {
      const advice = ADVICE.find(([keys]) => keys.test(key))?.[1]
      migration.open(
        setting,
        text,
        advice ?? 'no such setting here; docs/reference/settings.md has all that there are'
      )
    }
  }

  private readonly carriers: Readonly<
    Record<string, (value: unknown, at: Place) => string | undefined>
  > = {
    'dns.upstreams': value => all(value, text => this.addUpstream(text)),
    'dns.hosts': value => all(value, text => this.addHosts(text)),
    'dns.cnameRecords': value => all(value, text => this.addAlias(text)),
    'dns.hostRecord': (value, at) => this.dnsmasq(`host-record=${String(value)}`, at),
    'dns.revServers': value => all(value, text => this.addReverse(text)),
    'dns.port': value => {
      for (const address of ['0.0.0.0', '[::]'])
        this.migration.listen.add(`${address}:${Number(value)}`)
      return undefined
    },
    'dns.blockTTL': value => {
      this.migration.defaults.ttl = `${Number(value)}s`
      return undefined
    },
    'dns.blocking.mode': value => {
      const action = ACTIONS[String(value)]
      if (action === undefined)
        return 'use the action sinkhole with addresses: see "Actions" in docs/reference/rules.md'
      this.migration.defaults.action = action
      return undefined
    },
    'dns.specialDomains.mozillaCanary': () => this.blockApp('firefox-canary'),
    'dns.specialDomains.iCloudPrivateRelay': () => this.blockApp('private-relay'),
    'database.maxDBdays': value => {
      this.migration.section('log').queries = { which: 'all', keep: { days: Number(value) } }
      return undefined
    },
    'misc.dnsmasq_lines': (value, at) => all(value, text => this.dnsmasq(text, at))
  }

  /** A line of dnsmasq, reported by itself. */
  private dnsmasq(line: string, at: Place): undefined {
    carryDnsmasq(at, line, this.migration, this.blocked)
    return undefined
  }

  private addUpstream(text: string): string | undefined {
    const server = serverAt(text)
    if (server === undefined) return `name the address of ${text} in upstreams`
    addServers(this.migration, '.', [server])
    return undefined
  }

  /** `192.0.2.1 name other-name`. */
  addHosts(text: string): string | undefined {
    const [address = '', ...names] = text.replace(/#.*$/, '').trim().split(/\s+/)
    const known = canonicalAddress(address)
    if (known === undefined || names.length === 0) return 'not an address and a name'
    return first(names.map(name => this.migration.records.add(name, addressKey(known), known)))
  }

  private addAlias(text: string): string | undefined {
    const parts = text.split(',').map(part => part.trim())
    const ttl = /^\d+$/.test(parts.at(-1) ?? '') ? Number(parts.pop()) : undefined
    const target = parts.pop() ?? ''
    return first(parts.map(name => this.migration.records.add(name, 'cname', target, ttl)))
  }

  /** `true,192.168.0.0/24,192.168.0.1#53,lan`. */
  private addReverse(text: string): string | undefined {
    const [active, cidr = '', server = '', domain = ''] = text.split(',').map(part => part.trim())
    return active === 'false' ? undefined : forwardReverse(this.migration, cidr, server, domain)
  }

  private blockApp(app: string): undefined {
    this.network.block.push({ apps: [app], action: 'nxdomain' })
    return undefined
  }
}

const isEmpty = (value: unknown): boolean =>
  value === '' || value === false || value === 0 || (Array.isArray(value) && value.length === 0)

function all(value: unknown, carry: (text: string) => string | undefined): string | undefined {
  return first([value].flat().map(one => carry(String(one))))
}

const first = (faults: readonly (string | undefined)[]): string | undefined =>
  faults.find(fault => fault !== undefined)
