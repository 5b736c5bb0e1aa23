import { showAddress } from '../../base/address.js'
import { showCanonical, showName } from '../../dns/name/name.js'
import { didYouMean } from '../../yaml/closest.js'
import type { App } from '../apps/app-file.js'
import type { AboutEntry } from '../schema/networks-schema.js'
import type { Place } from './place.js'
import { WrittenSource } from './source.js'
import type { NameSource, Rule } from './types.js'
import { tooWide } from './width.js'

type About = Pick<AboutEntry, 'apps' | 'vendors' | 'names' | 'lists' | 'addresses'> & {
  readonly force?: string | undefined
}
type PlaceOf = (index: number) => Place

/** What rules may speak of: the apps and lists there are, and the names written into rules. */
export class Sources {
  /** Those written into rules, in order. */
  readonly inline: NameSource[] = []
  private readonly inlineIds = new Set<string>()

  constructor(
    readonly apps: ReadonlyMap<string, App>,
    private readonly lists: ReadonlyMap<string, readonly NameSource[]>
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
    for (const [i, vendor] of entry.vendors.entries()) {
      const sources = this.ofVendor(vendor, place.at('vendors', i))
      found.push(...sources.filter(source => !found.includes(source)))
    }
    for (const [i, id] of entry.lists.entries()) {
      const parts = this.lists.get(id)
      const at = place.at('lists', i)
      if (parts !== undefined) found.push(...parts)
      else at.refuse('RULES_UNKNOWN_LIST', at.text, id, didYouMean(id, this.lists.keys()))
    }
    const forced = this.checkWidth(entry, kind, place, nameAt)
    if (entry.names.length + entry.addresses.length > 0)
      found.push(this.written(entry, forced, place, nameAt))
    const { apps, vendors, lists } = entry
    if (apps.length + vendors.length + lists.length + found.length === 0) {
      place.refuse(
        'RULES_EMPTY',
        place.text,
        'at least one of apps, vendors, names, lists, addresses'
      )
    }
    return found
  }

  /** Every app of a vendor that there is: one that is added later belongs to the rule as well. */
  private ofVendor(vendor: string, place: Place): NameSource[] {
    const apps = [...this.apps.values()]
    const found = apps.filter(app => app.vendor?.toLowerCase() === vendor.toLowerCase())
    // Where an app file is wrong, its vendor is not known, and that is told already.
    if (found.length === 0 && !apps.some(({ isBroken }) => isBroken)) {
      const known = apps.flatMap(app => app.vendor ?? [])
      place.refuse('RULES_UNKNOWN_VENDOR', place.text, vendor, didYouMean(vendor, known))
    }
    return found.map(({ source }) => source)
  }

  private written(
    { names, addresses }: About,
    forced: ReadonlyMap<number, string>,
    place: Place,
    nameAt: PlaceOf
  ): NameSource {
    const prefixes = addresses.map((value, i) => {
      return { value, line: place.at('addresses', i).position.line }
    })
    const source = new WrittenSource(
      'inline',
      this.newId(place),
      titleOf({ names, addresses }),
      place.file,
      names.map((value, i) => ({ value, line: nameAt(i).position.line })),
      prefixes,
      forced
    )
    this.inline.push(source)
    return source
  }

  /** Refuses names that take in too much, unless they are forced; says on which lines they are. */
  private checkWidth(
    { names, force }: About,
    kind: Rule['kind'],
    place: Place,
    nameAt: PlaceOf
  ): ReadonlyMap<number, string> {
    const forced = new Map<number, string>()
    for (const [i, value] of names.entries()) {
      // An allow undoes nothing but blocks: it may be wide, and only not for everything.
      if (kind === 'allow' && value.name.length > 1) continue
      const at = nameAt(i)
      const wide = tooWide(value)
      if (wide === undefined) continue
      if (force !== undefined && wide.forcible) {
        forced.set(at.position.line, force)
        at.warn('RULES_FORCED', at.text, wide.found, force)
      } else at.refuse('RULES_TOO_WIDE', at.text, wide.found, wide.forcible)
    }
    if (force !== undefined && forced.size === 0) {
      const at = place.at('force')
      at.warn('RULES_FORCE_IDLE', at.text)
    }
    return forced
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
export function titleOf({ names, addresses }: Pick<About, 'names' | 'addresses'>): string {
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
