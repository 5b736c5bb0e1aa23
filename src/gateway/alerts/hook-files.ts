import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { readSecretText } from '../../base/files/secret-file.js'
import type { Octets } from '../../base/units.js'
import type { AlertHookConfig } from '../config/alert-config.js'

/** A shorter key is easier to guess than an HMAC of its own length: RFC 2104 §3, for SHA-256. */
const MIN_SECRET: Octets = 32

export interface HookFiles {
  /** Undefined: alerts are not signed. */
  readonly secret: Uint8Array | undefined
  /** Certificates in PEM; undefined: only those built into Node. */
  readonly ca: string | undefined
}

type FileNames = Pick<AlertHookConfig, 'secretFile' | 'caFile'>
type Raise = (code: 'ALERT_SECRET' | 'ALERT_CA', file: string, why: string) => InterdictError

/** Reads the files of a hook. @throws InterdictError ALERT_SECRET, ALERT_CA */
export function readHookFiles(names: FileNames, raise: Raise = failure): HookFiles {
  const read = <T>(code: Parameters<Raise>[0], file: string, how: (file: string) => T): T => {
    try {
      return how(file)
    } catch (error) {
      throw raise(code, file, reasonOf(error))
    }
  }
  const { secretFile, caFile } = names
  return {
    secret: secretFile === undefined ? undefined : read('ALERT_SECRET', secretFile, readSecret),
    ca: caFile === undefined ? undefined : read('ALERT_CA', caFile, readCa)
  }
}

/** Errors in the files of hooks, with the place of the hook in the settings: at most one for each hook. */
export function hookFileErrors(hooks: readonly AlertHookConfig[]): readonly InterdictError[] {
  return hooks.flatMap(hook => {
    try {
      readHookFiles(hook, (code, file, why) => failureAt(hook.position, code, file, why))
      return []
    } catch (error) {
      return [error as InterdictError]
    }
  })
}

/** The text of the file without white space at both ends. */
function readSecret(file: string): Uint8Array {
  const secret = Buffer.from(readSecretText(file))
  if (secret.length >= MIN_SECRET) return secret
  throw new Error(`it has ${secret.length} characters, fewer than ${MIN_SECRET}`)
}

function readCa(file: string): string {
  return readBoundedFileSync(file, MAX_SECRET_FILE).toString()
}
