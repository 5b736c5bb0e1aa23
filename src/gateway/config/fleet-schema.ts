import { resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'
import { duration } from '../../policy/yaml/quantity.js'
import { isLoopback } from './alerts-schema.js'
import type { FleetConfig } from './fleet-config.js'
import { fleetLogsOf, fleetLogsSchema } from './fleet-logs.js'

const MAX_SERVERS = 16
/** Part of a NATS subject, of a file name and of a metric label. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const NAME_EXPECTED = 'a name of a-z, 0-9 and -, at most 63 characters'

/** Names of gateways and rings. */
export const fleetName = z.string().regex(NAME, NAME_EXPECTED)

const isNats = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text)
  const rest = `${username}${password}${search}${hash}${pathname === '/' ? '' : pathname}`
  return ['nats:', 'tls:'].includes(protocol) && hostname !== '' && rest === ''
}

export const natsServers = z
  .array(z.string().refine(isNats, 'a URL such as tls://nats1.example:4222'))
  .max(MAX_SERVERS)

/** The channel can only offer bundles that are signed; whoever is on the way learns which there are. */
export const isWeb = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

const path = z.string('a path').prefault('')
const web = z
  .string()
  .refine(text => text === '' || isWeb(text), 'https://, or http:// to loopback')
  .prefault('')

/** `fleet`; undefined: the gateway stands alone. */
export const fleetSchema = z
  .strictObject({
    name: fleetName,
    ring: fleetName.prefault('all'),
    nats: natsServers.prefault([]),
    credentials: path,
    'ca-file': path,
    certificate: path,
    key: path,
    pull: web,
    'pull-interval': duration('5s', '1d').prefault('30s'),
    logs: fleetLogsSchema,
    'report-url': web,
    'report-interval': duration('1s', '5m').prefault('10s')
  })
  .superRefine((fleet, context) => {
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message })
    const { nats, credentials, certificate, key, pull, logs } = fleet
    // A pair of gateways only joins its logs.
    if (nats.length === 0 && pull === '' && logs === undefined)
      refuse('nats', 'NATS servers here, a URL in pull, or logs')
    if ((nats.length > 0 || fleet['report-url'] !== '') && credentials === '')
      refuse('credentials', 'the file that interdict fleet enrol writes')
    const needing = logs?.to === 'nats' ? 'to' : 'live'
    if (nats.length === 0 && (logs?.to === 'nats' || logs?.live === true))
      context.addIssue({
        code: 'custom',
        path: ['logs', needing],
        message: 'servers in fleet.nats'
      })
    if ((certificate === '') !== (key === ''))
      refuse(certificate === '' ? 'certificate' : 'key', 'a path, as for the other of the two')
  })
  .optional()

/** @param folder that paths are relative to */
export function fleetOf(
  settings: z.output<typeof fleetSchema>,
  folder: string,
  position: Position
): FleetConfig | undefined {
  if (settings === undefined) return undefined
  const { name, ring, nats, credentials, certificate, key, pull } = settings
  const file = (text: string): string => resolve(folder, text)
  const caFile = settings['ca-file'] === '' ? undefined : file(settings['ca-file'])
  const own = certificate === '' ? undefined : { certificate: file(certificate), key: file(key) }
  return {
    ...{ name, ring, position },
    nats:
      nats.length === 0
        ? undefined
        : { servers: nats, credentials: file(credentials), caFile, certificate: own },
    pull: pull === '' ? undefined : { url: pull, interval: settings['pull-interval'], caFile },
    logs: fleetLogsOf(settings.logs, folder, caFile),
    reports:
      settings['report-url'] === ''
        ? undefined
        : { url: settings['report-url'], credentials: file(credentials), caFile },
    report: settings['report-interval']
  }
}
