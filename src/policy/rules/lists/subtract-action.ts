import { isMapped, readPrefix, type Prefix } from '../../../base/values/address.js'
import type { QtypeSet } from '../model/types.js'
import type { ListAction } from './line-reader.js'

/** All clients. No IPv6 prefix contains IPv4 addresses, however short it is. */
const ALL_ADDRESSES: readonly Prefix[] = ['0.0.0.0/0', '::/0'].map(readPrefix)

/**
 * What remains of an action where another takes precedence: one action for the other types, one for
 * the other clients. Nothing if the other applies to all types and clients.
 */
export function subtractAction(action: ListAction, other: ListAction): ListAction[] {
  const found: ListAction[] = []
  if (other.qtypes !== undefined) {
    const qtypes = intersectTypes(action.qtypes, { ...other.qtypes, except: !other.qtypes.except })
    if (qtypes.except || qtypes.types.length > 0) found.push({ ...action, qtypes })
  }
  if (other.prefixes !== undefined) {
    const others = other.prefixes.reduce(subtractPrefix, ALL_ADDRESSES)
    const prefixes = intersectPrefixes(action.prefixes ?? ALL_ADDRESSES, others)
    if (prefixes.length > 0) found.push({ ...action, prefixes })
  }
  return found
}

function intersectTypes(one: QtypeSet | undefined, other: QtypeSet): QtypeSet {
  if (one === undefined) return other
  if (one.except && other.except) {
    return {
      types: [...new Set([...one.types, ...other.types])].sort((a, b) => a - b),
      except: true
    }
  }
  const [types, filter] = one.except ? [other, one] : [one, other]
  return {
    types: types.types.filter(type => filter.types.includes(type) !== filter.except),
    except: false
  }
}

function intersectPrefixes(some: readonly Prefix[], others: readonly Prefix[]): readonly Prefix[] {
  return some.flatMap(one =>
    others.flatMap(other => (contains(one, other) ? [other] : contains(other, one) ? [one] : []))
  )
}

/** Prefixes without one: a prefix that contains it is split into the halves beside it. */
function subtractPrefix(from: readonly Prefix[], hole: Prefix): readonly Prefix[] {
  return from.flatMap(prefix => {
    if (contains(hole, prefix)) return []
    if (!contains(prefix, hole)) return [prefix]
    const halves: Prefix[] = []
    for (let length = prefix.length + 1; length <= hole.length; length++) {
      halves.push(siblingPrefix(hole, length))
    }
    return halves
  })
}

/** The prefix of this length that differs from another in its last bit. */
function siblingPrefix({ address }: Prefix, length: number): Prefix {
  const bit = length - 1
  const other = address.slice()
  other[bit >> 3]! ^= 0x80 >> (bit & 7)
  for (let i = length; i < 128; i++) other[i >> 3]! &= ~(0x80 >> (i & 7))
  return { address: other, length }
}

function contains(outer: Prefix, inner: Prefix): boolean {
  if (inner.length < outer.length || isIpv4(outer) !== isIpv4(inner)) return false
  for (let bit = 0; bit < outer.length; bit++) {
    const mask = 0x80 >> (bit & 7)
    if (((outer.address[bit >> 3]! ^ inner.address[bit >> 3]!) & mask) !== 0) return false
  }
  return true
}

const isIpv4 = ({ address, length }: Prefix): boolean => length >= 96 && isMapped(address)
