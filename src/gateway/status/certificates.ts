import { X509Certificate } from 'node:crypto'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import type { Milliseconds } from '../../base/units.js'
import type { CertificateReloader } from '../reload/certificate-reloader.js'
import type { Config } from '../config/config.js'
import { uncoveredListeners } from '../discovery/expected-names.js'

/** A certificate file that the settings name. */
export interface CertificateFile {
  /** What it is for, for operators. */
  readonly name: string
  readonly file: string
}

/** The JSON form is public, see docs/reference/admin-socket.md. */
export interface CertificateDates {
  readonly name: string
  /** RFC 3339. */
  readonly expires: string
  /** Why a newer version of the file was rejected; null: it was not. */
  readonly error: string | null
  /** Names by which clients reach a listener with this certificate, and that it does not cover. */
  readonly uncovered: readonly string[]
}

/** Files are read again after this time: certificates are replaced days before they expire. */
const MAX_AGE: Milliseconds = 60_000

/** The certificate files that are used by other threads; see `servedCertificates` for the rest. */
export function certificateFiles({ admin, log }: Config): readonly CertificateFile[] {
  const outputs = log.outputs.map(({ name, tls }) => ({ name: `output ${name}`, file: tls.cert }))
  const http = { name: 'admin.http', file: admin.tls?.certificate ?? '' }
  return [http, ...outputs].filter(({ file }) => file !== '')
}

/** Reads when certificates expire, for status, metrics and alerts. */
export class CertificateReader {
  private readAt: Milliseconds = -Infinity
  private dates: readonly CertificateDates[] = []

  constructor(public files: readonly CertificateFile[]) {}

  /** Files that cannot be read are left out: what uses them reports that. */
  read(): readonly CertificateDates[] {
    const now = performance.now()
    if (now - this.readAt < MAX_AGE) return this.dates
    this.readAt = now
    this.dates = this.files.flatMap(({ name, file }) => {
      const expires = expiryOf(file)
      return expires === undefined ? [] : [{ name, expires, error: null, uncovered: [] }]
    })
    return this.dates
  }
}

/** The certificates of listeners: those in use, whatever is in their files now. */
export function servedCertificates(
  reloader: Pick<CertificateReloader, 'status'> | undefined,
  config: Pick<Config, 'listen' | 'discovery'>
): readonly CertificateDates[] {
  const all = reloader?.status ?? []
  const uncovered = uncoveredListeners(config, ({ certificate }) => {
    return all.find(({ file }) => file === certificate)?.names
  })
  return all.map(({ file, names, notAfter: expires, error }) => {
    const lacking = uncovered.filter(
      ({ listener }) => listener.certificates![0]!.certificate === file
    )
    return {
      name: `listen ${names[0] ?? file}`,
      expires,
      error: error?.message ?? null,
      uncovered: [...new Set(lacking.map(({ name }) => name))]
    }
  })
}

/** Of the first certificate in the file, which is that of the server or client itself. RFC 8446 §4.4.2. */
function expiryOf(file: string): string | undefined {
  try {
    const { validTo } = new X509Certificate(readBoundedFileSync(file, MAX_SECRET_FILE))
    return new Date(validTo).toISOString()
  } catch {
    return undefined
  }
}
