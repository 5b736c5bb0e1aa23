import { readRoot } from '../root/root-store.js'
import type { TrustedKeys } from './signatures.js'
import { readConfiguredKeys, type TrustSettings } from './trusted-keys.js'

/**
 * Reads the trusted keys, of the root of trust or of the settings. Called for every bundle, so that a replaced key loses its
 * trust at once.
 *
 * @throws InterdictError BUNDLE_TRUST, and as `readRoot`
 */
export async function readTrustedKeys(settings: TrustSettings): Promise<TrustedKeys> {
  const { root } = settings
  if (root === undefined) return readConfiguredKeys(settings)
  const { roles, ...facts } = (await readRoot(root)).root
  const { keys, threshold } = roles[root.role]
  return { keys, signatures: threshold, root: facts }
}
