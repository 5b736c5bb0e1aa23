import { createSecureContext } from 'node:tls'
import type { Server } from 'node:https'
import { MAX_SECRET_FILE, readBoundedFile } from '../../../base/bounded-file.js'
import { failure } from '../../../base/error.js'
import type { CertificateConfig } from '../../../config/config.js'
import type { ServiceLog } from '../../../querylog/record/service-log.js'
import { FileWatcher } from '../../reload/file-watcher.js'
import { readWatchState } from '../../reload/watch-state.js'
import { serializeError } from '../../threads/serialized-error.js'

/** Options of `node:tls`. RFC 9325 §3.1.1: nothing older than TLS 1.2. */
export interface CertificateOptions {
  readonly cert: Buffer
  readonly key: Buffer
  readonly minVersion: 'TLSv1.2'
}

/** @throws InterdictError HTTP_CERTIFICATE */
export async function readCertificate({
  certificate,
  key
}: CertificateConfig): Promise<CertificateOptions> {
  const options = {
    cert: await readPart(certificate),
    key: await readPart(key),
    minVersion: 'TLSv1.2'
  } as const
  try {
    createSecureContext(options)
  } catch (error) {
    throw failure('HTTP_CERTIFICATE', certificate, (error as Error).message)
  }
  return options
}

async function readPart(path: string): Promise<Buffer> {
  try {
    return await readBoundedFile(path, MAX_SECRET_FILE)
  } catch (error) {
    throw failure('HTTP_CERTIFICATE', path, (error as Error).message)
  }
}

/**
 * Uses a new certificate for new connections when its files change. Certificate and key are two files, so
 * the pair may not match for a moment: until it does the previous one stays in use.
 */
export async function watchCertificate(
  files: CertificateConfig,
  server: Pick<Server, 'setSecureContext'>,
  log: ServiceLog
): Promise<FileWatcher> {
  const reload = async (): Promise<void> => {
    try {
      server.setSecureContext(await readCertificate(files))
      log.info({ certificate: files.certificate }, 'certificate reloaded')
    } catch (error) {
      log.error(serializeError(error), 'certificate not reloaded; the previous one stays in use')
    }
  }
  const watcher = new FileWatcher({ onActivity: () => undefined, onChange: () => void reload() })
  watcher.watch(await readWatchState([files.certificate, files.key]))
  return watcher
}
