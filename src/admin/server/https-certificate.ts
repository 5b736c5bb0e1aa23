import type { Server } from 'node:https'
import type { ServiceLog } from '../../base/log/service-log.js'
import { loadCertificate, type CertificateFiles } from '../../wire/tls/certificate.js'
import { FileWatcher } from '../../gateway/compiler/file-watcher.js'
import { readWatchState } from '../../gateway/compiler/watch-state.js'
import { serializeError } from '../../base/errors/serialized-error.js'

/** Options of `node:tls`. RFC 9325 §3.1.1: nothing older than TLS 1.2. */
export interface CertificateOptions {
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.2'
}

/** @throws InterdictError CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID, CERTIFICATE_KEY */
export async function readCertificate(
  files: CertificateFiles,
  log: ServiceLog
): Promise<CertificateOptions> {
  const { certificate, errors, warnings } = await loadCertificate(files, Date.now())
  for (const { code, message } of warnings) log.warn({ code }, message)
  if (certificate === undefined) throw errors[0]!
  return { cert: certificate.chain, key: certificate.key, minVersion: 'TLSv1.2' }
}

/**
 * Uses a new certificate for new connections when its files change. Certificate and key are two files, so
 * the pair may not match for a moment: until it does the previous one stays in use.
 */
export async function watchCertificate(
  files: CertificateFiles,
  server: Pick<Server, 'setSecureContext'>,
  log: ServiceLog
): Promise<FileWatcher> {
  const reload = async (): Promise<void> => {
    try {
      server.setSecureContext(await readCertificate(files, log))
      log.info({ certificate: files.certificate }, 'certificate reloaded')
    } catch (error) {
      log.error(serializeError(error), 'certificate not reloaded; the previous one stays in use')
    }
  }
  const watcher = new FileWatcher({ onActivity: () => undefined, onChange: () => void reload() })
  watcher.watch(await readWatchState([files.certificate, files.key]))
  return watcher
}
