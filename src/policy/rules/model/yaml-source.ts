import type { Prefix } from '../../../base/values/address.js'
import type { Octets } from '../../../base/units.js'
import type { Pattern } from './pattern.js'
import { COVER, type ListPart, type NameSink, type NameSource } from './types.js'

/** A value and its line, from 1. */
export interface AtLine<T> {
  readonly value: T
  readonly line: number
}

/** Shared, since there may be 100,000 sources. */
const NONE_FORCED: ReadonlyMap<number, string> = new Map()

/** Names and addresses written in a YAML file: an app file, or inline in a rule. */
export class YamlSource implements NameSource {
  readonly bounds: { readonly names: number; readonly octets: Octets }

  constructor(
    readonly kind: 'app' | 'inline',
    readonly id: string,
    readonly title: string,
    readonly file: string,
    private readonly patterns: readonly AtLine<Pattern>[],
    private readonly prefixes: readonly AtLine<Prefix>[],
    readonly forced: ReadonlyMap<number, string> = NONE_FORCED,
    readonly main?: readonly number[],
    readonly part?: ListPart
  ) {
    const octets = patterns.reduce((sum, { value }) => sum + value.name.length, 0)
    this.bounds = { names: patterns.length, octets }
  }

  writeTo(sink: NameSink): void {
    for (const { value, line } of this.patterns) {
      sink.name(value.name, 0, value.name.length, COVER[value.cover], line)
    }
    for (const { value, line } of this.prefixes) sink.prefix(value, line)
  }
}
