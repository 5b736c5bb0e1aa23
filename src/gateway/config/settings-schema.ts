import * as z from 'zod'
import { prefixHint, readPrefix } from '../../base/values/address.js'
import { INTERNAL_ADDRESSES } from '../../base/values/internal-addresses.js'
import { duration, size, wholeSeconds } from '../../policy/yaml/quantity.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import { readTrustAnchor } from '../../wire/dnssec/trust-anchor.js'
import { acmeSchema } from './acme-schema.js'
import { adminSchema } from './admin-schema.js'
import { alertsSchema } from './alerts-schema.js'
import { reportsSchema, smtpSchema } from '../../analysis/settings/reports-schema.js'
import {
  MIN_SOURCE_PORTS,
  readPortRange,
  SourcePorts,
  type PortRange
} from '../../wire/sockets/source-ports.js'
import { isSelf, ownAddresses, showEndpoint } from '../../wire/sockets/endpoint.js'
import { hostName, ipAddress } from '../../policy/yaml/host-name.js'
import { catalogueIssues, catalogueSchema } from './catalogue-schema.js'
import { fleetSchema } from './fleet-schema.js'
import { outputsSchema } from '../../lookups/settings/outputs-schema.js'
import { listenSchema } from './listen-schema.js'
import { BESIDE } from '../../base/files/places.js'
import { queryLogSchema } from '../../lookups/settings/query-log.js'
import { rulesSchema } from './rules-section.js'
import { section } from '../../policy/yaml/section.js'
import { proxySchema } from '../../sources/settings/proxy-settings.js'
import { bindingsSchema } from '../../sources/settings/bindings-schema.js'
import { transfersSchema } from '../../sources/settings/transfers.js'
import { CIPHERS, CIPHER_SUITES, GROUPS, hasGroup } from '../../wire/tls/tls-algorithms.js'
import { domainText as domain, upstreamServer } from '../../policy/yaml/upstream-servers.js'

/** Every key of the settings file with its default and limits. See `docs/reference/settings.md`. */

const prefix = parsedString(
  'a prefix such as 192.0.2.0/24 or 2001:db8::/32',
  readPrefix,
  prefixHint
)
const path = z.string('a path').min(1, 'a path')

const ENOUGH_PORTS = `ranges with at least ${MIN_SOURCE_PORTS} ports that IANA has not assigned`
const hasEnoughPorts = (ranges: readonly PortRange[]): boolean =>
  new SourcePorts(ranges, []).count >= MIN_SOURCE_PORTS

const upstreams = section({
  servers: z.array(upstreamServer).prefault([]),
  'use-resolv-conf': z.boolean().prefault(true),
  forward: z.record(domain, z.array(upstreamServer).min(1)).prefault({}),
  timeout: duration('50ms', '4s').prefault('800ms'),
  'give-up': duration('100ms', '4900ms').prefault('4s'),
  'case-randomization': z.boolean().prefault(true),
  cookies: z.boolean().prefault(true),
  'source-ports': z
    .array(parsedString('a range of ports such as 10000-60000', readPortRange))
    .prefault(['1024-65535'])
    .refine(hasEnoughPorts, ENOUGH_PORTS),
  'idle-probe': duration('0s', '1h').prefault('5s'),
  'loop-check': wholeSeconds('0s', '1h').prefault('1m')
}).refine(it => it.timeout <= it['give-up'], {
  path: ['timeout'],
  error: 'a duration of at most upstreams.give-up'
})

const cache = section({
  size: size('1MB', '64GB').prefault('64MB'),
  'min-ttl': wholeSeconds('0s', '1h').prefault('0s'),
  'max-ttl': wholeSeconds('1s', '7d').prefault('1d'),
  'negative-max-ttl': wholeSeconds('0s', '1d').prefault('1h'),
  // RFC 9520 §3.2: at least 1 second, at most 5 minutes.
  'failure-ttl': wholeSeconds('1s', '5m').prefault('5s'),
  // RFC 8767 §5: between 1 and 3 days; the client response timer is best at 1.8 s, and that of
  // failure rechecks at 30 s or more.
  'stale-max': wholeSeconds('0s', '7d').prefault('1d'),
  'stale-after': duration('100ms', '4s').prefault('1800ms'),
  'stale-recheck': wholeSeconds('1s', '5m').prefault('30s'),
  prefetch: z.boolean().prefault(true)
}).refine(it => it['min-ttl'] <= it['max-ttl'], {
  path: ['min-ttl'],
  error: 'a duration of at most cache.max-ttl'
})

/** A text that fits into one label fits into every reply. */
const shortText = z
  .string()
  .refine(text => Buffer.byteLength(text) <= 63, 'a text of at most 63 octets')
const identity = section({ version: shortText.prefault(''), name: shortText.prefault('') })

const discovery = section({
  name: z.union([z.literal(''), hostName], 'a host name such as dns.example').prefault(''),
  addresses: z.array(ipAddress).max(16).prefault([])
})

/**
 * Option codes that are not assigned to other options: those for local use (65001 to 65534, RFC 6891 §9), and
 * those that IANA may still assign.
 */
const structuredErrors = section({
  enabled: z.boolean().prefault(true),
  'option-code': z
    .union([z.literal(0), z.int().min(20).max(65_534)], 'a number from 20 to 65534, or 0')
    .prefault(0),
  unencrypted: z.boolean().prefault(true),
  'filtering-database': z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,63}$/, 'an ID of at most 63 letters, digits, ., _ and -')
    .prefault('')
})

const trustAnchor = parsedString(
  'a trust anchor such as corp.example DS 12345 13 2 DIGEST, or the zone with its DNSKEY',
  text => {
    readTrustAnchor(text)
    return text
  }
)

const dnssec = section({ 'trust-anchors': z.array(trustAnchor).max(1000).prefault([]) })

const cookies = section({
  server: z.boolean().prefault(true),
  'secret-file': z.string('a path').prefault('')
})

const tcp = section({
  idle: duration('1s', '10m').prefault('10s'),
  'max-connections': z.int().min(1).max(100_000).prefault(1000),
  'max-connections-per-client': z.int().min(1).max(100_000).prefault(100),
  'max-in-flight': z.int().min(1).max(10_000).prefault(100)
})

/** A list of names, none of them twice; empty: the default. */
const each = <Name extends z.ZodType>(name: Name) =>
  z
    .array(name)
    .refine(names => new Set(names).size === names.length, 'each name once')
    .prefault([])

const tls = section({
  'handshake-timeout': duration('100ms', '1m').prefault('5s'),
  'max-handshakes': z.int().min(1).max(100_000).prefault(500),
  'ticket-secret': z.string('a path').prefault(''),
  groups: each(z.enum(GROUPS).refine(hasGroup, 'a group that the OpenSSL of this Node.js has')),
  ciphers: each(z.enum(CIPHERS)),
  'cipher-suites': each(z.enum(CIPHER_SUITES))
})

const limits = section({
  'queries-per-second': z.int().min(0).max(1_000_000).prefault(0),
  'responses-per-second': z.int().min(0).max(1_000_000).prefault(0),
  burst: duration('100ms', '1m').prefault('2s'),
  slip: z.int().min(0).max(100).prefault(2),
  'cpu-percent': z.int().min(0).max(100).prefault(25),
  'ipv4-prefix': z.int().min(8).max(32).prefault(32),
  'ipv6-prefix': z.int().min(16).max(64).prefault(56),
  exempt: z.array(prefix).prefault([])
})

const frontEnds = section({
  'proxy-protocol': z.array(prefix).prefault([]),
  'client-subnet': z.array(prefix).prefault([])
})

const specialUse = section({
  answer: z.boolean().prefault(true),
  except: z.array(domain).prefault([])
})

const rebindingGuard = section({
  enabled: z.boolean().prefault(false),
  allow: z.array(domain).prefault([]),
  addresses: z.array(prefix).min(1).prefault(INTERNAL_ADDRESSES)
})

const probe = section({
  enabled: z.boolean().prefault(false),
  every: duration('1s', '1h').prefault('1m'),
  'names-per-ban': z.int().min(1).max(100).prefault(3),
  control: z.array(domain).max(16).prefault([]),
  'ca-file': z.string('a path').prefault('')
})

const state = section({ folder: path.prefault(BESIDE.state) })

const history = section({ 'list-size': size('0B', '1GB').prefault('1MB') })

/** As in a URL: headers are for this host and port only. */
const headerHost = z
  .string()
  .refine(
    text => URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text,
    'a host such as feeds.example or feeds.example:8443'
  )

const remoteLists = section({
  bootstrap: z.array(upstreamServer).prefault([]),
  'ca-file': z.string('a path').prefault(''),
  headers: z.record(headerHost, path).prefault({}),
  timeout: duration('1s', '1h').prefault('5m')
})

const log = section({
  service: section({
    level: z.enum(['info', 'warn', 'error', 'silent']).prefault('info'),
    file: path.prefault('-')
  }),
  queries: queryLogSchema,
  outputs: outputsSchema
})

export const settingsSchema = section({
  listen: listenSchema,
  tls,
  workers: z
    .union([z.literal('auto', 'auto'), z.int('a number from 1 to 64').min(1).max(64)])
    .prefault('auto'),
  transport: z.enum(['auto', 'batch', 'portable']).prefault('auto'),
  'warm-up': z.enum(['upgrade', 'always']).prefault('upgrade'),
  rules: rulesSchema,
  catalogue: catalogueSchema,
  'asn-database': z.string('a path').prefault(''),
  upstreams,
  cache,
  identity,
  discovery,
  acme: acmeSchema,
  'structured-errors': structuredErrors,
  cookies,
  tcp,
  limits,
  'front-ends': frontEnds,
  'special-use': specialUse,
  'rebinding-guard': rebindingGuard,
  dnssec,
  probe,
  state,
  history,
  'remote-lists': remoteLists,
  proxy: proxySchema,
  transfers: transfersSchema,
  bindings: bindingsSchema,
  egress: section({
    connections: z.string('a path').prefault(''),
    firewall: z.string('a path').prefault(''),
    'learn-for': duration('0s', '1d').prefault('10m'),
    'export-key': z.string('a path').prefault('')
  }),
  admin: adminSchema,
  alerts: alertsSchema,
  reports: reportsSchema,
  smtp: smtpSchema,
  fleet: fleetSchema,
  log,
  shutdown: section({
    grace: duration('0s', '1m').prefault('5s'),
    'lame-duck': duration('0s', '5m').prefault('0s')
  })
}).superRefine((settings, context) => {
  const { listen, upstreams, 'remote-lists': remote, fleet, rules } = settings
  const { servers, forward } = upstreams
  const addIssue = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message })
  const hasChannel = fleet !== undefined && (fleet.nats.length > 0 || fleet.pull !== '')
  if (hasChannel && (typeof rules === 'string' || rules.bundle === undefined))
    addIssue(['rules'], 'a mapping with bundle and keys or root, since a fleet has signed bundles')
  if (fleet?.logs !== undefined && !settings.log.queries.archive)
    addIssue(['log', 'queries', 'archive'], 'true, since fleet.logs sends Parquet files')
  if (settings.log.queries.witness['hub-key'] !== '' && fleet?.nats === undefined)
    addIssue(['log', 'queries', 'witness', 'hub-key'], 'fleet.nats as well, which leads to the hub')
  for (const [path, message] of catalogueIssues(settings.catalogue, rules))
    addIssue([...path], message)
  const hasRoot = typeof rules !== 'string' && rules.root !== undefined
  if (settings.log.queries.witness['hub-key'] === 'root' && !hasRoot)
    addIssue(['log', 'queries', 'witness', 'hub-key'], 'a key, or rules.root as well')
  const shown = listen.map(showEndpoint)
  for (const [i, text] of shown.entries()) {
    if (listen[i]!.port !== 0 && shown.indexOf(text) < i)
      addIssue(['listen', i], 'each endpoint only once')
  }
  // A query forwarded to this gateway itself would loop forever.
  const notSelf = 'an upstream other than this gateway itself (see listen)'
  const own = ownAddresses()
  const isThisGateway = (one: (typeof servers)[number]): boolean =>
    listen.some(at => isSelf(at, one, own))
  for (const [i, one] of servers.entries()) {
    if (isThisGateway(one)) addIssue(['upstreams', 'servers', i], notSelf)
  }
  for (const [i, one] of remote.bootstrap.entries()) {
    if (isThisGateway(one)) addIssue(['remote-lists', 'bootstrap', i], notSelf)
  }
  for (const [name, group] of Object.entries(forward)) {
    for (const [i, one] of group.entries()) {
      if (isThisGateway(one)) addIssue(['upstreams', 'forward', name, i], notSelf)
    }
  }
})

export type Settings = z.output<typeof settingsSchema>
