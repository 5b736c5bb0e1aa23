import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { readSecretText } from '../../base/files/secret-file.js'
import type { OidcConfig } from './oidc-config.js'

type FileNames = Pick<OidcConfig, 'clientSecretFile' | 'caFile' | 'position'>

/** The client's secret, without white space at both ends; undefined: it has none. @throws InterdictError OIDC_FILE */
export function readClientSecret({ clientSecretFile: file, position }: FileNames) {
  return read(file, position, path => {
    const secret = readSecretText(path)
    if (secret === '') throw new Error('it is empty')
    return secret
  })
}

/** CA certificates in PEM; undefined: only those built into Node. @throws InterdictError OIDC_FILE */
export function readCa({ caFile, position }: FileNames): string | undefined {
  return read(caFile, position, path => readBoundedFileSync(path, MAX_SECRET_FILE).toString())
}

function read(
  file: string | undefined,
  position: OidcConfig['position'],
  how: (file: string) => string
): string | undefined {
  if (file === undefined) return undefined
  try {
    return how(file)
  } catch (error) {
    throw failureAt(position, 'OIDC_FILE', file, reasonOf(error))
  }
}

/** Errors in the files of the settings, with the position of `admin.oidc`. */
export function oidcFileErrors(config: FileNames | undefined): readonly InterdictError[] {
  if (config === undefined) return []
  return [readClientSecret, readCa].flatMap(readFile => {
    try {
      readFile(config)
      return []
    } catch (error) {
      return [error as InterdictError]
    }
  })
}
