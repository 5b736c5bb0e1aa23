import { failure } from '../../../base/errors/error.js'
import { getUint32 } from '../../../base/bytes/octets.js'
import type { Uint32List } from '../../../base/bytes/uint32-list.js'
import type { Octets } from '../../../base/units.js'
import { TARGET_KIND } from './answer.js'
import { decompressName, skipName, type Positions } from '../name/name.js'
import type { NameBudget } from '../name/name-budget.js'
import { RRTYPE, showRrtype } from '../registry/rrtype.js'
import { HEADER_SIZE } from '../registry/sizes.js'

/** Sizes of an IPv4 and an IPv6 address. */
const IPV4: Octets = 4
const IPV6: Octets = 16
/** SERIAL, REFRESH, RETRY, EXPIRE and MINIMUM after the names of an SOA. RFC 1035 §3.3.13. */
const SOA_FIXED_SIZE: Octets = 20
/** SvcParamKey and length of its value. RFC 9460 §2.2. */
const SVC_PARAM_HEADER_SIZE: Octets = 4
const SVC_IPV4_HINT = 4
const SVC_IPV6_HINT = 6

/**
 * Layout of RDATA whose names may be compressed: `[octets before, number of names, octets after]`.
 * RFC 1035 §3.3, and RFC 3597 §4 for later types. All other RDATA is opaque here.
 */
export const RDATA_NAMES: Readonly<Record<number, readonly [Octets, number, Octets]>> = {
  [RRTYPE.NS]: [0, 1, 0],
  3: [0, 1, 0], // MD
  4: [0, 1, 0], // MF
  [RRTYPE.CNAME]: [0, 1, 0],
  [RRTYPE.SOA]: [0, 2, SOA_FIXED_SIZE],
  7: [0, 1, 0], // MB
  8: [0, 1, 0], // MG
  9: [0, 1, 0], // MR
  [RRTYPE.PTR]: [0, 1, 0],
  14: [0, 2, 0], // MINFO
  [RRTYPE.MX]: [2, 1, 0],
  17: [0, 2, 0], // RP
  18: [2, 1, 0], // AFSDB
  21: [2, 1, 0], // RT
  26: [2, 2, 0], // PX
  [RRTYPE.SRV]: [6, 1, 0],
  [RRTYPE.DNAME]: [0, 1, 0]
}

/** Target names and addresses in an ANSWER section, in the form of the `Answer` fields. */
export interface AnswerTargets {
  readonly targets: number[]
  readonly targetKinds: number[]
  readonly addresses: Uint32List
}

/**
 * Validates the names in RDATA of a type that may compress them: they end where RDATA requires, and
 * their pointers are valid for cached records (see `skipName`).
 *
 * @param ttls as for `skipName`
 * @param budget as for `skipName`
 * @throws InterdictError WIRE_RDATA and as `skipName`
 */
export function checkRdata(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets,
  ttls?: Positions,
  budget?: NameBudget
): void {
  const form = RDATA_NAMES[type]
  if (form === undefined) return
  const [before, names, after] = form
  let pos = at + before
  for (let i = 0; i < names; i++) pos = skipName(message, pos, HEADER_SIZE, ttls, budget)
  if (pos + after !== end) throw failure('WIRE_RDATA', showRrtype(type), at)
}

/** Appends RDATA to `out`; names that may be compressed are decompressed and lower-cased. */
export function decompressRdata(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets,
  out: number[]
): void {
  const [before, names] = RDATA_NAMES[type] ?? [0, 0]
  let pos = at
  for (; pos < at + before; pos++) out.push(message[pos]!)
  for (let i = 0; i < names; i++) pos = decompressName(message, pos, out)
  for (; pos < end; pos++) out.push(message[pos]!)
}

/** MINIMUM of a validated SOA whose RDATA ends at `end`: the TTL of negative answers. RFC 2308 §4. */
export function soaMinimum(message: Uint8Array, end: Octets): number {
  return getUint32(message, end - 4)
}

/**
 * Appends the targets of a class IN record in ANSWER to `found`: names of CNAME, DNAME, SVCB and
 * HTTPS, addresses of A, AAAA and the hints of SVCB and HTTPS.
 *
 * @throws InterdictError WIRE_RDATA and as `decompressName`
 */
export function collectTargets(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets,
  found: AnswerTargets
): void {
  switch (type) {
    case RRTYPE.A:
      addAddresses(message, type, at, end, IPV4, found)
      return
    case RRTYPE.AAAA:
      addAddresses(message, type, at, end, IPV6, found)
      return
    case RRTYPE.CNAME:
      found.targetKinds.push(TARGET_KIND.cname)
      decompressName(message, at, found.targets)
      return
    case RRTYPE.DNAME:
      found.targetKinds.push(TARGET_KIND.dname)
      decompressName(message, at, found.targets)
      return
    case RRTYPE.SVCB:
    case RRTYPE.HTTPS:
      collectServiceTargets(message, type, at, end, found)
  }
}

/** RFC 9460 §2.2. A TargetName of '.' means the owner (§2.5.2), not a new target. */
function collectServiceTargets(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets,
  found: AnswerTargets
): void {
  const target = at + 2
  let pos = target + 1
  if (target >= end || message[target] !== 0) {
    found.targetKinds.push(TARGET_KIND.svcb)
    pos = decompressName(message, target, found.targets)
  }
  while (pos + SVC_PARAM_HEADER_SIZE <= end) {
    const key = (message[pos]! << 8) | message[pos + 1]!
    const value = pos + SVC_PARAM_HEADER_SIZE
    pos = value + ((message[pos + 2]! << 8) | message[pos + 3]!)
    if (pos > end) break
    if (key === SVC_IPV4_HINT) addAddresses(message, type, value, pos, IPV4, found)
    else if (key === SVC_IPV6_HINT) addAddresses(message, type, value, pos, IPV6, found)
  }
  if (pos !== end) throw failure('WIRE_RDATA', showRrtype(type), at)
}

/** Appends addresses as four words each; IPv4 as mapped addresses (RFC 4291 §2.5.5.2). */
function addAddresses(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets,
  size: Octets,
  { addresses }: AnswerTargets
): void {
  const single = type === RRTYPE.A || type === RRTYPE.AAAA
  if (at === end || (end - at) % size !== 0 || (single && end - at !== size)) {
    throw failure('WIRE_RDATA', showRrtype(type), at)
  }
  for (let pos = at; pos < end; pos += size) {
    if (size === IPV4) {
      addresses.push(0)
      addresses.push(0)
      addresses.push(0xffff)
    }
    for (let part = 0; part < size; part += 4) addresses.push(getUint32(message, pos + part))
  }
}
