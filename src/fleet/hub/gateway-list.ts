import type { GatewayState, GatewayView } from './views.js'

/** Which gateways a request wants, and in which order. */
export interface GatewaySelection {
  readonly ring?: string | undefined
  readonly state?: string | undefined
  /** Words, each of which is in the name, ring, state, version or problems; in any case of letters. */
  readonly filter?: string | undefined
  /** `problems`: gateways that need somebody first, then by name. */
  readonly order: 'name' | 'problems'
  /** Undefined: all. */
  readonly limit?: number | undefined
  readonly offset: number
}

/** A gateway that refuses a bundle needs somebody, one that is behind may only need a moment. */
const RANKS: Readonly<Record<GatewayState, number>> = {
  refusing: 0,
  silent: 1,
  behind: 2,
  unseen: 4,
  running: 5
}
const NOT_READY = 3

function rankOf({ state, ready }: GatewayView): number {
  return Math.min(RANKS[state], ready === false ? NOT_READY : Infinity)
}

/** A selection of gateways, with their number before `limit` and `offset`. */
export function selectGateways<T extends GatewayView>(
  all: readonly T[],
  { ring, state, filter = '', order, limit = Infinity, offset }: GatewaySelection
): { readonly total: number; readonly offset: number; readonly gateways: readonly T[] } {
  const terms = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const rank = order === 'name' ? () => 0 : rankOf
  const found = all
    .filter(
      one =>
        (ring ?? one.ring) === one.ring && (state ?? one.state) === one.state && hasAll(one, terms)
    )
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
  return { total: found.length, offset, gateways: found.slice(offset, offset + limit) }
}

function hasAll(
  { name, ring, state, program, problems }: GatewayView,
  terms: readonly string[]
): boolean {
  if (terms.length === 0) return true
  const text = [name, ring, state, program ?? '', ...problems].join(' ').toLowerCase()
  return terms.every(term => text.includes(term))
}
