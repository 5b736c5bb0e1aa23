import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'
import { failure, failureAt, type InterdictError } from '../base/error.js'
import type { Position } from '../base/position.js'
import type { Octets } from '../base/units.js'
import { readName } from '../dns/name/name.js'
import { mismatch } from '../yaml/issues.js'
import { readYaml } from '../yaml/read.js'
import type {
  AdminSocketConfig,
  ChainConfig,
  Config,
  RetentionConfig,
  LimitsConfig,
  PrivacyConfig,
  UpstreamsConfig
} from './config.js'
import { outputsOf } from './outputs.js'
import { rulesOf } from './rules-section.js'
import { settingsSchema, type Settings } from './schema.js'
import { transfersOf } from './transfers.js'

/** Read, in the working folder, if no other is named; it need not exist. */
export const DEFAULT_SETTINGS_FILE = 'interdict.yaml'

/** Of `sun_path` with its final zero: 108 octets on Linux (unix(7)), 104 elsewhere. */
const MAX_SOCKET_PATH: Octets = process.platform === 'linux' ? 107 : 103

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly InterdictError[] }

/**
 * Reads the settings file; all that is wrong comes back at once. Without a file of that name, an
 * error (CONFIG_UNREADABLE) if it was asked for, the built-in defaults if not. Never throws.
 *
 * @param file what the operator asked for; undefined: `DEFAULT_SETTINGS_FILE`, if there is one
 */
export async function loadConfig(file?: string): Promise<ConfigResult> {
  const path = file ?? DEFAULT_SETTINGS_FILE
  let octets: Uint8Array
  try {
    octets = await readFile(path)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && file === undefined) return readConfig('', path)
    return { ok: false, errors: [failure('CONFIG_UNREADABLE', path, message)] }
  }
  return readConfig(octets, path)
}

/**
 * As `loadConfig`, from text.
 *
 * @param path of the file it stands for: paths in it are relative to its folder
 */
export function readConfig(source: Uint8Array | string, path: string): ConfigResult {
  const read = readYaml(source, path, settingsSchema)
  if (!read.ok) return read
  const folder = dirname(resolve(path))
  const { admin, log } = read.value
  const errors: InterdictError[] = []
  const refuse = (key: string, found: string, wanted: string): void => {
    const position = read.positionOf(key.split('.'))
    errors.push(failureAt(position, 'DOCUMENT_INVALID', key, mismatch(wanted, found)))
  }
  const socket = adminSocket(read.value, folder, read.positionOf(['admin', 'socket']))
  if (socket !== undefined && Buffer.byteLength(socket.path) > MAX_SOCKET_PATH) {
    const wanted = `a path of at most ${MAX_SOCKET_PATH} octets, counted from the root`
    refuse('admin.socket', admin.socket, wanted)
  }
  const privacy = privacyOf(log.queries.privacy, folder, path => read.positionOf(path))
  const logFolder = dirname(resolve(folder, log.queries.file))
  if (privacy.keys.folder === logFolder) {
    const wanted = 'another folder than that of the query log'
    refuse('log.queries.privacy.keys', log.queries.privacy.keys, wanted)
  }
  const keep = retentionOf(log.queries.keep, path => read.positionOf(path))
  const chain = chainOf(log.queries.chain, folder, path => read.positionOf(path))
  if (chain !== undefined) {
    if (isWithin(chain.signKey, logFolder)) {
      refuse(
        'log.queries.chain.sign-key',
        chain.signKey,
        'a file outside the folder of the query log'
      )
    }
    if (basename(log.queries.file) === 'chain.jsonl')
      refuse('log.queries.file', log.queries.file, 'another name than that of the chain')
  }
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, config: configOf(read.value, folder, { socket, privacy, chain, keep }) }
}

function adminSocket(
  { admin: { socket } }: Settings,
  folder: string,
  position: Position
): AdminSocketConfig | undefined {
  return socket === '' ? undefined : { path: resolve(folder, socket), position }
}

function configOf(
  settings: Settings,
  folder: string,
  placed: {
    readonly socket: AdminSocketConfig | undefined
    readonly privacy: PrivacyConfig
    readonly chain: ChainConfig | undefined
    readonly keep: RetentionConfig | undefined
  }
): Config {
  const { listen, workers, transport, cache, identity, cookies, tcp, log, shutdown } = settings
  const secretFile = cookies['secret-file']
  const caFile = settings['remote-lists']['ca-file']
  const { service, queries } = log
  return {
    listen,
    workers,
    transport,
    ...rulesOf(settings.rules, folder),
    upstreams: upstreamsOf(settings.upstreams),
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
      bootstrap: settings['remote-lists'].bootstrap,
      caFile: caFile === '' ? undefined : resolve(folder, caFile),
      timeout: settings['remote-lists'].timeout
    },
    transfers: transfersOf(settings.transfers, folder),
    admin: { socket: placed.socket },
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
        chain: placed.chain,
        retention: placed.keep,
        privacy: placed.privacy
      },
      outputs: outputsOf(log.outputs, folder, resolve(folder, settings.state.folder))
    },
    shutdown
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
  const some = Object.entries(networks).map(([id, fewer]) => {
    return { id, days: fewer, position: positionOf(['log', 'queries', 'keep', 'networks', id]) }
  })
  return days === 0 && space === 0 && some.length === 0
    ? undefined
    : { days, space, networks: some }
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

function upstreamsOf(settings: Settings['upstreams']): UpstreamsConfig {
  return {
    servers: settings.servers,
    useResolvConf: settings['use-resolv-conf'],
    forward: Object.entries(settings.forward).map(([domain, servers]) => ({
      domain,
      name: readName(domain),
      servers
    })),
    timeout: settings.timeout,
    giveUp: settings['give-up'],
    caseRandomization: settings['case-randomization'],
    cookies: settings.cookies,
    loopCheck: settings['loop-check']
  }
}
