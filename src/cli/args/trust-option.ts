import { existsSync } from 'node:fs'
import type { PublicKey } from '../../base/files/ed25519.js'
import { isPublicKey } from '../../gateway/config/rules-section.js'
import { readTrustedKeys } from '../../sources/bundle/read-trust.js'
import { usageError } from '../exit.js'

/**
 * The keys of an option such as `--trust`: public keys in base64, or files with one each, as in the settings.
 *
 * @throws InterdictError BUNDLE_TRUST
 */
export async function parseTrustedKeys(
  values: readonly string[],
  option = '--trust'
): Promise<readonly PublicKey[]> {
  const keyFiles = values.filter(word => !isPublicKey(word))
  for (const file of keyFiles) {
    if (!existsSync(file))
      usageError(
        `${option}: '${file}' is neither an Ed25519 public key in base64 nor a file with one`
      )
  }
  return (await readTrustedKeys({ keys: values.filter(isPublicKey), keyFiles, signatures: 1 })).keys
}
