import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import * as z from 'zod'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../base/bounded-file.js'
import { failureAt, type InterdictError } from '../base/error.js'
import type { Position } from '../base/position.js'
import { readName } from '../dns/name/name.js'
import { TLS_PORT, type UpstreamServer } from '../upstream/upstream-server.js'
import { parsedString } from '../yaml/parsed-string.js'
import { readServer } from './endpoint.js'

/** An upstream as written in the settings: files are paths. */
export type WrittenServer = z.output<typeof upstreamServer>

/** SHA-256 in base64: 32 octets. */
const PIN = /^[A-Za-z0-9+/]{43}=$/

const text = parsedString(
  'an address such as 192.0.2.53, [2001:db8::53]:53, 192.0.2.53:5353 or tls://192.0.2.53#dns.example',
  readUpstream,
  given =>
    /^tls:\/\/[^#]+$/.test(given)
      ? `; add the name in its certificate, as ${given}#dns.example`
      : ''
)
const path = z.string('a path').min(1, 'a path')
const hostName = z.string('a host name').refine(isHostName, 'a host name such as dns.example')
const pin = z.string().regex(PIN, 'a SHA-256 in base64, of 44 characters')

const object = z
  .strictObject({
    address: parsedString('an address such as 192.0.2.53 or 192.0.2.53:8853', given =>
      readAddressAndPort(given)
    ),
    protocol: z.enum(['dns', 'tls']),
    name: hostName.optional(),
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
    if (protocol === 'dns') {
      const keys = ['name', 'pin-sha256', 'ca', 'client-certificate', 'client-key'] as const
      for (const key of keys)
        if (it[key] !== undefined) issue(key, 'no such key without protocol: tls')
      return
    }
    if (name === undefined && pins === undefined && !opportunistic)
      issue('name', 'the name in its certificate, or pin-sha256 instead')
    if (it.ca !== undefined && name === undefined) issue('ca', 'no authorities without a name')
    if ((it['client-certificate'] === undefined) !== (it['client-key'] === undefined))
      issue('client-key', 'client-certificate and client-key together')
  })

/** An upstream: a text, or an object with more about TLS. */
export const upstreamServer = z.union([
  text,
  object.transform(it => {
    const { address, protocol, name, ca, opportunistic } = it
    if (protocol === 'dns') return { ...address.dns, tls: undefined }
    const pins = it['pin-sha256'] ?? []
    const certificate = it['client-certificate']
    const key = it['client-key']
    const client = certificate === undefined || key === undefined ? undefined : { certificate, key }
    return { ...address.tls, tls: { name, pins, ca, client, opportunistic } }
  })
])

/** Reads `192.0.2.1`, or `tls://192.0.2.1#dns.example`. @throws InterdictError ADDRESS_INVALID */
function readUpstream(given: string): UpstreamServer | undefined {
  const [, place, name] = /^tls:\/\/([^#]+)#([^#]+)$/.exec(given) ?? []
  if (place === undefined) return readServer(given)
  const endpoint = readAddressAndPort(place)?.tls
  if (endpoint === undefined || !isHostName(name!)) return undefined
  const tls = { name, pins: [], ca: undefined, client: undefined, opportunistic: false }
  return { ...endpoint, tls }
}

/** An address with a port, or with the usual one of each protocol. */
function readAddressAndPort(
  given: string
): { readonly dns: UpstreamServer; readonly tls: UpstreamServer } | undefined {
  const bare = given.replace(/^\[([^\]]+)\]$/, '$1')
  const dns = readServer(bare)
  if (dns === undefined) return undefined
  const hasPort = bare.includes(']:') || /^[^:]*:\d+$/.test(bare)
  return { dns, tls: hasPort ? dns : { ...dns, port: TLS_PORT } }
}

/** RFC 1123 §2.1: of letters, digits and hyphens, with a letter in the last label. */
function isHostName(name: string): boolean {
  try {
    return /^[a-z0-9.-]*[a-z][a-z0-9-]*\.?$/i.test(name) && readName(name).length > 1
  } catch {
    return false
  }
}

/**
 * Reads the files that an upstream's settings name.
 *
 * @param folder of the settings file
 * @param errors receives CONFIG_UPSTREAM_FILE for each that cannot be used
 */
export function withFiles(
  server: WrittenServer,
  folder: string,
  position: Position,
  errors: InterdictError[]
): UpstreamServer {
  const { tls } = server
  if (tls === undefined) return server
  const read = (file: string): string => {
    try {
      return readBoundedFileSync(resolve(folder, file), MAX_SECRET_FILE).toString('latin1')
    } catch (error) {
      errors.push(failureAt(position, 'CONFIG_UPSTREAM_FILE', file, (error as Error).message))
      return ''
    }
  }
  const count = errors.length
  const ca = tls.ca === undefined ? undefined : read(tls.ca)
  const client = tls.client && {
    certificate: read(tls.client.certificate),
    key: read(tls.client.key)
  }
  if (errors.length === count) {
    try {
      // OpenSSL takes a file without any certificate for no authorities.
      if (ca !== undefined) new X509Certificate(ca)
      createSecureContext({
        ...(ca !== undefined && { ca }),
        ...(client !== undefined && { cert: client.certificate, key: client.key })
      })
    } catch (error) {
      const files = [tls.ca, tls.client?.certificate, tls.client?.key].filter(
        it => it !== undefined
      )
      const { message } = error as Error
      errors.push(failureAt(position, 'CONFIG_UPSTREAM_FILE', files.join(', '), message))
    }
  }
  return { ...server, tls: { ...tls, ca, client } }
}
