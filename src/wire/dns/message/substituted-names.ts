import { failure } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'
import { MAX_NAME } from '../name/hashed-name.js'
import { isKeyAtOrBelow, nameKeyAt, type NameKey } from '../name/name-key.js'
import type { AnswerTargets } from '../records/rdata.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import { TARGET_KIND } from '../records/answer.js'
import { MAX_CHAIN_LENGTH } from './bailiwick.js'

/** Most DNAMEs, and most names that they may apply to. Only a DNAME to a name below itself needs more. */
const MAX_NAMES = 4 * MAX_CHAIN_LENGTH

/** Positions of a DNAME's owner name and of its target. */
export interface DnamePosition {
  readonly owner: Octets
  readonly target: Octets
}

/**
 * Appends to `found` the names that the DNAMEs of ANSWER substitute for QNAME, for targets of CNAMEs
 * and for each other's results. A client may follow a DNAME whose CNAME is missing or wrong. A name
 * above 255 octets is invalid (YXDOMAIN). RFC 6672 §2.2, §3.2.
 *
 * @throws InterdictError WIRE_LARGE if there are too many
 */
export function collectSubstitutedNames(
  message: Uint8Array,
  positions: readonly DnamePosition[],
  found: AnswerTargets
): void {
  if (positions.length > MAX_NAMES) throw failure('WIRE_LARGE')
  const dnames = positions.map(({ owner, target }) => ({
    owner: nameKeyAt(message, owner).key,
    target: nameKeyAt(message, target).key
  }))
  const names = aliasedNames(message, found)
  // Also visits the names appended meanwhile.
  for (const name of names) {
    for (const { owner, target } of dnames) {
      if (name === owner || !isKeyAtOrBelow(name, owner)) continue
      const substituted = substitute(name, owner, target)
      if (substituted === undefined) continue
      if (names.length >= MAX_NAMES) throw failure('WIRE_LARGE')
      if (names.includes(substituted)) continue
      names.push(substituted)
      found.targetKinds.push(TARGET_KIND.dname)
      for (let i = 0; i < substituted.length; i++) found.targets.push(substituted.charCodeAt(i))
    }
  }
}

/** Replaces the suffix `owner` of `name` by `target`; undefined: the result is too long. */
export function substitute(name: NameKey, owner: NameKey, target: NameKey): NameKey | undefined {
  const substituted = name.slice(0, name.length - owner.length) + target
  return substituted.length > MAX_NAME ? undefined : substituted
}

/** QNAME and the targets of CNAMEs. */
function aliasedNames(message: Uint8Array, { targets, targetKinds }: AnswerTargets): NameKey[] {
  const names = [nameKeyAt(message, HEADER_SIZE).key]
  const octets = Uint8Array.from(targets)
  let at = 0
  for (const kind of targetKinds) {
    const { key, end } = nameKeyAt(octets, at)
    if (kind === TARGET_KIND.cname) names.push(key)
    at = end
  }
  return names
}
