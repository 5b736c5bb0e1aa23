import { showAddress, showPrefix } from '../../base/values/address.js'
import { hashOctet } from '../../base/bytes/hash.js'
import type { Octets } from '../../base/units.js'
import { showName } from '../../wire/dns/name/name.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import type {
  ListPart,
  ListReply,
  LocalData,
  NameSource,
  QtypeSet,
  RecordNode
} from '../rules/model/types.js'

/** How many of a part's prefixes are shown. */
const SHOWN_PREFIXES = 3

/** Describes in a few words what a list part does with its names; '' if it leaves it to the rule. */
export function describePart({ part }: NameSource): string {
  if (part === undefined) return ''
  const { effect, qtypes, prefixes, overTcp, tlp } = part
  const words = [effect === 'rule' ? '' : typeof effect === 'string' ? effect : showReply(effect)]
  if (overTcp === true) words.push('over TCP')
  if (qtypes !== undefined) words.push(describeQtypes(qtypes))
  if (prefixes !== undefined) {
    const shown = prefixes.slice(0, SHOWN_PREFIXES).map(showPrefix)
    words.push(`for ${shown.join(', ')}${prefixes.length > SHOWN_PREFIXES ? ', …' : ''}`)
  }
  if (tlp !== undefined) words.push(`TLP:${tlp.toUpperCase()}`)
  return words.filter(word => word !== '').join(' ')
}

/** `A, AAAA only` or `all but A, AAAA` */
function describeQtypes({ types, except }: QtypeSet): string {
  const shown = types.map(showRrtype).join(', ')
  return except ? `all but ${shown}` : `${shown} only`
}

function showReply({ action, sinkhole, target }: ListReply): string {
  const addresses = [sinkhole?.ipv4, sinkhole?.ipv6].filter(it => it !== undefined).map(showAddress)
  return [action, ...addresses, ...(target ? [showName(target)] : [])].join(' ')
}

/** Initial value of FNV-1a. Not seeded, so that digests of different runs can be compared. */
const DIGEST_BASIS = 0x811c9dc5

/**
 * Initial value for the digest of each name of a source. It depends on the list part, so that equal
 * names with different effects have different digests.
 */
export function digestBasis({ part }: NameSource): number {
  return part === undefined ? DIGEST_BASIS : hashOf(DIGEST_BASIS, Buffer.from(partKey(part)))
}

/** What one name or prefix adds to the digest of its source: a sum, so that order has no effect. */
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

/** What a list's local data adds to the digest of a source. */
export function localDataDigest({ lines, starts, octets }: LocalData): number {
  const buffers = [lines, starts, octets].map(buffer => new Uint8Array(buffer))
  return buffers.reduce(hashOf, DIGEST_BASIS)
}

/** What the records at a name add to the digest of their source. */
export function nodeDigest({ name, octets }: RecordNode): number {
  return Math.imul(hashOf(hashOf(DIGEST_BASIS, name), octets), 0x85ebca6b)
}

function hashOf(basis: number, octets: Uint8Array): number {
  let hash = basis
  for (const octet of octets) hash = hashOctet(hash, octet)
  return hash
}

function partKey({ effect, qtypes, prefixes, triggerRank, overTcp, tlp }: ListPart): string {
  const reply = typeof effect === 'object' ? showReply(effect) : effect
  const key = [reply, qtypes, prefixes?.map(showPrefix), triggerRank, overTcp]
  return JSON.stringify(tlp === undefined ? key : [...key, tlp])
}
