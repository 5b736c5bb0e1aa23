import { COVER, type Cover, type NameSource } from '../model/types.js'
import { showPattern, type Pattern } from '../model/pattern.js'

/** How a source relates to mandated patterns, by the index of the pattern. */
export interface Relation {
  /** Patterns whose names are all covered by the source. */
  readonly covers: ReadonlySet<number>
  /** Patterns with a name that the source covers, and the texts of the entries that do. */
  readonly touches: ReadonlyMap<number, readonly string[]>
}

/** If a source has more entries than this below a pattern, the pattern stands for all of them. */
const MAX_TEXTS = 1000
const COVERS = Object.keys(COVER) as Cover[]

/** Compares sources with a set of patterns: each source in one pass through its names. */
export class PatternRelations {
  private readonly byName = new Map<string, number[]>()
  /** Patterns by each of the names above theirs, and their own. */
  private readonly byAncestor = new Map<string, number[]>()
  private readonly known = new Map<NameSource, Relation>()

  constructor(private readonly patterns: readonly Pattern[]) {
    for (const [i, { name }] of patterns.entries()) {
      push(this.byName, keyOf(name), i)
      for (const key of ancestorsOf(name)) push(this.byAncestor, key, i)
    }
  }

  of(source: NameSource): Relation {
    let relation = this.known.get(source)
    if (relation === undefined) this.known.set(source, (relation = this.compare(source)))
    return relation
  }

  private compare(source: NameSource): Relation {
    const covers = new Set<number>()
    const touches = new Map<number, string[]>()
    source.writeTo({
      name: (octets, at, length, cover) => {
        const name = octets.subarray(at, at + length)
        const entry: Pattern = { name, cover: COVERS[cover]! }
        for (const i of this.near(name)) {
          const pattern = this.patterns[i]!
          const isWhole = containsPattern(entry, pattern)
          if (isWhole) covers.add(i)
          if (!isWhole && !intersects(pattern, entry)) continue
          const texts = touches.get(i) ?? []
          touches.set(i, texts)
          if (texts.length < MAX_TEXTS) texts.push(showPattern(isWhole ? pattern : entry))
          else texts[0] = showPattern(pattern)
        }
      },
      prefix: () => undefined
    })
    return { covers, touches }
  }

  /** Patterns whose name is this one, below it or above it. */
  private near(name: Uint8Array): ReadonlySet<number> {
    const found = new Set(this.byAncestor.get(keyOf(name)))
    for (const key of ancestorsOf(name)) for (const i of this.byName.get(key) ?? []) found.add(i)
    return found
  }
}

/** True if one pattern covers all names of another. */
export function containsPattern(outer: Pattern, inner: Pattern): boolean {
  const depth = depthBelow(outer.name, inner.name)
  if (depth === -1) return false
  if (outer.cover === 'exact') return depth === 0 && inner.cover === 'exact'
  return outer.cover === 'suffix' || depth > 0 || inner.cover === 'below'
}

/** True if an entry, which does not contain the pattern, has a name that it covers. */
function intersects(pattern: Pattern, entry: Pattern): boolean {
  const depth = depthBelow(pattern.name, entry.name)
  if (pattern.cover === 'exact' || depth === -1) return false
  return pattern.cover === 'suffix' || depth > 0 || entry.cover !== 'exact'
}

/** How many labels a name has below another; -1: it is not below it. */
function depthBelow(above: Uint8Array, name: Uint8Array): number {
  const start = name.length - above.length
  let depth = 0
  let at = 0
  for (; at < start; at += name[at]! + 1) depth++
  return at === start && Buffer.compare(above, name.subarray(start)) === 0 ? depth : -1
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}

const keyOf = (name: Uint8Array): string =>
  Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')

/** The name itself, and all above it, as keys. */
function ancestorsOf(name: Uint8Array): string[] {
  const keys: string[] = []
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) keys.push(keyOf(name.subarray(at)))
  keys.push(keyOf(name.subarray(-1)))
  return keys
}
