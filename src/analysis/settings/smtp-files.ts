import { readBoundedFileSync, MAX_SECRET_FILE } from '../../base/files/bounded-file.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { readSecretText } from '../../base/files/secret-file.js'
import type { SmtpConfig } from './report-config.js'

/** The password, and CA certificates in PEM. @throws InterdictError SMTP_FILE */
export function readSmtpFiles({ passwordFile, caFile, position }: SmtpConfig) {
  const read = (file: string | undefined, how: (file: string) => string): string | undefined => {
    if (file === undefined) return undefined
    try {
      return how(file)
    } catch (error) {
      throw failureAt(position, 'SMTP_FILE', file, reasonOf(error))
    }
  }
  return {
    password: read(passwordFile, readSecretText),
    ca: read(caFile, file => readBoundedFileSync(file, MAX_SECRET_FILE).toString())
  }
}

/** Errors in the files of the mail server: at most one. */
export function smtpFileErrors(smtp: SmtpConfig | undefined): readonly InterdictError[] {
  try {
    if (smtp !== undefined) readSmtpFiles(smtp)
    return []
  } catch (error) {
    return [error as InterdictError]
  }
}
