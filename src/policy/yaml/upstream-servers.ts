import * as z from 'zod'
import { readName } from '../../wire/dns/name/name.js'
import {
  DNS_PORT,
  HTTPS_PORT,
  TLS_PORT,
  type UpstreamServer
} from '../../wire/sockets/upstream-server.js'
import { parsedString } from './parsed-string.js'
import { readServer } from '../../wire/sockets/endpoint.js'

/** An upstream as written in the settings: files are paths. */
export type WrittenServer = z.output<typeof upstreamServer>

const PORTS = { dns: DNS_PORT, dot: TLS_PORT, doh: HTTPS_PORT } as const
/** SHA-256 in base64: 32 octets. */
const PIN = /^[A-Za-z0-9+/]{43}=$/

/** The path of RFC 8484 §4.1.1, which most servers use. */
const DEFAULT_PATH = '/dns-query'
/** A path with or without a query, of characters that need no encoding. RFC 3986 §3.3, §3.4. */
const PATH = /^\/[\w.~!$&'()*+,;=:@%/?-]*$/
/** POST needs no variables in a URI template: `{?dns}` may be left as the server's documents have it. RFC 8484 §4.1. */
const TEMPLATE = /\{\?dns\}$/

const text = parsedString(
  'an address such as 192.0.2.53, [2001:db8::53]:53, 192.0.2.53:5353, tls://192.0.2.53#dns.example or https://dns.example/dns-query@192.0.2.53',
  readUpstream,
  given => {
    if (/^tls:\/\/[^#]+$/.test(given))
      return `; add the name in its certificate, as ${given}#dns.example`
    if (/^https:\/\/[^@]+$/.test(given)) return `; add its address, as ${given}@192.0.2.53`
    return ''
  }
)
const path = z.string('a path').min(1, 'a path')
const hostName = z.string('a host name').refine(isHostName, 'a host name such as dns.example')
const pin = z.string().regex(PIN, 'a SHA-256 in base64, of 44 characters')

/** Keys that each protocol does not have. */
const TLS_KEYS = ['name', 'pin-sha256', 'ca', 'client-certificate', 'client-key'] as const
const MISPLACED = { dns: ['path', ...TLS_KEYS], dot: ['path'], doh: [] } as const

const object = z
  .strictObject({
    address: parsedString('an address such as 192.0.2.53 or 192.0.2.53:8853', readPlace),
    port: z.int('a port from 1 to 65535').min(1).max(65_535).optional(),
    protocol: z.enum(['dns', 'dot', 'doh']),
    name: hostName.optional(),
    path: z.string().regex(PATH, 'a path such as /dns-query').optional(),
    'pin-sha256': z.union([pin.transform(one => [one]), z.array(pin).min(1)]).optional(),
    ca: path.optional(),
    'client-certificate': path.optional(),
    'client-key': path.optional(),
    opportunistic: z.boolean().prefault(false)
  })
  .superRefine((it, context) => {
    const { protocol, name, opportunistic } = it
    const pins = it['pin-sha256']
    const issue = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (it.port !== undefined && it.address.port !== undefined)
      issue('port', 'one port, here or in address')
    for (const key of MISPLACED[protocol])
      if (it[key] !== undefined)
        issue(key, `no such key without protocol: ${key === 'path' ? 'doh' : 'dot or doh'}`)
    if (protocol === 'dns') return
    if (name === undefined && pins === undefined && !opportunistic)
      issue('name', 'the name in its certificate, or pin-sha256 instead')
    if (it.ca !== undefined && name === undefined) issue('ca', 'no authorities without a name')
    if ((it['client-certificate'] === undefined) !== (it['client-key'] === undefined))
      issue('client-key', 'client-certificate and client-key together')
  })

/** A domain name, kept as text. */
export const domainText = z.string().refine(text => {
  try {
    return readName(text).length > 0
  } catch {
    return false
  }
}, 'a domain name')

/** An upstream: a text, or an object with more about TLS. */
export const upstreamServer = z.union([
  text,
  object.transform((it): UpstreamServer => {
    const { protocol, name, ca, opportunistic } = it
    const { address, port = it.port ?? PORTS[protocol] } = it.address
    if (protocol === 'dns') return { address, port, tls: undefined }
    const pins = it['pin-sha256'] ?? []
    const certificate = it['client-certificate']
    const key = it['client-key']
    const client = certificate === undefined || key === undefined ? undefined : { certificate, key }
    const uri = protocol === 'doh' ? (it.path ?? DEFAULT_PATH) : undefined
    return { address, port, tls: { path: uri, name, pins, ca, client, opportunistic } }
  })
])

/**
 * Reads `192.0.2.1`, `tls://192.0.2.1#dns.example` or `https://dns.example/dns-query@192.0.2.1`.
 *
 * @throws InterdictError ADDRESS_INVALID
 */
export function readUpstream(given: string): UpstreamServer | undefined {
  if (given.startsWith('https://')) return readHttps(given)
  const [, place, name] = /^tls:\/\/([^#]+)#([^#]+)$/.exec(given) ?? []
  if (place === undefined) return readServer(given)
  return overTls(readPlace(place), TLS_PORT, name!, undefined)
}

/** The port is one of the URI, as in a browser. */
function readHttps(given: string): UpstreamServer | undefined {
  const [, name, port, rest, place] =
    /^https:\/\/([^/:@]+)(?::(\d{1,5}))?(\/.*)?@([^@]+)$/.exec(given) ?? []
  const path = rest?.replace(TEMPLATE, '') ?? DEFAULT_PATH
  if (name === undefined || !PATH.test(path)) return undefined
  const server = port === undefined ? readPlace(place!) : readServer(withPort(place!, port))
  return overTls(server, HTTPS_PORT, name, path)
}

/** If `place` has a port as well, the result is not an endpoint, and is refused as such. */
function withPort(place: string, port: string): string {
  return place.includes(':') && !place.startsWith('[') ? `[${place}]:${port}` : `${place}:${port}`
}

function overTls(
  place: Place | undefined,
  usual: number,
  name: string,
  path: string | undefined
): UpstreamServer | undefined {
  if (place === undefined || !isHostName(name)) return undefined
  const tls = { path, name, pins: [], ca: undefined, client: undefined, opportunistic: false }
  return { address: place.address, port: place.port ?? usual, tls }
}

/** An address, perhaps with a port. */
interface Place {
  readonly address: string
  readonly port: number | undefined
}

/** @throws InterdictError ADDRESS_INVALID */
function readPlace(given: string): Place | undefined {
  const bare = given.replace(/^\[([^\]]+)\]$/, '$1')
  const server = readServer(bare)
  const hasPort = bare.includes(']:') || /^[^:]*:\d+$/.test(bare)
  return server && { address: server.address, port: hasPort ? server.port : undefined }
}

/** RFC 1123 §2.1: of letters, digits and hyphens, with a letter in the last label. */
function isHostName(name: string): boolean {
  try {
    return /^[a-z0-9.-]*[a-z][a-z0-9-]*\.?$/i.test(name) && readName(name).length > 1
  } catch {
    return false
  }
}
