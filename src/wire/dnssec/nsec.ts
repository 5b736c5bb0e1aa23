import { failure } from '../../base/errors/error.js'
import { decompressName } from '../dns/name/name.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import {
  ancestorWith,
  commonAncestor,
  compareNames,
  countLabels,
  isAtOrBelow,
  isBelow,
  isSame,
  wildcardBelow
} from './canonical-name.js'
import { cutProofAt, type CutProof, type Proof } from './denial.js'
import { TypeBitmap } from './type-bitmap.js'

/** An NSEC record: no name is between `owner` and `next`. RFC 4034 §4. */
export interface Nsec {
  readonly owner: Uint8Array
  readonly next: Uint8Array
  readonly types: TypeBitmap
}

/** @param owner in lower-cased wire form @throws InterdictError WIRE_RDATA and as `decompressName` */
export function decodeNsec(owner: Uint8Array, rdata: Uint8Array): Nsec {
  const next: number[] = []
  const end = decompressName(rdata, 0, next)
  if (end !== next.length) throw failure('WIRE_RDATA', 'NSEC', 0)
  return { owner, next: Uint8Array.from(next), types: new TypeBitmap(rdata.subarray(end)) }
}

/** That a name has no records of a type, or that a wildcard has none for it. RFC 4035 §5.4. */
export function nsecNodata(nsecs: readonly Nsec[], name: Uint8Array, type: number): Proof {
  const own = nsecs.find(({ owner }) => isSame(owner, name))
  if (own !== undefined) return nodataAt(own, name, type)
  if (nsecs.some(nsec => isEmptyNonTerminal(nsec, name))) return 'proven'
  const encloser = closestEncloser(nsecs, name)
  const wildcard = encloser && wildcardBelow(encloser)
  if (wildcard === undefined) return 'unproven'
  const at = nsecs.find(({ owner }) => isSame(owner, wildcard))
  if (at !== undefined) return at.types.lacks(type, false) ? 'proven' : 'unproven'
  return nsecs.some(nsec => isEmptyNonTerminal(nsec, wildcard)) ? 'proven' : 'unproven'
}

/** That a name does not exist, nor a wildcard for it. RFC 4035 §5.4. */
export function nsecNameError(nsecs: readonly Nsec[], name: Uint8Array): Proof {
  const encloser = closestEncloser(nsecs, name)
  const wildcard = encloser && wildcardBelow(encloser)
  if (wildcard === undefined) return 'unproven'
  return nsecs.some(nsec => denies(nsec, wildcard)) ? 'proven' : 'unproven'
}

/**
 * That no name closer than the wildcard matches a name that was expanded from it. RFC 4035 §5.3.4.
 *
 * @param labels of the wildcard without its `*`
 */
export function nsecExpansion(nsecs: readonly Nsec[], name: Uint8Array, labels: number): Proof {
  const encloser = closestEncloser(nsecs, name)
  if (encloser === undefined) return 'unproven'
  return isSame(encloser, ancestorWith(name, labels)) ? 'proven' : 'unproven'
}

/** What the absence of DS at a name means. */
export function nsecCut(nsecs: readonly Nsec[], name: Uint8Array): CutProof {
  const own = nsecs.find(({ owner }) => isSame(owner, name))
  if (own !== undefined) return cutProofAt(own.types, name.length === 1)
  const isKnown = nsecs.some(nsec => isEmptyNonTerminal(nsec, name) || denies(nsec, name))
  if (!isKnown) return 'unproven'
  // A wildcard that is a delegation creates no zones. RFC 4592 §4.2.
  return 'no-cut'
}

function nodataAt({ types }: Nsec, name: Uint8Array, type: number): Proof {
  if (types.lacks(type, name.length === 1)) return 'proven'
  const isUnsignedChild = types.isDelegation && !types.has(RRTYPE.DS) && type !== RRTYPE.DS
  return isUnsignedChild ? 'insecure' : 'unproven'
}

/** Whether names below `name` exist, but no records at it. RFC 4592 §2.2.2. */
function isEmptyNonTerminal({ owner, next }: Nsec, name: Uint8Array): boolean {
  return compareNames(owner, name) < 0 && isBelow(next, name)
}

/** Whether the name is in the gap, so that it does not exist. */
function denies(nsec: Nsec, name: Uint8Array): boolean {
  const { owner, next, types } = nsec
  // Above a delegation or a DNAME, it says nothing of what is below. RFC 6840 §4.1.
  if (isAtOrBelow(name, owner) && (types.isDelegation || types.has(RRTYPE.DNAME))) return false
  if (compareNames(owner, name) >= 0) return false
  // The last record of the zone leads back to the apex.
  if (compareNames(owner, next) >= 0) return isBelow(name, next)
  return compareNames(name, next) < 0 && !isBelow(next, name)
}

/** The nearest ancestor of a denied name that exists. Undefined: no record denies the name. */
function closestEncloser(nsecs: readonly Nsec[], name: Uint8Array): Uint8Array | undefined {
  const nsec = nsecs.find(it => denies(it, name))
  if (nsec === undefined) return undefined
  const candidates = [commonAncestor(name, nsec.owner), commonAncestor(name, nsec.next)]
  return countLabels(candidates[0]!) > countLabels(candidates[1]!) ? candidates[0] : candidates[1]
}
