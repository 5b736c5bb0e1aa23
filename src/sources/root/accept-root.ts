import { failure, InterdictError } from '../../base/errors/error.js'
import { isDeepStrictEqual } from 'node:util'
import type { Seconds } from '../../base/units.js'
import { showInstant } from '../../base/time/instant.js'
import type { RoleKeys, Root, SignedRoot } from './root.js'

/**
 * The rules by which a root replaces another, those of The Update Framework (TUF 1.0.33 §5.3): a root is signed by the
 * threshold of the root before and by its own (§5.3.4, arbitrary software attack), its version is exactly one higher (§5.3.5,
 * rollback attack), and whether it has expired is asked of the last one only (§5.3.6, §5.3.10), so that a gateway that was away
 * for long can follow.
 */

/** Checks a root that is trusted because of where it comes from. @throws InterdictError ROOT_UNSIGNED */
export function checkOwnThreshold(signed: SignedRoot, name: string): void {
  requireThreshold(signed, signed.root, name)
}

/**
 * Checks the root that follows a trusted one.
 *
 * @param name of the file, in messages
 * @throws InterdictError ROOT_VERSION, ROOT_UNSIGNED, ROOT_BROKEN
 */
export function checkNext(trusted: Root, signed: SignedRoot, name: string): void {
  const { version, serials } = signed.root
  if (version !== trusted.version + 1)
    throw failure('ROOT_VERSION', name, version, trusted.version + 1)
  requireThreshold(signed, trusted, name)
  checkOwnThreshold(signed, name)
  if (serials.since !== version && !isDeepStrictEqual(serials, trusted.serials))
    throw failure('ROOT_BROKEN', name, 'serials: not those of the version before, nor a new reset')
}

/** How far a file of roots leads from a trusted one. */
export interface Followed {
  /** Undefined: no further than before. */
  readonly newest: SignedRoot | undefined
  /** Why it leads no further; undefined: to its last root. */
  readonly error: InterdictError | undefined
}

/** Follows roots from a trusted one. Those up to its version are skipped: they were accepted before. */
export function followRoots(
  trusted: SignedRoot,
  roots: readonly SignedRoot[],
  name: string
): Followed {
  let newest: SignedRoot | undefined
  try {
    for (const one of roots) {
      const { root } = newest ?? trusted
      if (one.root.version <= trusted.root.version) continue
      checkNext(root, one, name)
      newest = one
    }
    return { newest, error: undefined }
  } catch (error) {
    if (error instanceof InterdictError) return { newest, error: error as InterdictError }
    throw error
  }
}

/**
 * Checks that the newest known root is current, before something new is accepted under it: whoever holds back later roots could
 * otherwise use a revoked key for ever (TUF §5.3.10, freeze attack).
 *
 * @throws InterdictError ROOT_EXPIRED
 */
export function checkCurrent({ version, expires }: Omit<Root, 'roles'>, now: Seconds): void {
  if (now >= expires) throw failure('ROOT_EXPIRED', version, showInstant(expires, 'UTC'))
}

function requireThreshold({ signers }: SignedRoot, { version, roles }: Root, name: string): void {
  const { keys, threshold } = roles.root
  const found = countSigners(signers, roles.root)
  if (found < threshold)
    throw failure('ROOT_UNSIGNED', name, found, threshold, version, keys.length)
}

/** Number of different keys of a role that have signed. */
export const countSigners = (signers: readonly string[], { keys }: RoleKeys): number =>
  keys.filter(key => signers.includes(key)).length
