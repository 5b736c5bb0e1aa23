import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'
import type { WrittenServer } from '../../policy/yaml/upstream-servers.js'

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
      errors.push(failureAt(position, 'CONFIG_UPSTREAM_FILE', file, reasonOf(error)))
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
      const why = reasonOf(error)
      errors.push(failureAt(position, 'CONFIG_UPSTREAM_FILE', files.join(', '), why))
    }
  }
  return { ...server, tls: { ...tls, ca, client } }
}
