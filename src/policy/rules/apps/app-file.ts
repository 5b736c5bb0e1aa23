import { basename } from 'node:path'
import type { InterdictError } from '../../../base/errors/error.js'
import { readYaml, decodeText, type ParsedYaml, type YamlResult } from '../../yaml/read.js'
import { Location } from '../model/location.js'
import { covers, type Pattern } from '../model/pattern.js'
import { YamlSource, type AddressRange, type AtLine } from '../model/yaml-source.js'
import type { NameSource } from '../model/types.js'
import { AsnRegistry } from '../asn/asn-prefixes.js'
import { tooBroad } from './too-broad.js'
import { appSchema, type AppEntry, type AppName } from '../schema/app-schema.js'
import { scanAppNames } from './app-names.js'
import { mainNames, type NameFacts } from './main-names.js'

export interface App {
  readonly source: YamlSource
  /** Its other names: those that are only monitored yet, and those that the site adds to the catalogue. */
  readonly others?: readonly NameSource[]
  /**
   * `app`    the names of one product
   * `shared` names that several products of one vendor use
   * `bypass` names that let clients bypass the resolver
   */
  readonly kind: AppEntry['kind']
  /** The vendor of the product: rules may refer to it instead of each app. */
  readonly vendor?: string | undefined
  /** Apps that should be banned together with this one. */
  readonly pairsWith: readonly string[]
  /** The app that replaced this one. */
  readonly successor?: string | undefined
  /** Whether its file is invalid: then only its id is known. */
  readonly isBroken?: boolean
}

/** All sources of an app, its main one first. */
export const sourcesOf = ({ source, others = [] }: App): readonly NameSource[] => [
  source,
  ...others
]

export type AppResult =
  | { readonly app: App; readonly warnings: readonly InterdictError[] }
  | { readonly errors: readonly InterdictError[] }

/** Reads an app file with all its facts, for display. */
export function readAppFile(octets: Uint8Array, shown: string): YamlResult<AppEntry> {
  return readYaml(octets, shown, appSchema)
}

/**
 * Reads an app file.
 *
 * @param name of the file in the rules folder: `apps/tiktok.yaml`
 * @param shown its name in messages
 */
export function readApp(
  octets: Uint8Array,
  name: string,
  shown: string,
  asns = new AsnRegistry()
): AppResult {
  const quick = readFast(octets, name, shown, asns)
  if (quick !== undefined) return { app: quick, warnings: [] }
  const read = readAppFile(octets, shown)
  if (!read.ok) {
    const rest = read.salvage?.()
    return { errors: [...read.errors, ...(rest === undefined ? [] : checkApp(rest, name).errors)] }
  }
  const { errors, warnings } = checkApp(read, name)
  if (errors.length > 0) return { errors }
  const names = read.value.names.map((it, i) => {
    return { value: it.name, line: read.positionOf(['names', i]).line }
  })
  const facts = read.value.names.map((it, i) => factsOf(it, names[i]!.line))
  return { app: buildApp(read, name, names, facts, asns), warnings }
}

/** Reads a file without errors and forced names; undefined for any other. */
function readFast(
  octets: Uint8Array,
  name: string,
  shown: string,
  asns: AsnRegistry
): App | undefined {
  const text = decodeText(octets)
  const quick = text === undefined ? undefined : scanAppNames(text)
  if (quick === undefined) return undefined
  const read = readYaml(quick.rest, shown, appSchema)
  if (!read.ok || read.value.app !== basename(name, '.yaml')) return undefined
  const others = read.value['shared-names']
  const isWrong = ({ value }: AtLine<Pattern>, i: number): boolean =>
    tooBroad(value, quick.texts[i]) !== undefined ||
    others.some(other => covers(value.cover, value.name, other.name.name))
  return quick.names.some(isWrong)
    ? undefined
    : buildApp(read, name, quick.names, quick.facts, asns)
}

function buildApp(
  read: ParsedYaml<AppEntry>,
  name: string,
  names: readonly AtLine<Pattern>[],
  facts: readonly NameFacts[],
  asns: AsnRegistry
): App {
  const { app, title, kind, vendor, successor, addresses, 'pairs-with': pairsWith } = read.value
  const prefixes = addresses.map((entry, i): AtLine<AddressRange> => {
    const position = read.positionOf(['addresses', i])
    const { line } = position
    if (!('asn' in entry)) return { value: entry, line }
    return { value: asns.use(entry.asn, position, `addresses[${i}]`), line }
  })
  const forced = new Map<number, string>()
  for (const [i, it] of read.value.names.entries()) {
    const force = forceOf(it)
    if (force !== undefined) forced.set(names[i]!.line, force)
  }
  const source = new YamlSource('app', app, title, name, names, prefixes, forced, mainNames(facts))
  return { source, kind, vendor, pairsWith, successor }
}

function checkApp(read: ParsedYaml<AppEntry>, name: string): Location {
  const { app, names, addresses, 'shared-names': shared } = read.value
  const top = new Location(read, name)
  const stem = basename(name, '.yaml')
  if (app !== stem) top.at('app').error('RULES_APP_FILE', app, stem)
  if (names.length + addresses.length === 0) top.error('RULES_EMPTY', 'app', 'names or addresses')
  for (const [i, it] of names.entries()) {
    const at = top.at('names', i)
    const wide = tooBroad(it.name)
    const force = forceOf(it)
    if (wide !== undefined && force !== undefined && wide.isForcible) {
      at.warn('RULES_FORCED', at.pathText, wide.covered, force)
    } else if (wide !== undefined) {
      at.error('RULES_TOO_WIDE', at.pathText, wide.covered, wide.isForcible)
    } else if (force !== undefined) {
      at.warn('RULES_FORCE_IDLE', at.pathText)
    }
    if (shared.some(other => covers(it.name.cover, it.name.name, other.name.name))) {
      at.error('RULES_SHARED_NAME', at.pathText)
    }
  }
  return top
}

export function factsOf(it: AppEntry['names'][number], line: number): NameFacts {
  const { role, confidence, evidence = [] }: Partial<AppName> = it
  return { line, role, confidence, evidence: evidence.length }
}

function forceOf(it: AppEntry['names'][number]): string | undefined {
  return 'force' in it ? it.force : undefined
}
