import { showAddress, showPrefix } from '../../base/address.js'
import { hashOctet } from '../../base/hash.js'
import type { Octets } from '../../base/units.js'
import { showName } from '../../dns/name/name.js'
import { showRrtype } from '../../dns/registry/rrtype.js'
import type {
  LocalData,
  NameSource,
  ListPart,
  ListReply,
  QtypeSet
} from '../../rules/model/types.js'

/** So many of a part's prefixes are shown. */
const SHOWN_PREFIXES = 3

/** What a list says of the names of a part, in few words for people; '' where nothing special. */
export function describePart({ part }: NameSource): string {
  if (part === undefined) return ''
  const { effect: says, qtypes, prefixes } = part
  const words = [says === 'rule' ? '' : says === 'pass' ? says : showReply(says)]
  if (qtypes !== undefined) words.push(describeQtypes(qtypes))
  if (prefixes !== undefined) {
    const shown = prefixes.slice(0, SHOWN_PREFIXES).map(showPrefix)
    words.push(`for ${shown.join(', ')}${prefixes.length > SHOWN_PREFIXES ? ', …' : ''}`)
  }
  return words.filter(word => word !== '').join(' ')
}

/** `A, AAAA only` or `all but A, AAAA` */
export function describeQtypes({ types, except }: QtypeSet): string {
  const shown = types.map(showRrtype).join(', ')
  return except ? `all but ${shown}` : `${shown} only`
}

function showReply({ action, sinkhole, target }: ListReply): string {
  const addresses = [sinkhole?.ipv4, sinkhole?.ipv6].filter(it => it !== undefined).map(showAddress)
  return [action, ...addresses, ...(target ? [showName(target)] : [])].join(' ')
}

/** Start of the digest's hashes: FNV-1a's. Never seeded, so that digests compare over time. */
const DIGEST_BASIS = 0x811c9dc5

/**
 * Where the digest of each name of a source begins, so that equal names of which another thing is
 * said have another digest.
 */
export function digestBasis({ part }: NameSource): number {
  return part === undefined ? DIGEST_BASIS : hashOf(DIGEST_BASIS, Buffer.from(allOf(part)))
}

/** What one name or prefix adds to the digest of its source: sums do not depend on an order. */
export function nameDigest(
  basis: number,
  octets: Uint8Array,
  at: Octets,
  length: Octets,
  detail: number
): number {
  let hash = hashOctet(basis, detail)
  for (let i = at; i < at + length; i++) hash = hashOctet(hash, octets[i]!)
  return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
}

/** What the records that a list has for its names add to the digest of a source. */
export function localDataDigest({ lines, starts, octets }: LocalData): number {
  const buffers = [lines, starts, octets].map(buffer => new Uint8Array(buffer))
  return buffers.reduce(hashOf, DIGEST_BASIS)
}

function hashOf(basis: number, octets: Uint8Array): number {
  let hash = basis
  for (const octet of octets) hash = hashOctet(hash, octet)
  return hash
}

function allOf({ effect: says, qtypes, prefixes, stage }: ListPart): string {
  const reply = typeof says === 'object' ? showReply(says) : says
  return JSON.stringify([reply, qtypes, prefixes?.map(showPrefix), stage])
}
