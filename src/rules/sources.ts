import { didYouMean } from '../document/closest.js'
import { showAddress } from '../base/address.js'
import { showCanonical, showName } from '../wire/name.js'
import type { App } from './app-file.js'
import type { AboutEntry } from './networks-schema.js'
import { isTooWide } from './pattern.js'
import type { Place } from './place.js'
import { WrittenSource } from './source.js'
import type { NameSource, Rule } from './types.js'

type About = Pick<AboutEntry, 'apps' | 'names' | 'lists' | 'addresses'>
type PlaceOf = (index: number) => Place

/** What rules may speak of: the apps and lists there are, and the names written into rules. */
export class Sources {
  /** Those written into rules, in order. */
  readonly inline: NameSource[] = []
  private readonly inlineIds = new Set<string>()

  constructor(
    readonly apps: ReadonlyMap<string, App>,
    private readonly lists: ReadonlyMap<string, NameSource>
  ) {}

  /**
   * Every source that a rule names.
   *
   * @param place of the rule
   * @param nameAt where name number `i` of the rule stands
   */
  of(entry: About, kind: Rule['kind'], place: Place, nameAt: PlaceOf): NameSource[] {
    const found: NameSource[] = []
    for (const [i, id] of entry.apps.entries()) {
      const source = this.apps.get(id)?.source
      const at = place.at('apps', i)
      if (source !== undefined) found.push(source)
      else at.refuse('RULES_UNKNOWN_APP', at.text, id, didYouMean(id, this.apps.keys()))
    }
    for (const [i, id] of entry.lists.entries()) {
      const source = this.lists.get(id)
      const at = place.at('lists', i)
      if (source !== undefined) found.push(source)
      else at.refuse('RULES_UNKNOWN_LIST', at.text, id, didYouMean(id, this.lists.keys()))
    }
    if (entry.names.length + entry.addresses.length > 0)
      found.push(this.written(entry, kind, place, nameAt))
    if (entry.apps.length + entry.lists.length + found.length === 0) {
      place.refuse('RULES_EMPTY', place.text, 'at least one of apps, names, lists, addresses')
    }
    return found
  }

  private written(entry: About, kind: Rule['kind'], place: Place, nameAt: PlaceOf): NameSource {
    const { names, addresses } = entry
    const patterns = names.map((value, i) => ({ value, place: nameAt(i) }))
    for (const { value, place: at } of patterns) {
      const wide =
        kind === 'ban' || kind === 'exception' ? isTooWide(value) : value.name.length === 1
      if (wide) at.refuse('RULES_TOO_WIDE', at.text)
    }
    const prefixes = addresses.map((value, i) => {
      return { value, line: place.at('addresses', i).position.line }
    })
    const source = new WrittenSource(
      'inline',
      this.newId(place),
      titleOf(entry),
      place.file,
      patterns.map(({ value, place: at }) => ({ value, line: at.position.line })),
      prefixes
    )
    this.inline.push(source)
    return source
  }

  /** `networks.yaml:12`; with the column too where two rules are on one line. */
  private newId(place: Place): string {
    const { file, line, column } = place.position
    const id = `${file}:${line}`
    const free = this.inlineIds.has(id) ? `${id}:${column}` : id
    this.inlineIds.add(free)
    return free
  }
}

/** What names in a rule are called: the first of them. */
export function titleOf({ names, addresses }: About): string {
  const [name] = names
  const [prefix] = addresses
  const first = name
    ? showCanonical(showName(name.name))
    : prefix
      ? showAddress(prefix.address)
      : ''
  const more = names.length + addresses.length - 1
  return more > 0 ? `${first}+${more}` : first
}
