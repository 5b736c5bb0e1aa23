import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { readBoundedFile } from '../base/bounded-file.js'
import { failure, failureAt, type InterdictError } from '../base/error.js'
import type { Position } from '../base/position.js'
import { MAX_SOCKET_PATH } from '../base/socket-path.js'
import { readName } from '../dns/name/name.js'
import { mismatch } from '../yaml/issues.js'
import { MAX_OCTETS, readYaml } from '../yaml/read.js'
import type { UpstreamServer } from '../upstream/upstream-server.js'
import type {
  AdminSocketConfig,
  ChainConfig,
  Config,
  DiscoveryConfig,
  ListenConfig,
  RetentionConfig,
  TlsConfig,
  LimitsConfig,
  PrivacyConfig,
  UpstreamsConfig
} from './config.js'
import type { AlertHookConfig } from './alert-config.js'
import type { SmtpConfig } from './report-config.js'
import { acmeOf } from './acme.js'
import type { AcmeConfig } from './acme-config.js'
import { alertsOf } from './alerts.js'
import { isRemote } from './endpoint.js'
import { fleetOf } from './fleet.js'
import type { FleetConfig } from './fleet-config.js'
import { listenersOf } from './listeners.js'
import { oidcOf } from './oidc.js'
import { outputsOf } from './outputs.js'
import { reportsOf, smtpOf } from './reports.js'
import { BESIDE, defaultSocket, isInEtc, placesFor } from './places.js'
import { rulesOf } from './rules-section.js'
import { settingsSchema, type Settings } from './schema.js'
import { transfersOf } from './transfers.js'
import { withFiles, type WrittenServer } from './upstream-servers.js'

/** Default settings files: in the working folder, or that of the machine. None need exist. */
export const DEFAULT_SETTINGS_FILES = ['interdict.yaml', '/etc/interdict/interdict.yaml'] as const

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly InterdictError[] }

/** The file that settings come from. */
export interface SettingsFile {
  /** Absolute. */
  readonly path: string
  /** In hexadecimal; undefined: there is no such file. */
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
    const { code = '', message } = error as NodeJS.ErrnoException
    const similar = code === 'ENOENT' ? similarFile(path) : undefined
    if (code === 'ENOENT' && file === undefined && similar === undefined) {
      return { ...readConfig('', path), file: none }
    }
    const hint =
      similar === undefined ? '' : `; rename ${similar} to ${path}, or name it with --config`
    const errors = [failure('CONFIG_UNREADABLE', path, `${message}${hint}`)]
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
  const folder = dirname(resolve(path))
  const { admin, log } = read.value
  const errors: InterdictError[] = []
  const addError = (key: string, found: string, expected: string): void => {
    const position = read.positionOf(key.split('.'))
    errors.push(failureAt(position, 'DOCUMENT_INVALID', key, mismatch(expected, found)))
  }
  placeWritten(read.value, folder, addError)
  const socket = adminSocket(read.value, folder, read.positionOf(['admin', 'socket']))
  const length = Buffer.byteLength(socket?.paths[0] ?? '')
  if (socket?.position !== undefined && length > MAX_SOCKET_PATH) {
    const expected = `an absolute path of at most ${MAX_SOCKET_PATH} bytes`
    addError('admin.socket', admin.socket, expected)
  }
  const privacy = privacyOf(log.queries.privacy, folder, path => read.positionOf(path))
  const logFolder = dirname(resolve(folder, log.queries.file))
  if (privacy.keys.folder === logFolder) {
    const expected = 'a folder other than that of the query log'
    addError('log.queries.privacy.keys', log.queries.privacy.keys, expected)
  }
  const adminConfig = adminOf(read.value, folder, path => read.positionOf(path))
  const retention = retentionOf(log.queries.keep, path => read.positionOf(path))
  const chain = chainOf(log.queries.chain, folder, path => read.positionOf(path))
  if (chain !== undefined) {
    if (isWithin(chain.signKey, logFolder)) {
      addError(
        'log.queries.chain.sign-key',
        chain.signKey,
        'a file outside the folder of the query log'
      )
    }
    if (basename(log.queries.file) === 'chain.jsonl')
      addError('log.queries.file', log.queries.file, 'a name other than that of the chain')
  }
  for (const [i, { mail }] of read.value.reports.entries()) {
    if (mail !== undefined && read.value.smtp.host === '')
      addError(`reports.${i}.mail`, 'mail', 'smtp.host, the mail server to send it by')
  }
  const upstreams = upstreamsOf(read.value.upstreams, (server, ...at) =>
    withFiles(server, folder, read.positionOf(['upstreams', ...at]), errors)
  )
  const bootstrap = read.value['remote-lists'].bootstrap.map((server, i) =>
    withFiles(server, folder, read.positionOf(['remote-lists', 'bootstrap', i]), errors)
  )
  if (errors.length > 0) return { ok: false, errors }
  const listen = listenersOf(read.value.listen, folder, path => read.positionOf(path))
  const ticketPosition = read.positionOf(['tls', 'ticket-secret'])
  const tls = tlsOf(read.value.tls, folder, ticketPosition)
  const { name, addresses } = read.value.discovery
  const discovery =
    name === '' ? undefined : { name, addresses, position: read.positionOf(['discovery', 'name']) }
  const smtp = smtpOf(read.value.smtp, folder, read.positionOf(['smtp']))
  const state = resolve(folder, read.value.state.folder)
  const acme = acmeOf(read.value.acme, folder, state, path => read.positionOf(path))
  const alerts = alertsOf(read.value.alerts, folder, path => read.positionOf(path))
  const resolved = {
    ...{
      listen,
      tls,
      discovery,
      acme,
      upstreams,
      bootstrap,
      socket,
      privacy,
      chain,
      retention,
      alerts,
      smtp
    },
    fleet: fleetOf(read.value.fleet, folder, read.positionOf(['fleet'])),
    admin: adminConfig
  }
  return { ok: true, config: configOf(read.value, resolve(path), resolved) }
}

/** Values of `admin.tokens` that are not paths. */
const TOKEN_WORDS: readonly string[] = ['auto', 'off']

/**
 * Gives what a gateway writes the places of the system if the settings are in /etc, which is for settings
 * only. Another relative path is an error there: where it leads to would have to be guessed.
 */
function placeWritten(
  { state, admin, acme, log, reports }: Settings,
  folder: string,
  addError: (key: string, found: string, expected: string) => void
): void {
  if (!isInEtc(folder)) return
  const system = placesFor(folder)
  if (log.queries.file === BESIDE.log) log.queries.file = system.log
  if (state.folder === BESIDE.state) state.folder = system.state
  if (log.queries.privacy.keys === BESIDE.keys) log.queries.privacy.keys = system.keys
  const written = [
    ['log.queries.file', log.queries.file, system.log],
    ['state.folder', state.folder, system.state],
    ['log.queries.privacy.keys', log.queries.privacy.keys, system.keys],
    [
      'admin.tokens',
      TOKEN_WORDS.includes(admin.tokens) ? '' : admin.tokens,
      '/var/lib/interdict/tokens.json'
    ],
    [
      'acme.account-key',
      acme['account-key'] === 'auto' ? '' : acme['account-key'],
      '/var/lib/interdict/acme-account.key'
    ],
    ['acme.certificate', acme.certificate, '/var/lib/interdict/dns.pem'],
    ['acme.key', acme.key, '/var/lib/interdict/dns.key'],
    ['log.service.file', log.service.file, '/var/log/interdict/service.log'],
    ...log.outputs.map(({ spool }, i) => {
      return [`log.outputs.${i}.spool`, spool, '/var/lib/interdict/spool'] as const
    }),
    ...reports.map((report, i) => {
      return [`reports.${i}.folder`, report.folder, '/var/lib/interdict/reports'] as const
    })
  ] as const
  for (const [key, path, example] of written) {
    if (path === '' || path === '-' || isAbsolute(path)) continue
    addError(key, path, `an absolute path such as ${example}, since nothing is written to /etc`)
  }
}

function adminSocket(
  { admin: { socket }, state }: Settings,
  folder: string,
  position: Position
): AdminSocketConfig | undefined {
  if (socket === '' || socket === 'off') return undefined
  if (socket !== 'auto') return { paths: [resolve(folder, socket)], position }
  return defaultSocket(resolve(folder, state.folder))
}

function configOf(
  settings: Settings,
  file: string,
  resolved: {
    readonly upstreams: UpstreamsConfig
    readonly bootstrap: readonly UpstreamServer[]
    readonly listen: readonly ListenConfig[]
    readonly tls: TlsConfig
    readonly discovery: DiscoveryConfig | undefined
    readonly acme: AcmeConfig | undefined
    readonly socket: AdminSocketConfig | undefined
    readonly admin: Omit<Config['admin'], 'socket'>
    readonly privacy: PrivacyConfig
    readonly chain: ChainConfig | undefined
    readonly retention: RetentionConfig | undefined
    readonly alerts: readonly AlertHookConfig[]
    readonly smtp: SmtpConfig | undefined
    readonly fleet: FleetConfig | undefined
  }
): Config {
  const { workers, transport, cache, identity, cookies, tcp, log, shutdown } = settings
  const secretFile = cookies['secret-file']
  const structured = settings['structured-errors']
  const caFile = settings['remote-lists']['ca-file']
  const { service, queries } = log
  const folder = dirname(file)
  return {
    file,
    listen: resolved.listen,
    tls: resolved.tls,
    workers,
    transport,
    ...rulesOf(settings.rules, folder),
    upstreams: resolved.upstreams,
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
    discovery: resolved.discovery,
    acme: resolved.acme,
    structuredErrors: {
      enabled: structured.enabled,
      optionCode: structured['option-code'],
      unencrypted: structured.unencrypted,
      filteringDatabase: structured['filtering-database']
    },
    cookies: {
      server: cookies.server,
      secretFile: secretFile === '' ? undefined : resolve(folder, secretFile)
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
    state: { folder: resolve(folder, settings.state.folder) },
    remoteLists: {
      bootstrap: resolved.bootstrap,
      caFile: caFile === '' ? undefined : resolve(folder, caFile),
      timeout: settings['remote-lists'].timeout
    },
    transfers: transfersOf(settings.transfers, folder),
    admin: { socket: resolved.socket, ...resolved.admin },
    alerts: resolved.alerts,
    reports: reportsOf(settings.reports, folder, resolve(folder, settings.state.folder)),
    smtp: resolved.smtp,
    fleet: resolved.fleet,
    log: {
      service: {
        level: service.level,
        destination: service.file === '-' ? 'stderr' : { path: resolve(folder, service.file) }
      },
      queries: {
        which: queries.which,
        path: resolve(folder, queries.file),
        flush: queries.flush,
        rotation: { octets: queries.rotate.size, daily: queries.rotate.daily },
        archive: queries.archive,
        chain: resolved.chain,
        retention: resolved.retention,
        privacy: resolved.privacy
      },
      outputs: outputsOf(log.outputs, folder, resolve(folder, settings.state.folder))
    },
    shutdown: { grace: shutdown.grace, lameDuck: shutdown['lame-duck'] }
  }
}

function adminOf(
  { admin: { http, tls, tokens, dashboard, oidc }, state }: Settings,
  folder: string,
  positionOf: (path: readonly string[]) => Position
): Omit<Config['admin'], 'socket'> {
  const hasTls = tls.certificate !== ''
  // Without TLS, tokens would cross the network in clear text.
  const isSafe = hasTls || !isRemote(http)
  const file = tokens === 'auto' && isSafe ? join(state.folder, 'tokens.json') : tokens
  return {
    http,
    tls: hasTls
      ? {
          certificate: resolve(folder, tls.certificate),
          key: resolve(folder, tls.key),
          position: positionOf(['admin', 'tls', 'certificate'])
        }
      : undefined,
    tokens: TOKEN_WORDS.includes(file) ? undefined : resolve(folder, file),
    dashboard,
    oidc: oidcOf(oidc, folder, positionOf(['admin', 'oidc']))
  }
}

function tlsOf(settings: Settings['tls'], folder: string, position: Position): TlsConfig {
  const secret = settings['ticket-secret']
  return {
    handshakeTimeout: settings['handshake-timeout'],
    maxHandshakes: settings['max-handshakes'],
    ticketSecret: secret === '' ? undefined : { path: resolve(folder, secret), position }
  }
}

function chainOf(
  settings: Settings['log']['queries']['chain'],
  folder: string,
  positionOf: (path: readonly string[]) => Position
): ChainConfig | undefined {
  const { 'sign-key': signKey, 'earlier-keys': earlierKeys, checkpoint } = settings
  if (signKey === '') return undefined
  const position = positionOf(['log', 'queries', 'chain', 'sign-key'])
  return { signKey: resolve(folder, signKey), earlierKeys, checkpoint, position }
}

function retentionOf(
  { days, space, networks }: Settings['log']['queries']['keep'],
  positionOf: (path: readonly string[]) => Position
): RetentionConfig | undefined {
  const shorter = Object.entries(networks).map(([id, fewer]) => {
    return { id, days: fewer, position: positionOf(['log', 'queries', 'keep', 'networks', id]) }
  })
  return days === 0 && space === 0 && shorter.length === 0
    ? undefined
    : { days, space, networks: shorter }
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function privacyOf(
  settings: Settings['log']['queries']['privacy'],
  folder: string,
  positionOf: (path: readonly string[]) => Position
): PrivacyConfig {
  return {
    default: settings.default,
    networks: Object.entries(settings.networks).map(([id, mode]) => {
      return { id, mode, position: positionOf(['log', 'queries', 'privacy', 'networks', id]) }
    }),
    bits: { ipv4: settings['ipv4-prefix'], ipv6: settings['ipv6-prefix'] },
    preservePrefix: settings['preserve-prefix'],
    keys: {
      folder: resolve(folder, settings.keys),
      rotation: settings['rotate-keys'],
      keep: settings['keep-keys']
    }
  }
}

function limitsOf(settings: Settings['limits']): LimitsConfig {
  return {
    queriesPerSecond: settings['queries-per-second'],
    responsesPerSecond: settings['responses-per-second'],
    burst: settings.burst,
    slip: settings.slip,
    bits: { ipv4: settings['ipv4-prefix'], ipv6: settings['ipv6-prefix'] },
    exempt: settings.exempt
  }
}

function upstreamsOf(
  settings: Settings['upstreams'],
  load: (server: WrittenServer, ...at: (string | number)[]) => UpstreamServer
): UpstreamsConfig {
  return {
    servers: settings.servers.map((server, i) => load(server, 'servers', i)),
    useResolvConf: settings['use-resolv-conf'],
    forward: Object.entries(settings.forward).map(([domain, servers]) => ({
      domain,
      name: readName(domain),
      servers: servers.map((server, i) => load(server, 'forward', domain, i))
    })),
    timeout: settings.timeout,
    giveUp: settings['give-up'],
    caseRandomization: settings['case-randomization'],
    cookies: settings.cookies,
    loopCheck: settings['loop-check']
  }
}
