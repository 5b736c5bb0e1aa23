import { readPrefix, type Prefix } from '../../src/base/values/address.js'
import {
  COVER,
  type Allow,
  type Ban,
  type Block,
  type NameSource,
  type NetworkRules,
  type ListPart,
  type Reply,
  type Rule,
  type RuleException,
  type RuleSet,
  type CoverCode
} from '../../src/policy/rules/model/types.js'

/** Helpers to write rule sets by hand, as `rules` would read them from files. */

/** A name as a source lists it. */
export interface Written {
  readonly octets: Uint8Array
  readonly cover: CoverCode
  readonly line: number
}

/** A source with readable content, for the matcher without tables. */
export interface WrittenSource extends NameSource {
  readonly names: readonly Written[]
  readonly prefixes: readonly { readonly prefix: Prefix; readonly line: number }[]
}

/** Wire form of a name in text, root label included; '' is the root. */
export function wire(text: string): Uint8Array {
  const labels = text === '' ? [] : text.split('.')
  return Uint8Array.from([...labels.flatMap(label => [label.length, ...Buffer.from(label)]), 0])
}

/**
 * A source of patterns, one a line from line 1: `a.example`, `=a.example`, `*.a.example`,
 * `192.0.2.0/24`.
 */
export function source(id: string, ...patterns: string[]): WrittenSource {
  const names: Written[] = []
  const prefixes: { prefix: Prefix; line: number }[] = []
  patterns.forEach((pattern, index) => {
    const line = index + 1
    if (pattern.includes('/')) prefixes.push({ prefix: readPrefix(pattern), line })
    else names.push({ ...readPattern(pattern), line })
  })
  return {
    kind: 'app',
    id,
    title: id.toUpperCase(),
    file: `apps/${id}.yaml`,
    names,
    prefixes,
    bounds: { names: names.length, octets: names.reduce((sum, n) => sum + n.octets.length, 0) },
    writeTo: sink => {
      for (const { octets, cover, line } of names) sink.name(octets, 0, octets.length, cover, line)
      for (const { prefix, line } of prefixes) sink.prefix(prefix, line)
    }
  }
}

/** Names in a rule itself: an exception for them overrides every ban. */
export function inline(id: string, ...patterns: string[]): WrittenSource {
  return { ...source(id, ...patterns), kind: 'inline', file: 'networks.yaml' }
}

/** A source as a part of a list. */
export function part(source: WrittenSource, part: ListPart): WrittenSource {
  return { ...source, kind: 'list', title: part.list, file: `lists/${part.list}`, part }
}

function readPattern(pattern: string): { octets: Uint8Array; cover: CoverCode } {
  if (pattern.startsWith('=')) return { octets: wire(pattern.slice(1)), cover: COVER.exact }
  if (pattern.startsWith('*')) return { octets: wire(pattern.slice(2)), cover: COVER.below }
  return { octets: wire(pattern), cover: COVER.suffix }
}

type Given<T extends Rule> = Partial<Omit<T, 'kind' | 'id' | 'sources'>>

const NXDOMAIN: Reply = { action: 'nxdomain', ede: 'censored', ttl: 60 }
const ALWAYS = { from: -Infinity, until: Infinity }

function base(id: string, sources: readonly NameSource[]) {
  return { id, sources, position: { file: 'networks.yaml', line: 7, column: 9 }, ...ALWAYS }
}

export function ban(id: string, sources: readonly NameSource[], given: Given<Ban> = {}): Ban {
  return { ...base(id, sources), kind: 'ban', mode: 'enforce', reply: NXDOMAIN, ...given }
}

export function exception(
  id: string,
  sources: readonly NameSource[],
  given: Given<RuleException> = {}
): RuleException {
  const who = { prefixes: [], purpose: 'press office', approvedBy: 'head of security' }
  return { ...base(id, sources), kind: 'exception', ...who, ...given }
}

export function allow(id: string, sources: readonly NameSource[], given: Given<Allow> = {}): Allow {
  return { ...base(id, sources), kind: 'allow', ...given }
}

export function block(id: string, sources: readonly NameSource[], given: Given<Block> = {}): Block {
  const reply: Reply = { action: 'null-address', ede: 'filtered', ttl: 60 }
  return { ...base(id, sources), kind: 'block', mode: 'enforce', reply, ...given }
}

export function network(id: string, prefixes: readonly string[], rules: readonly Rule[]) {
  const position = { file: 'networks.yaml', line: 1, column: 1 }
  return { id, position, prefixes: prefixes.map(readPrefix), rules }
}

export function ruleSet(...networks: NetworkRules[]): RuleSet {
  const sources = new Set(networks.flatMap(({ rules }) => rules.flatMap(rule => rule.sources)))
  return {
    networks,
    sources: [...sources],
    timeZone: 'UTC',
    sha256: 'ab'.repeat(32),
    filesSha256: 'ab'.repeat(32),
    ownSha256: '',
    zones: [],
    files: ['networks.yaml']
  }
}

/** Random numbers for `compile`, the same on every run. */
export function seeds(...given: number[]): () => number {
  let next = 0
  return () => given[next++ % given.length]!
}
