import { showAddress } from '../../../base/values/address.js'
import { showCanonical, showName } from '../../../wire/dns/name/name.js'
import { didYouMean } from '../../yaml/closest.js'
import { sourcesOf, type App } from '../apps/app-file.js'
import type { AsnRegistry } from '../asn/asn-prefixes.js'
import type { AddressEntry } from '../schema/app-schema.js'
import type { MatchEntry } from '../schema/networks-schema.js'
import type { Location } from '../model/location.js'
import { covers, showPattern, type Pattern } from '../model/pattern.js'
import { YamlSource, type AddressRange, type AtLine } from '../model/yaml-source.js'
import type { ListPart, NameSource, Rule } from '../model/types.js'
import { tooBroad } from '../apps/too-broad.js'

type Matches = Pick<MatchEntry, 'apps' | 'vendors' | 'names' | 'lists' | 'addresses'> & {
  readonly force?: string | undefined
  /** Names below `names` that are not matched. */
  readonly except?: readonly Pattern[]
}
type LocationOf = (index: number) => Location

/** Finds the sources that rules refer to, and creates sources for inline names. */
export class SourceResolver {
  /** Sources of inline names, in order. */
  readonly inline: NameSource[] = []
  /** Lines with a rule that has such names. */
  private readonly inlineLines = new Set<number>()

  constructor(
    readonly apps: ReadonlyMap<string, App>,
    private readonly lists: ReadonlyMap<string, readonly NameSource[]>,
    private readonly asns: AsnRegistry
  ) {}

  /**
   * All sources of a rule.
   *
   * @param location of the rule
   * @param nameAt location of the rule's name number `i`
   */
  resolve(
    entry: Matches,
    kind: Rule['kind'],
    location: Location,
    nameAt: LocationOf
  ): NameSource[] {
    const found: NameSource[] = []
    entry.apps.forEach((id, i) => {
      const app = this.apps.get(id)
      if (app !== undefined) found.push(...sourcesOf(app))
      else {
        const at = location.at('apps', i)
        at.error('RULES_UNKNOWN_APP', at.pathText, id, this.appHint(id))
      }
    })
    entry.vendors.forEach((vendor, i) => {
      const sources = this.resolveVendor(vendor, location.at('vendors', i))
      found.push(...sources.filter(source => !found.includes(source)))
    })
    entry.lists.forEach((id, i) => {
      const parts = this.lists.get(id)
      const at = location.at('lists', i)
      if (parts !== undefined) found.push(...parts)
      else at.error('RULES_UNKNOWN_LIST', at.pathText, id, this.listHint(id))
    })
    entry.except?.forEach((except, i) => {
      if (entry.names.some(name => isBelow(except, name))) return
      const at = location.at('except', i)
      at.error('RULES_EXCEPT_OUTSIDE', at.pathText, showPattern(except))
    })
    const forced = this.checkBreadth(entry, kind, location, nameAt)
    if (entry.names.length + entry.addresses.length > 0)
      found.push(...this.inlineSources(entry, forced, location, nameAt))
    const { apps, vendors, lists } = entry
    if (apps.length + vendors.length + lists.length + found.length === 0) {
      location.error(
        'RULES_EMPTY',
        location.pathText,
        'at least one of apps, vendors, names, lists, addresses'
      )
    }
    // `push` leaves room for 16 more.
    return [...found]
  }

  /** What an unknown app probably stands for. */
  private appHint(id: string): string {
    const vendor = [...this.apps.values()].find(app => app.vendor?.toLowerCase() === id)?.vendor
    if (vendor !== undefined) return `; it is a vendor: write vendors: [${vendor}]`
    if (this.lists.has(id)) return `; it is a list: write lists: [${id}]`
    return didYouMean(id, this.apps.keys())
  }

  private listHint(id: string): string {
    const isApp = this.apps.has(id)
    return isApp ? `; it is an app: write apps: [${id}]` : didYouMean(id, this.lists.keys())
  }

  /** All apps of a vendor, so that a rule includes apps that are added later. */
  private resolveVendor(vendor: string, location: Location): NameSource[] {
    const apps = [...this.apps.values()]
    const found = apps.filter(app => app.vendor?.toLowerCase() === vendor.toLowerCase())
    // The vendor of an invalid app file is unknown, and its error is reported already.
    if (found.length === 0 && !apps.some(({ isBroken }) => isBroken)) {
      const known = apps.flatMap(app => app.vendor ?? [])
      location.error('RULES_UNKNOWN_VENDOR', location.pathText, vendor, didYouMean(vendor, known))
    }
    return found.flatMap(sourcesOf)
  }

  /** One source; with `except`, before it that of the names that pass. */
  private inlineSources(
    { names, addresses, except = [] }: Matches,
    forced: ReadonlyMap<number, string> | undefined,
    location: Location,
    nameAt: LocationOf
  ): NameSource[] {
    const id = this.newId(location)
    const own = inlineTitle({ names, addresses }, showPattern)
    const title = except.length === 0 ? own : `${own} except ${except.map(showPattern).join(', ')}`
    const { file } = location
    const make = (lines: AtLine<Pattern>[], prefixes: AtLine<AddressRange>[], part?: ListPart) => {
      const names = [id, title, file, lines, prefixes] as const
      const source = new YamlSource('inline', ...names, forced, undefined, part)
      this.inline.push(source)
      return source
    }
    const lineOf = (key: string, i: number) => location.at(key, i).position.line
    const lines = names.map((value, i) => ({ value, line: nameAt(i).position.line }))
    const prefixes = addresses.map((entry, i) => {
      const at = location.at('addresses', i)
      const { line } = at.position
      if (!('asn' in entry)) return { value: entry, line }
      return { value: this.asns.use(entry.asn, at.messagePosition, at.pathText), line }
    })
    if (except.length === 0) return [make(lines, prefixes)]
    const passed = except.map((value, i) => ({ value, line: lineOf('except', i) }))
    return [
      make(passed, [], { list: id, effect: 'pass' }),
      make(lines, prefixes, { list: id, effect: 'rule' })
    ]
  }

  /** Rejects names that are too broad unless forced. @returns reasons of forced names, by line; undefined: none */
  private checkBreadth(
    { names, force }: Matches,
    kind: Rule['kind'],
    location: Location,
    nameAt: LocationOf
  ): ReadonlyMap<number, string> | undefined {
    let forced: Map<number, string> | undefined
    for (const [i, value] of names.entries()) {
      // An allow only overrides blocks, so it may be broad, except for the root.
      if (kind === 'allow' && value.name.length > 1) continue
      const wide = tooBroad(value)
      if (wide === undefined) continue
      const at = nameAt(i)
      if (force !== undefined && wide.isForcible) {
        forced = (forced ?? new Map<number, string>()).set(at.position.line, force)
        at.warn('RULES_FORCED', at.pathText, wide.covered, force)
      } else at.error('RULES_TOO_WIDE', at.pathText, wide.covered, wide.isForcible)
    }
    if (force !== undefined && forced === undefined) {
      const at = location.at('force')
      at.warn('RULES_FORCE_IDLE', at.pathText)
    }
    return forced
  }

  /** `networks.yaml:12`, with the column for a second rule on the same line. */
  private newId(location: Location): string {
    const { file, line, column } = location.position
    if (this.inlineLines.has(line)) return `${file}:${line}:${column}`
    this.inlineLines.add(line)
    return `${file}:${line}`
  }
}

/** Whether a pattern covers only names below a name that the other one covers. */
function isBelow({ name }: Pattern, other: Pattern): boolean {
  return name.length > other.name.length && covers(other.cover, other.name, name)
}

/**
 * Title of inline names: the first one, and how many more there are.
 *
 * @param show by default without the sign of its cover
 */
export function inlineTitle(
  { names, addresses }: Pick<Matches, 'names' | 'addresses'>,
  show = ({ name }: Pattern): string => showCanonical(showName(name))
): string {
  const [name] = names
  const [address] = addresses
  const first = name ? show(name) : address ? showEntry(address) : ''
  const more = names.length + addresses.length - 1
  return more > 0 ? `${first}+${more}` : first
}

function showEntry(entry: AddressEntry): string {
  return 'asn' in entry ? `AS${entry.asn}` : showAddress(entry.address)
}
