import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import * as z from 'zod'
import { readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { HUB_ALERT_EVENTS, type AlertHookConfig } from '../../gateway/config/alert-config.js'
import { alertsOf, alertsSchemaFor } from '../../gateway/config/alerts-schema.js'
import { isRemote } from '../../wire/sockets/endpoint.js'
import { fleetName, isWeb, natsServers } from '../../gateway/config/fleet-schema.js'
import { endpoint } from '../../gateway/config/listen-schema.js'
import { isPublicKey } from '../../gateway/config/rules-section.js'
import type { TrustSettings } from '../../sources/bundle/trusted-keys.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import { duration } from '../../policy/yaml/quantity.js'
import { MAX_OCTETS, readYaml } from '../../policy/yaml/read.js'
import { proxyOf, proxySchema } from '../../sources/settings/proxy-settings.js'
import type { ProxyConfig } from '../../sources/settings/sources-config.js'

/** How far gateways of a ring may be from what is expected. */
export interface Band {
  /** Share of blocked lookups, either way; 0.02: two percentage points. */
  readonly blocked: number
  /** Share of SERVFAIL, above what is expected. */
  readonly servfail: number
  /** Mean response time, as a multiple of what is expected. */
  readonly latency: number
  /** Share of gateways that may not run the bundle yet, silent ones included. */
  readonly lagging: number
  /** Share of gateways that may have become not ready or silent, beyond that of later rings. */
  readonly unready: number
  /** Lookups before shares are judged. */
  readonly lookups: number
}

export interface RingConfig {
  readonly name: string
  /** How long its gateways must stay within the band before the next ring gets the bundle. */
  readonly soak: Milliseconds
}

export interface HubLogsConfig {
  /** The central folder. */
  readonly folder: string
}

/** The settings of a hub. Paths are absolute. */
export interface HubConfig {
  /** Of this hub, among those of the fleet. */
  readonly name: string
  readonly nats: {
    readonly servers: readonly string[]
    readonly caFile: string | undefined
    readonly certificate: { readonly certificate: string; readonly key: string } | undefined
  }
  /** Copies of everything in JetStream. */
  readonly replicas: number
  readonly trust: TrustSettings
  /** In the order in which they get a bundle. */
  readonly rings: readonly RingConfig[]
  readonly band: Band
  /** Whether the next ring gets a bundle without a command. */
  readonly automatic: boolean
  /** A gateway without a report for so long is silent. */
  readonly silentAfter: Milliseconds
  /** Webhooks, with the proxy. */
  readonly alerts: readonly AlertHookConfig[]
  /** For all HTTP that the hub sends; undefined: servers are reached directly. */
  readonly proxy: ProxyConfig | undefined
  readonly folder: string
  readonly socket: string
  /** Undefined: no HTTP. */
  readonly http: Endpoint | undefined
  /** Where log files of gateways arrive; undefined: nowhere. */
  readonly logs: HubLogsConfig | undefined
  /** URL, without path, at which gateways reach `http`; undefined: they do not. */
  readonly publicUrl: string | undefined
  /** Folder of a web server for gateways that pull; undefined: none. */
  readonly pullFolder: string | undefined
}

const path = z.string('a path').prefault('')
/** Over http:// only on this machine, as `fleet.report-url` of gateways. */
const isPublicUrl = (text: string): boolean =>
  text === '' || (isWeb(text) && /^\w+:\/\/[^/?#@]+$/.test(text))
const share = (value: number) => z.number('a share from 0 to 1').min(0).max(1).prefault(value)

const ring = z.strictObject({ name: fleetName, soak: duration('1s', '30d').prefault('1h') })

const band = z
  .strictObject({
    blocked: share(0.05),
    servfail: share(0.02),
    latency: z.number('a number from 1 to 1000').min(1).max(1000).prefault(3),
    lagging: share(0.2),
    unready: share(0.02),
    lookups: z.int().min(0).max(1_000_000_000).prefault(1000)
  })
  .prefault({})

/** Every key of `hub.yaml`; see docs/operations/fleet.md. */
const hubSchema = z
  .strictObject({
    name: fleetName.optional(),
    nats: natsServers.min(1, 'at least one NATS server'),
    'ca-file': path,
    certificate: path,
    key: path,
    replicas: z.int().min(1).max(5).prefault(3),
    keys: z.array(z.string().min(1)).min(1, 'at least one public key').max(16),
    signatures: z.int().min(1).max(16).prefault(1),
    rings: z
      .array(ring)
      .min(1, 'at least one ring')
      .max(100)
      .refine(rings => new Set(rings.map(({ name }) => name)).size === rings.length, {
        error: 'each ring only once'
      })
      .prefault([{ name: 'canary' }, { name: 'all' }]),
    band,
    promote: z.enum(['automatic', 'manual']).prefault('automatic'),
    'silent-after': duration('5s', '1d').prefault('1m'),
    alerts: alertsSchemaFor(HUB_ALERT_EVENTS),
    proxy: proxySchema,
    folder: z.string().min(1).prefault('hub'),
    socket: path,
    http: z.union([z.literal('').transform(() => undefined), endpoint]).prefault(''),
    'public-url': z.string().refine(isPublicUrl, 'a URL such as https://hub.example').prefault(''),
    'pull-folder': path,
    logs: path
  })
  .superRefine(({ http, certificate, key }, context) => {
    const refuse = (at: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [at], message })
    if (isRemote(http)) refuse('http', 'a loopback address such as 127.0.0.1:8054')
    if ((certificate === '') !== (key === ''))
      refuse(certificate === '' ? 'certificate' : 'key', 'a path, as for the other of the two')
  })

export const DEFAULT_HUB_FILE = 'hub.yaml'

export type HubConfigResult =
  | { readonly ok: true; readonly config: HubConfig }
  | { readonly ok: false; readonly errors: readonly InterdictError[] }

/** Reads the settings of a hub. Never throws. */
export async function loadHubConfig(file = DEFAULT_HUB_FILE): Promise<HubConfigResult> {
  let octets: Uint8Array
  try {
    octets = await readBoundedFile(file, MAX_OCTETS)
  } catch (error) {
    return { ok: false, errors: [failure('CONFIG_UNREADABLE', file, reasonOf(error))] }
  }
  const read = readYaml(octets, file, hubSchema)
  if (!read.ok) return read
  const base = dirname(resolve(file))
  const positionOf = (at: readonly (string | number)[]) => read.positionOf(at)
  const proxy = proxyOf(read.value.proxy, { folder: base, positionOf })
  const hooks = alertsOf(read.value.alerts, base, positionOf, HUB_ALERT_EVENTS)
  const alerts = hooks.map(hook => ({ ...hook, proxy: proxy?.http }))
  return { ok: true, config: { ...configOf(read.value, base), alerts, proxy } }
}

/** The name of this machine, as far as a name of the fleet may have it. */
function hostName(): string {
  const [first = ''] = hostname().toLowerCase().split('.')
  return (
    first
      .replace(/[^a-z0-9-]/g, '-')
      .replace(/^-+/, '')
      .slice(0, 63) || 'hub'
  )
}

function configOf(
  settings: z.output<typeof hubSchema>,
  base: string
): Omit<HubConfig, 'alerts' | 'proxy'> {
  const optional = (text: string): string | undefined =>
    text === '' ? undefined : resolve(base, text)
  const { nats, keys, signatures, rings, replicas, http, certificate, key } = settings
  const folder = resolve(base, settings.folder)
  return {
    name: settings.name ?? hostName(),
    nats: {
      servers: nats,
      caFile: optional(settings['ca-file']),
      certificate:
        certificate === ''
          ? undefined
          : { certificate: resolve(base, certificate), key: resolve(base, key) }
    },
    replicas,
    trust: {
      keys: keys.filter(isPublicKey),
      keyFiles: keys.filter(one => !isPublicKey(one)).map(one => resolve(base, one)),
      signatures
    },
    rings,
    band: settings.band,
    automatic: settings.promote === 'automatic',
    silentAfter: settings['silent-after'],
    folder,
    socket: optional(settings.socket) ?? join(folder, 'hub.sock'),
    http,
    logs: settings.logs === '' ? undefined : { folder: resolve(base, settings.logs) },
    publicUrl: settings['public-url'] === '' ? undefined : settings['public-url'],
    pullFolder: optional(settings['pull-folder'])
  }
}
