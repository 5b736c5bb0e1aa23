import type { Migration } from '../draft/migration.js'
import type { PiHoleSettings } from './pi-hole-settings.js'

/** Variables of setupVars.conf and pihole-FTL.conf of Pi-hole 5, by the key of version 6. */
const KEYS: Readonly<Record<string, string>> = {
  DNSSEC: 'dns.dnssec',
  BLOCKINGMODE: 'dns.blocking.mode',
  BLOCKING_ENABLED: 'dns.blocking.active',
  BLOCK_TTL: 'dns.blockTTL',
  MAXDBDAYS: 'database.maxDBdays',
  DNSMASQ_LISTENING: 'dns.listeningMode',
  RATE_LIMIT: 'dns.rateLimit.count',
  MOZILLA_CANARY: 'dns.specialDomains.mozillaCanary',
  BLOCK_ICLOUD_PR: 'dns.specialDomains.iCloudPrivateRelay',
  DNS_FQDN_REQUIRED: 'dns.domainNeeded',
  DNS_BOGUS_PRIV: 'dns.bogusPriv',
  QUERY_LOGGING: 'dns.queryLogging',
  CACHE_SIZE: 'dns.cache.size',
  PIHOLE_INTERFACE: 'dns.interface',
  PIHOLE_DOMAIN: 'dns.domain',
  PRIVACYLEVEL: 'misc.privacylevel'
}
const REVERSE = ['REV_SERVER', 'REV_SERVER_CIDR', 'REV_SERVER_TARGET', 'REV_SERVER_DOMAIN']
/** Values with which such a variable changes nothing. */
const ON: Readonly<Record<string, string>> = {
  BLOCKING_ENABLED: 'true',
  DNSMASQ_LISTENING: 'local'
}

/** Reads `NAME=value` lines of Pi-hole 5. */
export function readSetupVars(
  text: string,
  file: string,
  settings: PiHoleSettings,
  migration: Migration
): void {
  const variables = text.split('\n').flatMap((written, i) => {
    const [, name, value] = /^\s*([A-Z][\w]*)\s*=\s*"?(.*?)"?\s*$/.exec(written) ?? []
    return name === undefined
      ? []
      : [{ name, value: value!, file, line: i + 1, text: written.trim() }]
  })
  const valueOf = (name: string): string => variables.find(it => it.name === name)?.value ?? ''
  for (const variable of variables) {
    const { name, value, text } = variable
    if (REVERSE.includes(name)) {
      if (valueOf('REV_SERVER') !== 'true') migration.unneeded(variable, text, 'off')
      else if (name !== 'REV_SERVER') migration.carried(variable, text)
      else {
        const [cidr, target, domain] = REVERSE.slice(1).map(valueOf)
        settings.read({
          ...variable,
          key: 'dns.revServers',
          value: [`true,${cidr},${target},${domain}`],
          isDefault: false
        })
      }
    } else if (/^PIHOLE_DNS_\d+$/.test(name))
      settings.read({ ...variable, key: 'dns.upstreams', value: [value], isDefault: false })
    else {
      const key = KEYS[name] ?? keyOf(name)
      const isDefault = value === (ON[name] ?? 'false') || value === ''
      const known = value === 'true' ? true : value === 'false' ? false : value
      settings.read({ ...variable, key, value: known, isDefault })
    }
  }
}

/** Variables that are about one thing by the beginning of their names. */
function keyOf(name: string): string {
  if (name.startsWith('DHCP')) return 'dhcp.active'
  if (/^(WEB|API_|TEMPERATURE|LIGHTTPD|ADMIN_EMAIL)/.test(name)) return 'webserver.api'
  if (
    /^(INSTALL_|IPV[46]_ADDRESS|DBFILE|DBIMPORT|DBINTERVAL|LOGFILE|PIDFILE|SOCKETFILE|DEBUG_|RESOLVE_|REFRESH_|NICE|PORTFILE|PARSE_ARP)/.test(
      name
    )
  )
    return 'files.pid'
  return name
}
