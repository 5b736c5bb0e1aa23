import { RRTYPE } from '../dns/registry/rrtype.js'
import type { TypeBitmap } from './type-bitmap.js'

/**
 * What records of denial prove: `proven`: what was claimed; `insecure`: the name may be in an unsigned zone, or nothing
 * can be said of it, by opt-out or by iterations above the limit; `unproven`: neither.
 */
export type Proof = 'proven' | 'insecure' | 'unproven'

/**
 * What denial of DS proves of a name: `insecure`: it is the apex of an unsigned zone, or below one; `no-cut`: no zone
 * begins there; `unproven`: neither.
 */
export type CutProof = 'insecure' | 'no-cut' | 'unproven'

/** What the types at a name say of DS. RFC 4035 §5.2; RFC 6840 §4.4. */
export function cutProofAt(types: TypeBitmap, isRoot: boolean): CutProof {
  if (!types.lacks(RRTYPE.DS, isRoot)) return 'unproven'
  return types.has(RRTYPE.NS) ? 'insecure' : 'no-cut'
}
