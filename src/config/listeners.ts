import { resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../base/position.js'
import type { Endpoint } from '../udp/datagram.js'
import { parsedString } from '../yaml/parsed-string.js'
import type { ListenConfig } from './config.js'
import { readEndpoint } from './endpoint.js'

const MAX_LISTENERS = 64
const MAX_CERTIFICATES = 64

export const endpoint = parsedString(
  'an address and port such as 127.0.0.1:53 or [::1]:53',
  readEndpoint
)
const path = z.string('a path').min(1, 'a path')
const pair = z.strictObject({ certificate: path, key: path })

/** An address with a protocol other than plain UDP and TCP. */
const encrypted = z
  .strictObject({
    address: endpoint,
    protocol: z.literal('dot', 'dot (DNS over TLS); doh is not supported yet'),
    certificate: path.optional(),
    key: path.optional(),
    certificates: z.array(pair).min(1).max(MAX_CERTIFICATES).optional()
  })
  .superRefine(({ certificate, key, certificates }, context) => {
    const refuse = (name: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [name], message })
    if (certificates === undefined) {
      if (certificate === undefined) refuse('certificate', 'the path of a certificate in PEM')
      if (key === undefined) refuse('key', 'the path of the private key in PEM')
    } else if (certificate !== undefined || key !== undefined) {
      refuse('certificates', 'either certificates, or certificate and key')
    }
  })
  .transform(({ address, certificate, key, certificates }) => {
    const pairs = certificates ?? [{ certificate: certificate!, key: key! }]
    return { ...address, isSingle: certificates === undefined, certificates: pairs }
  })

type Encrypted = z.output<typeof encrypted>

/** `127.0.0.1:53` for UDP and TCP, or an object for DNS over TLS. */
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
    const certificates = one.certificates.map(({ certificate, key }, n) => ({
      certificate: resolve(folder, certificate),
      key: resolve(folder, key),
      position: positionOf(
        one.isSingle ? ['listen', i, 'certificate'] : ['listen', i, 'certificates', n]
      )
    }))
    return { address, port, certificates }
  })
}
