import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { readName } from '../../wire/dns/name/name.js'
import { mismatch } from '../../policy/yaml/issues.js'
import { MAX_OCTETS, readYaml } from '../../policy/yaml/read.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'
import { acmeOf } from './acme-schema.js'
import { adminOf } from './admin-schema.js'
import { alertsOf } from './alerts-schema.js'
import { catalogueOf } from './catalogue-schema.js'
import type { Config, LimitsConfig, TlsConfig, UpstreamsConfig } from './config.js'
import { fleetOf } from './fleet-schema.js'
import { listenersOf } from './listen-schema.js'
import { outputsOf } from '../../lookups/settings/outputs-schema.js'
import { queryLogOf } from '../../lookups/settings/query-log.js'
import { reportsOf, smtpOf } from '../../analysis/settings/reports-schema.js'
import { rulesOf } from './rules-section.js'
import { settingsSchema, type Settings } from './settings-schema.js'
import type { SectionContext } from '../../policy/yaml/section.js'
import { proxyOf } from '../../sources/settings/proxy-settings.js'
import { bindingsOf } from '../../sources/settings/bindings-schema.js'
import { transfersOf } from '../../sources/settings/transfers.js'
import { withFiles } from './upstream-files.js'
import type { WrittenServer } from '../../policy/yaml/upstream-servers.js'
import { keyFilesOf, placeWritten } from './setting-paths.js'

/** Default settings files: in the working folder, or that of the machine. None need exist. */
const DEFAULT_SETTINGS_FILES = ['interdict.yaml', '/etc/interdict/interdict.yaml'] as const

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly InterdictError[] }

/** The file that settings come from. */
export interface SettingsFile {
  /** Absolute. */
  readonly path: string
  /** In hexadecimal; undefined: the file does not exist. */
  readonly sha256: string | undefined
}

/** @param file named by the operator; undefined: the first of `DEFAULT_SETTINGS_FILES` that exists */
export function settingsPath(file?: string): string {
  return file ?? DEFAULT_SETTINGS_FILES.find(existsSync) ?? DEFAULT_SETTINGS_FILES[0]
}

/**
 * Reads the settings file, and returns all errors at once. A missing file is an error (CONFIG_UNREADABLE)
 * if it was named; otherwise the built-in defaults apply. Never throws.
 *
 * @param file as for `settingsPath`
 */
export async function loadConfig(
  file?: string
): Promise<ConfigResult & { readonly file: SettingsFile }> {
  const path = settingsPath(file)
  const none: SettingsFile = { path: resolve(path), sha256: undefined }
  let octets: Uint8Array
  try {
    octets = await readBoundedFile(path, MAX_OCTETS)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const similar = code === 'ENOENT' ? similarFile(path) : undefined
    if (code === 'ENOENT' && file === undefined && similar === undefined) {
      return { ...readConfig('', path), file: none }
    }
    const hint =
      similar === undefined ? '' : `; rename ${similar} to ${path}, or name it with --config`
    const errors = [failure('CONFIG_UNREADABLE', path, `${reasonOf(error)}${hint}`)]
    return { ok: false, errors, file: none }
  }
  const sha256 = createHash('sha256').update(octets).digest('hex')
  return { ...readConfig(octets, path), file: { ...none, sha256 } }
}

/** An existing file with the other of the two usual extensions: defaults in its place would mislead. */
function similarFile(path: string): string | undefined {
  const [, stem, end] = /^(.*)\.(ya?ml)$/.exec(path) ?? []
  const other = `${stem ?? ''}.${end === 'yml' ? 'yaml' : 'yml'}`
  return end !== undefined && existsSync(other) ? other : undefined
}

/**
 * Like `loadConfig`, from text.
 *
 * @param path of the file that the text comes from: paths in it are relative to its folder
 */
export function readConfig(source: Uint8Array | string, path: string): ConfigResult {
  const read = readYaml(source, path, settingsSchema)
  if (!read.ok) return read
  const settings = read.value
  const positionOf: SectionContext['positionOf'] = at => read.positionOf(at)
  const file = resolve(path)
  const folder = dirname(file)
  const errors: InterdictError[] = []
  const addError: SectionContext['addError'] = (key, found, expected) => {
    const steps = key.split('.').map(step => (/^\d+$/.test(step) ? Number(step) : step))
    const position = positionOf(steps)
    errors.push(failureAt(position, 'DOCUMENT_INVALID', key, mismatch(expected, found)))
  }
  const context = { folder, positionOf, addError }
  placeWritten(settings, context)
  const server: ServerAt = (one, ...at) => withFiles(one, folder, positionOf(at), errors)
  const config = withProxy(configOf(settings, file, context, server))
  for (const [i, { mail }] of settings.reports.entries()) {
    if (mail !== undefined && settings.smtp.host === '')
      addError(`reports.${i}.mail`, 'mail', 'smtp.host, the mail server to send it by')
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, config }
}

/** Adds to an upstream the contents of its files. @param at where it is in the settings */
type ServerAt = (server: WrittenServer, ...at: (string | number)[]) => UpstreamServer

function configOf(
  settings: Settings,
  file: string,
  context: SectionContext,
  server: ServerAt
): Config {
  const { workers, transport, cache, identity, discovery, cookies, tcp, log, shutdown } = settings
  const { folder, positionOf } = context
  const pathOrNone = (path: string) => (path === '' ? undefined : resolve(folder, path))
  const state = resolve(folder, settings.state.folder)
  const secretFile = cookies['secret-file']
  const structured = settings['structured-errors']
  const remoteLists = settings['remote-lists']
  const caFile = remoteLists['ca-file']
  const probeCa = settings.probe['ca-file']
  const asnDatabase = settings['asn-database']
  const { service } = log
  return {
    file,
    listen: listenersOf(settings.listen, folder, positionOf),
    tls: tlsOf(settings.tls, context),
    workers,
    transport,
    warmUp: settings['warm-up'],
    ...rulesOf(settings.rules, folder),
    catalogue: catalogueOf(settings.catalogue, folder),
    asnDatabase: pathOrNone(asnDatabase),
    upstreams: upstreamsOf(settings.upstreams, server),
    cache: {
      size: cache.size,
      minTtl: cache['min-ttl'],
      maxTtl: cache['max-ttl'],
      negativeMaxTtl: cache['negative-max-ttl'],
      failureTtl: cache['failure-ttl'],
      staleMax: cache['stale-max'],
      staleAfter: cache['stale-after'],
      staleRecheck: cache['stale-recheck'],
      prefetch: cache.prefetch
    },
    identity,
    discovery:
      discovery.name === ''
        ? undefined
        : { ...discovery, position: positionOf(['discovery', 'name']) },
    acme: acmeOf(settings.acme, folder, state, positionOf),
    structuredErrors: {
      enabled: structured.enabled,
      optionCode: structured['option-code'],
      unencrypted: structured.unencrypted,
      filteringDatabase: structured['filtering-database']
    },
    cookies: {
      server: cookies.server,
      secretFile: pathOrNone(secretFile)
    },
    tcp: {
      idle: tcp.idle,
      maxConnections: tcp['max-connections'],
      maxConnectionsPerClient: tcp['max-connections-per-client'],
      maxInFlight: tcp['max-in-flight']
    },
    limits: limitsOf(settings.limits),
    frontEnds: {
      proxyProtocol: settings['front-ends']['proxy-protocol'],
      clientSubnet: settings['front-ends']['client-subnet']
    },
    specialUse: {
      answer: settings['special-use'].answer,
      except: settings['special-use'].except.map(readName)
    },
    rebindingGuard: {
      enabled: settings['rebinding-guard'].enabled,
      allow: settings['rebinding-guard'].allow.map(readName),
      addresses: settings['rebinding-guard'].addresses
    },
    dnssec: { trustAnchors: settings.dnssec['trust-anchors'] },
    probe: {
      enabled: settings.probe.enabled,
      every: settings.probe.every,
      namesPerBan: settings.probe['names-per-ban'],
      control: settings.probe.control.map((text, i) => {
        const position = positionOf(['probe', 'control', i])
        return { text, name: readName(text), path: `probe.control[${i}]`, position }
      }),
      caFile: pathOrNone(probeCa)
    },
    state: { folder: state },
    history: { listSize: settings.history['list-size'] },
    remoteLists: {
      bootstrap: remoteLists.bootstrap.map((one, i) => server(one, 'remote-lists', 'bootstrap', i)),
      caFile: pathOrNone(caFile),
      headerFiles: Object.fromEntries(
        Object.entries(remoteLists.headers).map(([host, path]) => [host, resolve(folder, path)])
      ),
      timeout: remoteLists.timeout
    },
    proxy: proxyOf(settings.proxy, context),
    transfers: transfersOf(settings.transfers, folder),
    bindings: bindingsOf(settings.bindings, context),
    egress: {
      connections: pathOrNone(settings.egress.connections),
      firewall: pathOrNone(settings.egress.firewall),
      learnFor: settings.egress['learn-for'],
      exportKey: pathOrNone(settings.egress['export-key'])
    },
    admin: adminOf(settings.admin, state, context),
    keyFiles: keyFilesOf(settings, context),
    alerts: alertsOf(settings.alerts, folder, positionOf),
    reports: reportsOf(settings.reports, context, state),
    smtp: smtpOf(settings.smtp, folder, positionOf(['smtp'])),
    fleet: fleetOf(settings.fleet, folder, positionOf(['fleet'])),
    log: {
      service: {
        level: service.level,
        destination: service.file === '-' ? 'stderr' : { path: resolve(folder, service.file) }
      },
      queries: queryLogOf(log.queries, context),
      outputs: outputsOf(log.outputs, folder, state)
    },
    shutdown: { grace: shutdown.grace, lameDuck: shutdown['lame-duck'] }
  }
}

/** Gives the proxy to each part of the settings that sends HTTP requests. */
function withProxy(config: Config): Config {
  const { remoteLists, acme, admin, alerts, fleet, log } = config
  const proxy = config.proxy?.http
  if (proxy === undefined) return config
  const through = <T extends object>(part: T | undefined) => part && { ...part, proxy }
  const { pull, reports, logs } = fleet ?? {}
  const { witness } = log.queries
  return {
    ...config,
    remoteLists: { ...remoteLists, proxy },
    acme: through(acme),
    admin: { ...admin, oidc: through(admin.oidc) },
    alerts: alerts.map(hook => ({ ...hook, proxy })),
    fleet: fleet && {
      ...fleet,
      pull: through(pull),
      reports: through(reports),
      logs: logs && { ...logs, s3: through(logs.s3) }
    },
    log: {
      ...log,
      queries: { ...log.queries, witness: witness && { ...witness, tsa: through(witness.tsa) } },
      outputs: log.outputs.map(one => (one.type === 'otlp' ? { ...one, proxy } : one))
    }
  }
}

function tlsOf(settings: Settings['tls'], { folder, positionOf }: SectionContext): TlsConfig {
  const secret = settings['ticket-secret']
  const position = positionOf(['tls', 'ticket-secret'])
  return {
    handshakeTimeout: settings['handshake-timeout'],
    maxHandshakes: settings['max-handshakes'],
    ticketSecret: secret === '' ? undefined : { path: resolve(folder, secret), position },
    algorithms: {
      groups: settings.groups,
      ciphers: settings.ciphers,
      cipherSuites: settings['cipher-suites']
    }
  }
}

function limitsOf(settings: Settings['limits']): LimitsConfig {
  return {
    queriesPerSecond: settings['queries-per-second'],
    responsesPerSecond: settings['responses-per-second'],
    burst: settings.burst,
    slip: settings.slip,
    cpuShare: settings['cpu-percent'] / 100,
    bits: { ipv4: settings['ipv4-prefix'], ipv6: settings['ipv6-prefix'] },
    exempt: settings.exempt
  }
}

function upstreamsOf(settings: Settings['upstreams'], server: ServerAt): UpstreamsConfig {
  return {
    servers: settings.servers.map((one, i) => server(one, 'upstreams', 'servers', i)),
    useResolvConf: settings['use-resolv-conf'],
    forward: Object.entries(settings.forward).map(([domain, servers]) => ({
      domain,
      name: readName(domain),
      servers: servers.map((one, i) => server(one, 'upstreams', 'forward', domain, i))
    })),
    timeout: settings.timeout,
    giveUp: settings['give-up'],
    caseRandomization: settings['case-randomization'],
    cookies: settings.cookies,
    sourcePorts: settings['source-ports'],
    idleProbe: settings['idle-probe'],
    loopCheck: settings['loop-check']
  }
}
