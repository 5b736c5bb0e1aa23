import { containsPrefix, readPrefix } from '../../../base/values/address.js'
import { readPattern } from '../model/pattern.js'
import { containsPattern } from './pattern-relations.js'
import { ALL_NAMES, type Opening } from './shortfall.js'

/**
 * The openings that are new. An opening is not new if a previous one has all of its names, clients and times, so
 * rules that only close a part of it are no worse.
 */
export function newOpenings<T extends Opening>(
  now: readonly T[],
  before: readonly Opening[]
): readonly T[] {
  if (now.length === 0) return []
  const byOrder = new Map<string, Opening[]>()
  for (const opening of before) {
    const key = orderOf(opening)
    byOrder.set(key, [...(byOrder.get(key) ?? []), opening])
  }
  return now.filter(opening => {
    const candidates = byOrder.get(orderOf(opening)) ?? []
    return !candidates.some(other => contains(other, opening))
  })
}

/** Only openings of the same target for the same network can contain each other. */
const orderOf = ({ mandate, ban, target, network }: Opening): string =>
  JSON.stringify([mandate, ban, target, network])

function contains(outer: Opening, inner: Opening): boolean {
  if (outer.from > inner.from || outer.until < inner.until) return false
  if (outer.hours !== '' && outer.hours !== inner.hours) return false
  return hasClients(outer, inner) && inner.names.every(name => hasName(outer, name))
}

function hasClients({ clients: outer }: Opening, { clients: inner }: Opening): boolean {
  if (outer.length === 0) return true
  if (inner.length === 0) return false
  return inner.every(text => {
    if (outer.includes(text)) return true
    const prefix = readPrefix(text)
    return outer.some(one => containsPrefix(readPrefix(one), prefix))
  })
}

function hasName({ names }: Opening, name: string): boolean {
  if (names.includes(ALL_NAMES) || names.includes(name)) return true
  if (name === ALL_NAMES || name.includes(' ')) return false
  const pattern = readPattern(name)
  return names.some(text => {
    const outer = text.includes(' ') ? undefined : readPattern(text)
    return outer !== undefined && pattern !== undefined && containsPattern(outer, pattern)
  })
}
