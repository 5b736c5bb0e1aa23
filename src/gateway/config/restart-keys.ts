import { join } from 'node:path'
import { showPrefix } from '../../base/values/address.js'
import { isDeepStrictEqual } from 'node:util'
import type { Octets } from '../../base/units.js'
import type { BindingFeed } from '../../sources/settings/bindings-config.js'
import type { Config, ListenConfig } from './config.js'
import { defaultSocket, TOKENS_FILE } from './default-paths.js'
import { showEndpoint } from '../../wire/sockets/endpoint.js'

/** A setting whose value in the file takes effect after a restart. */
export interface PendingRestart {
  /** As in the settings file. */
  readonly key: string
  /** The value in force, and the one in the file, as text. */
  readonly running: string
  readonly wanted: string
}

/** The keys that take effect after a restart; all others are changed while the gateway runs. */
export const RESTART_KEYS: Readonly<Record<string, (config: Config) => string>> = {
  listen: ({ listen }) => listen.map(showListener).join(' '),
  'tls.handshake-timeout': ({ tls }) => `${tls.handshakeTimeout}ms`,
  'tls.max-handshakes': ({ tls }) => String(tls.maxHandshakes),
  'tls.groups': ({ tls }) => listed(tls.algorithms.groups),
  'tls.ciphers': ({ tls }) => listed(tls.algorithms.ciphers),
  'tls.cipher-suites': ({ tls }) => listed(tls.algorithms.cipherSuites),
  'tls.ticket-secret': ({ tls }) => tls.ticketSecret?.path ?? 'none',
  workers: ({ workers }) => String(workers),
  transport: ({ transport }) => transport,
  // Its memory is shared by all threads.
  'cache.size': ({ cache }) => showSize(cache.size),
  // Everything received is there, and locked.
  'state.folder': ({ state }) => state.folder,
  // Its memory is shared by all threads, too.
  'bindings.skew': ({ bindings }) => `${bindings.skew}ms`,
  'bindings.limit': ({ bindings }) => String(bindings.limit),
  'bindings.feeds': ({ bindings }) => showFeeds(bindings.feeds),
  'egress.connections': ({ egress }) => egress.connections ?? 'none',
  'egress.firewall': ({ egress }) => egress.firewall ?? 'none',
  'egress.learn-for': ({ egress }) => `${egress.learnFor}ms`,
  'egress.export-key': ({ egress }) => egress.exportKey ?? 'none'
}

const listed = (names: readonly string[]): string => names.join(' ') || 'default'

/** What of the settings in the file needs a restart. @param running the settings in force */
export function pendingRestart(running: Config, wanted: Config): readonly PendingRestart[] {
  return Object.entries(RESTART_KEYS).flatMap(([key, show]) => {
    const values = { running: show(running), wanted: show(wanted) }
    return values.running === values.wanted ? [] : [{ key, ...values }]
  })
}

/** The settings of the file, without what needs a restart. @param running the settings in force */
export function withoutRestart(running: Config, wanted: Config): Config {
  const { listen, tls, workers, transport, cache, state, bindings, egress } = running
  const { socket, tokens } = wanted.admin
  const defaultSpool = (name: string): string => join(wanted.state.folder, 'outputs', name)
  return {
    ...wanted,
    listen,
    tls,
    workers,
    transport,
    cache: { ...wanted.cache, size: cache.size },
    state,
    bindings,
    egress,
    admin: {
      ...wanted.admin,
      tokens:
        tokens === join(wanted.state.folder, TOKENS_FILE)
          ? join(state.folder, TOKENS_FILE)
          : tokens,
      // By default it is in the state folder.
      socket: socket?.position === undefined ? socket && defaultSocket(state.folder) : socket
    },
    log: {
      ...wanted.log,
      outputs: wanted.log.outputs.map(output => {
        const { name, spool } = output
        const isDefault = spool.folder === defaultSpool(name)
        const folder = isDefault ? join(state.folder, 'outputs', name) : spool.folder
        return { ...output, spool: { ...spool, folder } }
      })
    }
  }
}

/** Sections with other values, for the log: where they are in the file does not count. */
export function changedSections(before: Config, after: Config): readonly string[] {
  const all = Object.keys(after) as (keyof Config)[]
  // They follow from other sections.
  const keys = all.filter(key => key !== 'keyFiles')
  return keys.filter(key => !isDeepStrictEqual(unplaced(before[key]), unplaced(after[key])))
}

/** Whether two settings have the same value, wherever they are in the file. */
export const isSameSetting = (one: unknown, other: unknown): boolean =>
  isDeepStrictEqual(without(one, ['position']), without(other, ['position']))

/** The place in the file, and the copies of the section `proxy`. */
const unplaced = (value: unknown): unknown => without(value, ['position', 'proxy'])

function without(value: unknown, keys: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map(one => without(one, keys))
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, keys.includes(key) ? null : without(one, keys)])
  )
}

/** The contents of the certificate files change without a restart, their paths do not. */
function showListener(listener: ListenConfig): string {
  const { certificates = [], dohPath, recognition } = listener
  const files = certificates.map(
    ({ certificate, key, serverNames = [], requestsClientCertificates = false }) =>
      ` ${[certificate, key, ...serverNames].join(' ')}${requestsClientCertificates ? ' ask' : ''}`
  )
  const path = dohPath === undefined ? '' : ` ${dohPath}`
  const clients = recognition === undefined ? '' : ` ${Object.values(recognition).join(' ')}`
  return `${showEndpoint(listener)}${path}${files.join('')}${clients}`
}

function showFeeds(feeds: readonly BindingFeed[]): string {
  const shown = feeds.map(
    ({ name, type, file, socket, http, family, every, lifetime, ...radius }) => {
      const { listen, nas, needsMessageAuthenticator: needs } = radius
      const path = http ? 'http' : (file ?? socket)
      const from = listen === undefined ? path : showEndpoint(listen)
      const servers = nas.map(({ prefix, secretFile }) => ` ${showPrefix(prefix)} ${secretFile}`)
      return `${name} ${type} ${from} ${family} ${every} ${lifetime} ${needs}${servers.join('')}`
    }
  )
  return shown.join(', ') || 'none'
}

function showSize(size: Octets): string {
  return size % 2 ** 20 === 0 ? `${size / 2 ** 20}MB` : `${size}B`
}
