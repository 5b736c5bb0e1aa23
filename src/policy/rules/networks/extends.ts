import { didYouMean } from '../../yaml/closest.js'
import type { Location } from '../model/location.js'
import type { NetworkEntry } from '../schema/networks-schema.js'

type Networks = Readonly<Record<string, NetworkEntry>>

/**
 * A network and all that it extends, each once, nearest first. Rejects unknown networks and cycles.
 *
 * @param location of `networks`
 */
export function withAncestors(
  id: string,
  networks: Networks,
  location: Location
): readonly string[] {
  if (networks[id]!.extends.length === 0) return [id]
  const found = new Set<string>()
  const walk = (id: string, way: readonly string[]): void => {
    found.add(id)
    for (const [i, parent] of networks[id]!.extends.entries()) {
      if (way.includes(parent) || parent === id) continue
      if (Object.hasOwn(networks, parent) && !found.has(parent)) walk(parent, [...way, id])
      else if (!Object.hasOwn(networks, parent) && way.length === 0) refuseUnknown(id, i, parent)
    }
  }
  const refuseUnknown = (id: string, index: number, parent: string): void => {
    const at = location.at(id, 'extends', index)
    at.error(
      'RULES_UNKNOWN_NETWORK',
      at.pathText,
      parent,
      didYouMean(parent, Object.keys(networks))
    )
  }
  walk(id, [])
  const circle = findCycle(id, networks)
  if (circle !== undefined) {
    const at = location.at(id, 'extends')
    at.error('RULES_EXTENDS_CYCLE', at.pathText, circle)
  }
  return [...found]
}

/** The path from a network back to itself, if its `extends` form a cycle. */
function findCycle(id: string, networks: Networks): readonly string[] | undefined {
  const seen = new Set<string>()
  const walk = (at: string, way: readonly string[]): readonly string[] | undefined => {
    for (const parent of networks[at]?.extends ?? []) {
      if (parent === id) return [...way, at, parent]
      if (seen.has(parent)) continue
      seen.add(parent)
      const circle = walk(parent, [...way, at])
      if (circle !== undefined) return circle
    }
    return undefined
  }
  return walk(id, [])
}
