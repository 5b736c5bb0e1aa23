import { showPrefix } from '../../base/address.js'
import { COVER, type Ban, type NameSource } from '../model/types.js'

/** One name or prefix of a source. */
interface SourceItem {
  /** One of `COVER`; undefined for a prefix. */
  readonly cover: number | undefined
  /** Wire form in Latin-1, or the text of the prefix. */
  readonly name: string
}

const itemsBySource = new WeakMap<NameSource, readonly SourceItem[]>()
const keysBySource = new WeakMap<NameSource, ReadonlySet<string>>()

/**
 * Finds the ban that covers a name, an app or a list. Lists match as a whole only: they are too large
 * to look into here.
 */
export class BanIndex {
  /** The first ban of each app and list. */
  private readonly bySource = new Map<NameSource, Ban>()
  private readonly byInlineName = new Map<string, Ban>()

  constructor(bans: readonly Ban[]) {
    for (const ban of bans) {
      for (const source of ban.sources) {
        if (source.kind !== 'inline') addFirst(this.bySource, source, ban)
        else for (const item of itemsOf(source)) addFirst(this.byInlineName, keyOf(item), ban)
      }
    }
  }

  /** A ban that covers everything in a source. */
  findSource(source: NameSource): Ban | undefined {
    const same = this.bySource.get(source)
    if (same !== undefined || source.kind === 'list') return same
    let ban: Ban | undefined
    for (const item of itemsOf(source)) {
      ban = this.findItem(item)
      if (ban === undefined) return undefined
    }
    return ban
  }

  /** A ban that covers all of this name. */
  findItem(item: SourceItem): Ban | undefined {
    for (const key of coveringKeys(item)) {
      const ban = this.byInlineName.get(key)
      if (ban !== undefined) return ban
      for (const [source, ban] of this.bySource) {
        if (source.kind === 'app' && keysOf(source).has(key)) return ban
      }
    }
    return undefined
  }
}

/** The names and prefixes of an app or of inline names. */
export function itemsOf(source: NameSource): readonly SourceItem[] {
  const known = itemsBySource.get(source)
  if (known !== undefined) return known
  const found: SourceItem[] = []
  source.writeTo({
    name: (octets, at, length, cover) => {
      const name = Buffer.from(octets.subarray(at, at + length)).toString('latin1')
      found.push({ cover, name })
    },
    prefix: prefix => void found.push({ cover: undefined, name: showPrefix(prefix) })
  })
  itemsBySource.set(source, found)
  return found
}

/** The keys of all items of a source. */
export function keysOf(source: NameSource): ReadonlySet<string> {
  const known = keysBySource.get(source)
  if (known !== undefined) return known
  const keys = new Set(itemsOf(source).map(keyOf))
  keysBySource.set(source, keys)
  return keys
}

export function keyOf({ cover, name }: SourceItem): string {
  return `${cover ?? 'prefix'} ${name}`
}

/** The keys of all items that cover this one, nearest first. */
export function* coveringKeys(item: SourceItem): Generator<string> {
  yield keyOf(item)
  const { cover } = item
  if (cover === undefined) return
  let { name } = item
  if (cover !== COVER.suffix) yield keyOf({ cover: COVER.suffix, name })
  while (name.charCodeAt(0) !== 0) {
    name = name.slice(name.charCodeAt(0) + 1)
    yield keyOf({ cover: COVER.suffix, name })
    yield keyOf({ cover: COVER.below, name })
  }
}

function addFirst<K>(map: Map<K, Ban>, key: K, ban: Ban): void {
  if (!map.has(key)) map.set(key, ban)
}
