import { showAddress, showPrefix } from '../base/address.js'
import { hashOctet } from '../base/hash.js'
import { showRrtype } from '../dns/rrtype.js'
import type { NameSource, Part, PartReply, QtypeSet } from '../rules/types.js'
import { showName } from '../wire/name.js'

/** So many of a part's prefixes are shown. */
const SHOWN_PREFIXES = 3

/** What a list says of the names of a part, in few words for people; '' where nothing special. */
export function showPart({ part }: NameSource): string {
  if (part === undefined) return ''
  const { says, qtypes, prefixes } = part
  const words = [says === 'rule' ? '' : says === 'pass' ? says : showReply(says)]
  if (qtypes !== undefined) words.push(showQtypes(qtypes))
  if (prefixes !== undefined) {
    const shown = prefixes.slice(0, SHOWN_PREFIXES).map(showPrefix)
    words.push(`for ${shown.join(', ')}${prefixes.length > SHOWN_PREFIXES ? ', …' : ''}`)
  }
  return words.filter(word => word !== '').join(' ')
}

/** `A, AAAA only` or `all but A, AAAA` */
export function showQtypes({ types, except }: QtypeSet): string {
  const shown = types.map(showRrtype).join(', ')
  return except ? `all but ${shown}` : `${shown} only`
}

function showReply({ action, sinkhole, target }: PartReply): string {
  const addresses = [sinkhole?.ipv4, sinkhole?.ipv6].filter(it => it !== undefined).map(showAddress)
  return [action, ...addresses, ...(target ? [showName(target)] : [])].join(' ')
}

/**
 * Where the digest of a source begins, so that equal names of which another thing is said have
 * another digest.
 */
export function digestBasis(basis: number, source: NameSource): number {
  const { part } = source
  if (part === undefined) return basis
  let hash = basis
  for (const octet of Buffer.from(allOf(part))) hash = hashOctet(hash, octet)
  const data = typeof part.says === 'object' ? part.says.data : undefined
  for (const buffer of data === undefined ? [] : [data.lines, data.starts, data.octets])
    for (const octet of new Uint8Array(buffer)) hash = hashOctet(hash, octet)
  return hash
}

function allOf({ says, qtypes, prefixes, stage }: Part): string {
  const reply = typeof says === 'object' ? showReply(says) : says
  return JSON.stringify([reply, qtypes, prefixes?.map(showPrefix), stage])
}
