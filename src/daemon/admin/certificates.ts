import { X509Certificate } from 'node:crypto'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/bounded-file.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../../config/config.js'

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
}

/** Files are read again after this time: certificates are replaced days before they expire. */
const MAX_AGE: Milliseconds = 60_000

/** Every certificate file of the settings: whatever is served or shown with TLS belongs here. */
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
      return expires === undefined ? [] : [{ name, expires }]
    })
    return this.dates
  }
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
