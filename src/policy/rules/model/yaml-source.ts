import { showPrefix, type Prefix } from '../../../base/values/address.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { AsnPrefixes } from '../asn/asn-prefixes.js'
import type { Pattern } from './pattern.js'
import { COVER, type AddedName, type ListPart, type NameSink, type NameSource } from './types.js'

/** A value and its line, from 1. */
export interface AtLine<T> {
  readonly value: T
  readonly line: number
}

/** A prefix, or all prefixes of an autonomous system. */
export type AddressRange = Prefix | AsnPrefixes

/** Shared, since there may be 100,000 sources. */
const NONE_FORCED: ReadonlyMap<number, string> = new Map()

/** Names and addresses written in a YAML file: an app file, or inline in a rule. */
export class YamlSource implements NameSource {
  readonly monitoredUntil: Seconds | undefined
  readonly added: ReadonlyMap<number, AddedName> | undefined
  readonly bounds: { readonly names: number; readonly octets: Octets }

  constructor(
    readonly kind: 'app' | 'inline',
    readonly id: string,
    readonly title: string,
    readonly file: string,
    readonly patterns: readonly AtLine<Pattern>[],
    readonly prefixes: readonly AtLine<AddressRange>[],
    readonly forced: ReadonlyMap<number, string> = NONE_FORCED,
    readonly main?: readonly number[],
    readonly part?: ListPart,
    { monitoredUntil, added }: Pick<NameSource, 'monitoredUntil' | 'added'> = {}
  ) {
    this.monitoredUntil = monitoredUntil
    this.added = added
    const octets = patterns.reduce((sum, { value }) => sum + value.name.length, 0)
    this.bounds = { names: patterns.length, octets }
  }

  /** Some names of an app as a part of it; undefined: it has none of them. */
  partOf(
    isWanted: (pattern: Pattern) => boolean,
    prefixes: readonly AtLine<AddressRange>[],
    dates: Pick<NameSource, 'monitoredUntil' | 'added'>
  ): YamlSource | undefined {
    const patterns = this.patterns.filter(({ value }) => isWanted(value))
    if (patterns.length + prefixes.length === 0) return undefined
    const { kind, id, title, file, forced } = this
    const part: ListPart = { list: id, effect: 'rule' }
    const facts = [kind, id, title, file, patterns, prefixes, forced] as const
    return new YamlSource(...facts, undefined, part, dates)
  }

  /** The app without some of its names, with the dates of all others. */
  without(
    isLeftOut: (pattern: Pattern) => boolean,
    added: ReadonlyMap<number, AddedName>
  ): YamlSource {
    const patterns = this.patterns.filter(({ value }) => !isLeftOut(value))
    const { kind, id, title, file, prefixes, forced, main, part } = this
    const facts = [kind, id, title, file, patterns, prefixes, forced, main, part] as const
    return new YamlSource(...facts, { added })
  }

  writeTo(sink: NameSink): void {
    for (const { value, line } of this.patterns) {
      sink.name(value.name, 0, value.name.length, COVER[value.cover], line)
    }
    if (this.prefixes.length > 0) this.writePrefixes(sink)
  }

  /** Known once all rules are read. */
  get asns(): ReadonlyMap<string, number> | undefined {
    const systems = this.prefixes.flatMap(({ value }) => ('asn' in value ? [value] : []))
    if (systems.length === 0) return undefined
    return new Map(
      systems.flatMap(({ asn, prefixes }) => prefixes.map(one => [showPrefix(one), asn] as const))
    )
  }

  /** Each once, though systems may have prefixes that are written as well. */
  private writePrefixes(sink: NameSink): void {
    const written = new Set<string>()
    for (const { value, line } of this.prefixes) {
      if (!('asn' in value)) {
        written.add(showPrefix(value))
        sink.prefix(value, line)
      }
    }
    const systems = new Set<AsnPrefixes>()
    for (const { value, line } of this.prefixes) {
      if (!('asn' in value) || systems.has(value)) continue
      systems.add(value)
      for (const prefix of value.prefixes)
        if (!written.has(showPrefix(prefix))) sink.prefix(prefix, line)
    }
  }
}
