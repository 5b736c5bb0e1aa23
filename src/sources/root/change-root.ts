import type { KeyObject } from 'node:crypto'
import { signOctets, type PublicKey } from '../../base/files/ed25519.js'
import { failure } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import {
  decodeRoots,
  encodeRoot,
  ROLES,
  rootLine,
  signedOctets,
  type Role,
  type RoleKeys,
  type Root,
  type SignedRoot
} from './root.js'

/** What the next version of a root changes. */
export interface RootChanges {
  readonly expires: Seconds
  readonly add: readonly { readonly role: Role; readonly key: PublicKey }[]
  /** Keys that lose every role. */
  readonly revoke: readonly PublicKey[]
  readonly thresholds: readonly { readonly role: Role; readonly threshold: number }[]
  /** Lowest serial of bundles from now on, whatever was accepted before; undefined: serials are not reset. */
  readonly serialsFrom: number | undefined
}

/** The next version of a root, which is to be signed. @throws InterdictError ROOT_CHANGE */
export function nextRoot({ version, roles, serials }: Root, changes: RootChanges): Root {
  const { expires, add, revoke, thresholds, serialsFrom } = changes
  const listed = new Set(ROLES.flatMap(role => roles[role].keys))
  for (const key of revoke)
    if (!listed.has(key)) throw failure('ROOT_CHANGE', `version ${version} has no key ${key}`)
  const next = (role: Role): RoleKeys => {
    const kept = roles[role].keys.filter(key => !revoke.includes(key))
    const added = add.filter(one => one.role === role).map(({ key }) => key)
    const threshold = thresholds.find(one => one.role === role)?.threshold
    return {
      keys: [...new Set([...kept, ...added])],
      threshold: threshold ?? roles[role].threshold
    }
  }
  const root: Root = {
    version: version + 1,
    expires,
    roles: {
      root: next('root'),
      bundle: next('bundle'),
      mandate: next('mandate'),
      hub: next('hub')
    },
    serials: serialsFrom === undefined ? serials : { since: version + 1, from: serialsFrom }
  }
  return checked(root)
}

/** The first version of a root. @throws InterdictError ROOT_CHANGE */
export const firstRoot = (roles: Root['roles'], expires: Seconds): Root =>
  checked({ version: 1, expires, roles, serials: { since: 0, from: 1 } })

/** A threshold that cannot be reached would lock everybody out. */
function checked(root: Root): Root {
  for (const role of ['root', 'bundle'] as const) {
    const { keys, threshold } = root.roles[role]
    if (keys.length < threshold)
      throw failure(
        'ROOT_CHANGE',
        `role ${role} requires ${threshold} signatures, but has ${keys.length} keys`
      )
  }
  // All other limits apply when a root is read.
  decodeRoots(Buffer.from(encodeRoot({ line: rootLine(root), signatures: [] })), 'to write')
  return root
}

/** Adds signatures to a root; replaces those by the same keys. */
export function withRootSignatures(
  { line, signatures }: Pick<SignedRoot, 'line' | 'signatures'>,
  keys: readonly KeyObject[]
): Pick<SignedRoot, 'line' | 'signatures'> {
  const own = keys.map(key => signOctets(signedOctets(line), key))
  const others = signatures.filter(({ key }) => !own.some(one => one.key === key))
  return { line, signatures: [...others, ...own] }
}
