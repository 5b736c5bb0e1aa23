import type { DesignationRecords } from '../../wire/dns/reply/designation-reply.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { readName } from '../../wire/dns/name/name.js'
import {
  SPECIAL_USE,
  type SpecialUse,
  type SpecialUseKind
} from '../../wire/dns/registry/special-use.js'
import { COVER, type CoverCode } from '../rules/model/types.js'

/**
 * How a special-use name, or a name below it, is answered (RFC 6761).
 *
 * `forwarded`: the name and all names below it are forwarded, as configured.
 * `designation`: SVCB records of this gateway's encrypted listeners (RFC 9462)
 */
export type SpecialUseAnswer = SpecialUseKind | 'forwarded' | 'designation'

/** A special-use name, or a name below one that is answered differently. */
export interface SpecialUseName {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly cover: CoverCode
  readonly kind: SpecialUseAnswer
  /** Number of labels of the special-use name at or above it, which is the zone apex. */
  readonly zoneLabels: number
  /** Whether it has the PTR record `localhost`. */
  readonly pointer: boolean
  /** RFC and section, or the setting. */
  readonly reference: string
  /** Of a `designation`. */
  readonly records?: DesignationRecords | undefined
}

/** A special-use name in the snapshot, with nothing left to compute on the hot path. */
export interface SpecialUseEntry extends Omit<SpecialUseName, 'name' | 'cover'> {
  /** Entry of the name in the name table. */
  readonly entry: number
  /** For negative answers: the EDE option with the reason. As in `PreparedReply`. */
  readonly edeOption: Uint8Array
}

/** The label of DNS servers. RFC 9461 §3. */
const DNS_LABEL = readName('_dns').subarray(0, -1)
/** Where clients that know only the address of a resolver look. RFC 9462 §4. */
const BY_ADDRESS = readName('_dns.resolver.arpa')

const BY_SETTINGS = 'upstreams.forward or special-use.except'

/**
 * The special-use names that are answered locally. They are few, so that comparing them pairwise
 * is fast enough.
 *
 * @param forwarded names to forward nevertheless, with all names below them, in lower-cased wire form.
 *   Special-use names at or below one of them are left out; one of them below a special-use name
 *   becomes an exception within it. The root has no effect: every name is below it
 */
export function specialUseNames(forwarded: readonly Uint8Array[]): readonly SpecialUseName[] {
  const exceptions = forwarded.filter(({ length }) => length > 1)
  return SPECIAL_USE.flatMap(use =>
    use.names
      .map(readName)
      .filter(zone => !exceptions.some(name => isAtOrBelow(zone, name)))
      .flatMap(zone => namesOf(use, zone, exceptions))
  )
}

/**
 * The names at which clients look for the encrypted listeners of this gateway. RFC 9462 §4 and §5.
 *
 * @param name of the gateway, in lower-cased wire form
 * @param forwarded as for `specialUseNames`; they have no effect on the name of the gateway itself
 */
export function designationNames(
  name: Uint8Array,
  records: DesignationRecords,
  forwarded: readonly Uint8Array[]
): readonly SpecialUseName[] {
  const common = { cover: COVER.exact, kind: 'designation', pointer: false, records } as const
  const byName = Buffer.concat([DNS_LABEL, name])
  const own = { ...common, name: byName, zoneLabels: labelsOf(byName), reference: 'RFC 9462 §5' }
  if (forwarded.some(other => other.length > 1 && isAtOrBelow(BY_ADDRESS, other))) return [own]
  const zoneLabels = labelsOf(BY_ADDRESS) - 1
  return [own, { ...common, name: BY_ADDRESS, zoneLabels, reference: 'RFC 9462 §4' }]
}

/** A special-use name, and the names below it that are answered differently. */
function namesOf(
  use: SpecialUse,
  zone: Uint8Array,
  forwarded: readonly Uint8Array[]
): SpecialUseName[] {
  const { kind, reference } = use
  const common = { kind, zoneLabels: labelsOf(zone), pointer: false, reference }
  const exceptions = forwarded.filter(name => isAtOrBelow(name, zone) && !isWithin(name, forwarded))
  const ptrNames = (use.ptrNames ?? [])
    .map(readName)
    .filter(name => isAtOrBelow(name, zone) && !exceptions.some(other => isAtOrBelow(name, other)))
  const own = new Map<string, SpecialUseName>()
  const add = (name: Uint8Array, cover: CoverCode, more: Partial<SpecialUseName> = {}): void => {
    own.set(name.join(), { ...common, ...more, name, cover })
  }
  // A name with names below it exists, even without records of its own: RFC 8020 §2.
  for (const name of kind === 'empty-zone' ? [...ptrNames, ...exceptions] : [])
    for (const above of between(name, zone)) add(above, COVER.exact)
  for (const name of exceptions)
    add(name, COVER.suffix, { kind: 'forwarded', reference: BY_SETTINGS })
  for (const name of ptrNames) add(name, COVER.exact, { pointer: true })
  add(zone, COVER.suffix, { pointer: own.get(zone.join())?.pointer === true })
  return [...own.values()]
}

/** Whether a name is below another one of `names`. */
function isWithin(name: Uint8Array, names: readonly Uint8Array[]): boolean {
  return names.some(other => other.length < name.length && isAtOrBelow(name, other))
}

/** The names below `zone` and above `name`. */
function between(name: Uint8Array, zone: Uint8Array): Uint8Array[] {
  const above: Uint8Array[] = []
  for (let at = 1 + name[0]!; name.length - at > zone.length; at += 1 + name[at]!) {
    above.push(name.slice(at))
  }
  return above
}

function isAtOrBelow(name: Uint8Array, above: Uint8Array): boolean {
  const start = name.length - above.length
  let at = 0
  while (at < start) at += 1 + name[at]!
  return at === start && above.every((octet, i) => name[start + i] === octet)
}

function labelsOf(wire: Uint8Array): number {
  const name = new HashedName()
  name.set(wire, 0, 0)
  return name.labels
}
