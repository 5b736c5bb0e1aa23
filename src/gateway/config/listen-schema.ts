import { resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import type { ListenConfig } from './config.js'
import { readEndpoint } from '../../wire/sockets/endpoint.js'

const MAX_LISTENERS = 64
const MAX_CERTIFICATES = 64
/** Server names of one certificate. */
const MAX_NAMES = 64

export const endpoint = parsedString(
  'an address and port such as 127.0.0.1:53 or [::1]:53',
  readEndpoint
)
const path = z.string('a path').min(1, 'a path')
/** Where DNS over HTTPS is unless `path` says otherwise: the path of the examples in RFC 8484. */
const DEFAULT_PATH = '/dns-query'
/** Characters of path segments that need no percent-encoding: RFC 3986 §3.3. */
const dohPath = z
  .string()
  .regex(/^\/[\w\-.~!$&'()*+,;=:@/]{0,254}$/, 'a path such as /dns-query, without {?dns}')
/** A host name, RFC 1123 §2.1, to which clients prefix a label of their own. */
const hostName = parsedString('a host name such as dns.example', text => {
  const labels = text.toLowerCase().split('.')
  const isValid = labels.every(label => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  return isValid && labels.length > 1 ? labels.join('.') : undefined
})
/** Whether clients are asked for a certificate. `off` suits browsers: Chromium gives up if it is asked for one. */
const clientCertificates = z
  .enum(['off', 'ask'], 'off (ask for none) or ask (a client need not have one)')
  .optional()
const pair = z.strictObject({
  certificate: path,
  key: path,
  names: z.array(hostName).min(1).max(MAX_NAMES).optional(),
  'client-certificates': clientCertificates
})
/** What becomes of a client that cannot be recognized. */
const unrecognized = z.enum(['address', 'refuse']).default('address')

/** An address with a protocol other than plain UDP and TCP. */
const encrypted = z
  .strictObject({
    address: endpoint,
    protocol: z.enum(['dot', 'doh'], 'dot (DNS over TLS) or doh (DNS over HTTPS)'),
    path: dohPath.optional(),
    certificate: path.optional(),
    key: path.optional(),
    certificates: z.array(pair).min(1).max(MAX_CERTIFICATES).optional(),
    name: hostName.optional(),
    'client-certificates': clientCertificates,
    'unknown-clients': unrecognized,
    'anonymous-clients': unrecognized
  })
  .superRefine(({ protocol, path, certificate, key, certificates, name, ...clients }, context) => {
    const { 'client-certificates': asked = 'ask', 'anonymous-clients': anonymous } = clients
    const refuse = (name: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [name], message })
    if (protocol === 'dot' && path !== undefined) refuse('path', 'no path with protocol dot')
    if (certificates === undefined) {
      if (certificate === undefined) refuse('certificate', 'the path of a certificate in PEM')
      if (key === undefined) refuse('key', 'the path of the private key in PEM')
    } else if (certificate !== undefined || key !== undefined) {
      refuse('certificates', 'either certificates, or certificate and key')
    }
    const names = certificates?.flatMap(pair => pair.names ?? []) ?? []
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) refuse('certificates', `each of names once, not ${twice} twice`)
    const modes = (certificates ?? [undefined]).map(pair => pair?.['client-certificates'] ?? asked)
    const isNobodyKnown = protocol === 'dot' && name === undefined && !modes.includes('ask')
    if (isNobodyKnown && anonymous === 'refuse')
      refuse('anonymous-clients', 'address, or client-certificates: ask, or a name for labels')
  })
  .transform(({ address, protocol, path, certificate, key, certificates, name, ...clients }) => {
    // Many clients of DNS over HTTPS are browsers.
    const usual = clients['client-certificates'] ?? (protocol === 'dot' ? 'ask' : 'off')
    const pairs = (certificates ?? [{ certificate: certificate!, key: key! }]).map(pair => ({
      ...{ certificate: pair.certificate, key: pair.key },
      ...('names' in pair && { serverNames: pair.names }),
      requestsClientCertificates: (pair['client-certificates'] ?? usual) === 'ask'
    }))
    const dohPath = protocol === 'doh' ? (path ?? DEFAULT_PATH) : undefined
    const recognition = {
      name,
      unknown: clients['unknown-clients'],
      missing: clients['anonymous-clients']
    }
    const isSingle = certificates === undefined
    return { ...address, isSingle, certificates: pairs, dohPath, recognition }
  })

type Encrypted = z.output<typeof encrypted>

/** `127.0.0.1:53` for UDP and TCP, or an object for DNS over TLS or HTTPS. */
export const listenSchema = z
  .array(z.union([endpoint, encrypted]))
  .min(1)
  .max(MAX_LISTENERS)
  .prefault(['127.0.0.1:5300', '[::1]:5300'])

/** @param folder that paths are relative to */
export function listenersOf(
  settings: readonly (Endpoint | Encrypted)[],
  folder: string,
  positionOf: (path: readonly (string | number)[]) => Position
): readonly ListenConfig[] {
  return settings.map((one, i) => {
    const { address, port } = one
    if (!('certificates' in one)) return { address, port }
    const certificates = one.certificates.map(({ certificate, key, ...served }, n) => ({
      ...served,
      certificate: resolve(folder, certificate),
      key: resolve(folder, key),
      position: positionOf(
        one.isSingle ? ['listen', i, 'certificate'] : ['listen', i, 'certificates', n]
      )
    }))
    const { dohPath, recognition } = one
    return { address, port, certificates, recognition, ...(dohPath && { dohPath }) }
  })
}
