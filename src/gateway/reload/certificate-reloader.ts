import type { InterdictError } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import {
  loadCertificate,
  type Certificate,
  type CertificateFiles
} from '../../wire/tls/certificate.js'
import type { TlsMaterial } from '../../wire/tls/certificate-contexts.js'
import type { TlsAlgorithms } from '../../wire/tls/tls-algorithms.js'
import { TicketKeys, type TicketSecretFile } from '../../wire/tls/ticket-keys.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import type { ServedCertificateConfig } from '../config/config.js'
import { FileWatcher } from '../compiler/file-watcher.js'
import { readWatchState } from '../compiler/watch-state.js'

export interface CertificateReloaderOptions {
  /** The certificates of all servers; a file may occur more than once. */
  readonly files: readonly CertificateFiles[]
  /** Undefined: random ticket keys. */
  readonly ticketSecret: TicketSecretFile | undefined
  /** Undefined: the defaults. */
  readonly algorithms?: TlsAlgorithms | undefined
  /** The key of the process that this one replaces. */
  readonly inheritedKey: Uint8Array | undefined
  readonly log: ServiceLog
  /** Called when a certificate or the ticket key is another one. */
  readonly onChange: () => void
}

/** A certificate in use, for status, metrics and alerts. */
export interface CertificateStatus {
  /** Path of the certificate file. */
  readonly file: string
  readonly names: readonly string[]
  /** RFC 3339. */
  readonly notBefore: string
  /** RFC 3339. */
  readonly notAfter: string
  /** SHA-256. */
  readonly fingerprint: string
  /** Why the file on disk is not the one in use; null: it is. */
  readonly error: SerializedError | null
}

/** What was loaded last from a pair of files, and why a newer version was rejected. */
interface Entry {
  readonly files: CertificateFiles
  certificate: Certificate | undefined
  error: SerializedError | null
}

/** Check at least this often, since the wall clock may be set. */
const ROTATION_CHECK: Milliseconds = 60_000

/**
 * Keeps the certificates and ticket keys of TLS servers as they are on disk: reads them again when a file
 * changes, and with `reload`. A new version with an error leaves the previous one in use.
 */
export class CertificateReloader {
  private readonly entries = new Map<string, Entry>()
  private readonly tickets: TicketKeys
  private readonly watcher: FileWatcher
  private readonly rotation: NodeJS.Timeout
  /** In use; empty before the first reload. */
  ticketKey: Uint8Array = new Uint8Array(0)
  private hasNewCertificate = false
  /** Until all files could be read once. */
  private isStarting = true
  private current: Promise<readonly SerializedError[]> = Promise.resolve([])
  private lastErrors = ''
  private isClosed = false

  constructor(private readonly options: CertificateReloaderOptions) {
    for (const files of options.files) {
      this.entries.set(keyOf(files), { files, certificate: undefined, error: null })
    }
    this.tickets = new TicketKeys(options.ticketSecret, options.inheritedKey)
    this.watcher = new FileWatcher({
      onActivity: () => undefined,
      onChange: () => void this.reload(false)
    })
    this.rotation = setInterval(() => this.rotate(), ROTATION_CHECK).unref()
  }

  /** The certificates in use, in the order of the settings. */
  get status(): readonly CertificateStatus[] {
    return [...this.entries.values()].flatMap(({ files, certificate, error }) => {
      if (certificate === undefined) return []
      const { names, notBefore, notAfter, fingerprint } = certificate
      const dates = { notBefore: showInstant(notBefore), notAfter: showInstant(notAfter) }
      return [{ file: files.certificate, names, ...dates, fingerprint, error }]
    })
  }

  /** What a server with these certificates needs. Call after `reload` has returned no error. */
  material(served: readonly ServedCertificateConfig[]): TlsMaterial {
    const certificates = served.map(one => {
      const { serverNames, requestsClientCertificates = false } = one
      const certificate = this.entries.get(keyOf(one))!.certificate!
      return { ...certificate, serverNames, requestsClientCertificates }
    })
    return { certificates, ticketKey: this.ticketKey, algorithms: this.options.algorithms }
  }

  /**
   * Reads all files again. Reloads follow each other. Errors are logged, and the previous files remain in
   * use; errors of the first call are only returned.
   *
   * @param isRequested log errors even if they were logged before
   */
  reload(isRequested: boolean): Promise<readonly SerializedError[]> {
    this.current = this.current.then(() => this.reloadNow(isRequested))
    return this.current
  }

  close(): void {
    this.isClosed = true
    this.watcher.close()
    clearInterval(this.rotation)
  }

  private async reloadNow(isRequested: boolean): Promise<readonly SerializedError[]> {
    const state = await readWatchState(this.paths())
    const errors: InterdictError[] = []
    for (const entry of this.entries.values()) errors.push(...(await this.load(entry)))
    await this.tickets.reload().catch((error: unknown) => errors.push(error as InterdictError))
    if (this.isClosed) return []
    if (!this.isStarting) this.report(errors, isRequested)
    else if (errors.length > 0) return errors.map(serializeError)
    this.isStarting = false
    this.rotate()
    this.watcher.watch(state)
    return errors.map(serializeError)
  }

  private async load(entry: Entry): Promise<readonly InterdictError[]> {
    const { files, certificate: previous } = entry
    const { certificate, errors, warnings } = await loadCertificate(files, Date.now())
    entry.error = errors[0] === undefined ? null : serializeError(errors[0])
    if (certificate === undefined || certificate.fingerprint === previous?.fingerprint)
      return errors
    entry.certificate = certificate
    this.hasNewCertificate = true
    const { log } = this.options
    for (const { code, message } of warnings) log.warn({ code }, message)
    const { names, fingerprint, notAfter } = certificate
    log.info(
      { file: files.certificate, names, fingerprint, notAfter: showInstant(notAfter) },
      previous === undefined ? 'certificate loaded' : 'certificate reloaded'
    )
    return errors
  }

  /** Takes the ticket key of now, and reports a change. */
  private rotate(): void {
    const key = this.tickets.at(Date.now())
    if (key === this.ticketKey && !this.hasNewCertificate) return
    this.ticketKey = key
    this.hasNewCertificate = false
    this.options.onChange()
  }

  private report(errors: readonly InterdictError[], isRequested: boolean): void {
    const messages = errors.map(({ message }) => message).join('\n')
    if (messages === this.lastErrors && !isRequested) return
    this.lastErrors = messages
    for (const { code, message } of errors) {
      this.options.log.error({ code }, `${message}; the previous version stays in use`)
    }
  }

  private paths(): string[] {
    const { files, ticketSecret } = this.options
    const secret = ticketSecret === undefined ? [] : [ticketSecret.path]
    return [...files.flatMap(({ certificate, key }) => [certificate, key]), ...secret]
  }
}

function keyOf({ certificate, key }: CertificateFiles): string {
  return `${certificate}\n${key}`
}

function showInstant(time: Milliseconds): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}
