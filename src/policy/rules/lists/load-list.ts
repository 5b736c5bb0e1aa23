import { showPrefix, type Prefix } from '../../../base/values/address.js'
import type { InterdictError } from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import type { Milliseconds } from '../../../base/units.js'
import { copyName, zoneFiles, type FileDigest, type RuleFiles } from '../model/folder.js'
import { Location } from '../model/location.js'
import type { ListPart, NameSource } from '../model/types.js'
import type { ListEntry } from '../schema/networks-schema.js'
import type { ZoneState } from '../../../wire/zonefile/zone-state.js'
import type { FeedOptions } from './formats/feed.js'
import type { NetworkPrefixes } from './formats/adblock-modifiers.js'
import type { ListReport } from './list-types.js'
import { readList } from './read-list.js'
import { listFileNames, readListFiles } from './read-list-files.js'

/** A list to load. Plain data: it is sent to other threads. */
export interface ListRequest {
  readonly id: string
  readonly entry: ListEntry
  /** Prefixes by network id, for formats that name clients. */
  readonly clients: ReadonlyMap<string, readonly Prefix[]>
  /** Positions of its entry and of the keys in it, for messages. */
  readonly positions: Readonly<Record<string, Position>>
  /** Whether a rule uses the list. */
  readonly isUsed: boolean
}

/** What a list was loaded from, as far as it decides the result. */
export interface ListOrigin {
  /** The settings of the list that affect its names. */
  readonly settings: string
  /** Fingerprints of its files, by path, taken before they were read. */
  readonly fingerprints: ReadonlyMap<string, string>
}

/** The content of a list, and what it depends on. */
export interface ListContent {
  /** One source for each action and file, in order of precedence. */
  readonly sources: readonly NameSource[]
  readonly reports: readonly ListReport[]
  readonly files: readonly FileDigest[]
  /** For a transferred zone. */
  readonly zone: ZoneState | undefined
  /** The networks that it names as clients, with their prefixes as text. */
  readonly networks: ReadonlyMap<string, string>
  /** How long reading and compiling took. */
  readonly duration: Milliseconds
}

/** A source without its names. */
export interface SourceFields extends Pick<
  NameSource,
  'id' | 'title' | 'file' | 'bounds' | 'expiries'
> {
  readonly part: ListPart
}

/**
 * A list that was loaded before, without its names, which the snapshot has that was compiled from it.
 * Plain data: it is sent to other threads.
 */
export interface ListState extends Omit<ListContent, 'sources'>, ListOrigin {
  readonly id: string
  readonly parts: readonly SourceFields[]
  /** Wall-clock time when it was loaded. */
  readonly loaded: Milliseconds
}

export interface LoadedList {
  /** Undefined: it has errors, or no copy of it exists so far. */
  readonly content: ListContent | undefined
  readonly errors: readonly InterdictError[]
  readonly warnings: readonly InterdictError[]
}

/** The settings of a list that affect its names; undefined for a list in a bundle. */
export async function listOrigin(
  files: RuleFiles,
  { id, entry }: Pick<ListRequest, 'id' | 'entry'>
): Promise<ListOrigin | undefined> {
  const fingerprints = await files.fingerprints(await namesOf(files, id, entry))
  const { file, folder, url, transfer, format } = entry
  const place = [file, folder, url, transfer && Buffer.from(transfer).toString('hex')]
  const feed = [entry['min-confidence'], entry['valid-for']]
  const limits = [entry['may-be-empty'], entry['max-size']]
  const settings = JSON.stringify([...place, format, ...limits, ...feed])
  return fingerprints && { settings, fingerprints }
}

/** Names of all files that a list may be read from, and of their folder. */
export async function namesOf(
  files: RuleFiles,
  id: string,
  { file, folder, url, transfer }: ListEntry
): Promise<readonly string[]> {
  if (transfer !== undefined) return zoneFiles(id)
  if (url !== undefined) return [copyName(id)]
  if (folder === undefined) return [file!]
  const names = await files.listFolder(folder, true)
  return [folder, ...('why' in names ? [] : listFileNames(folder, names))]
}

/** Reads and checks a list. Never throws. */
export async function loadList(
  files: RuleFiles,
  { id, entry, clients, positions }: ListRequest
): Promise<LoadedList> {
  const started = performance.now()
  const at = locationOf(id, positions)
  const { errors, warnings } = at
  const zonesBefore = files.zones.length
  const read = await readListFiles(files, id, entry, at)
  if (read === undefined) return { content: undefined, errors, warnings }
  const networks = new Map<string, string>()
  const named: NetworkPrefixes = {
    get: network => {
      const prefixes = clients.get(network)
      if (!networks.has(network)) networks.set(network, prefixesText(prefixes))
      return prefixes
    }
  }
  const given = entry.transfer === undefined ? entry.format : 'rpz'
  const format = given === 'auto' ? undefined : given
  const options = {
    id,
    format,
    mayBeEmpty: entry['may-be-empty'],
    clients: named,
    feed: feedOptions(entry)
  }
  const list = readList({ ...options, maxTime: entry['max-time'] }, read)
  if ('errors' in list) return { content: undefined, errors: list.errors, warnings }
  const content = {
    sources: list.parts,
    reports: list.reports,
    files: files.digests(await namesOf(files, id, entry)),
    zone: files.zones.slice(zonesBefore).find(zone => zone.list === id),
    networks,
    duration: performance.now() - started
  }
  return { content, errors, warnings: [...warnings, ...list.warnings] }
}

/** What an entry says of the indicators of a feed. */
export function feedOptions(entry: ListEntry): Omit<FeedOptions, 'now'> {
  return { minConfidence: entry['min-confidence'], validFor: entry['valid-for'] }
}

/** What remains of a list when the snapshot has its names. */
export function listState(
  id: string,
  origin: ListOrigin,
  { sources, ...content }: ListContent
): ListState {
  const parts = sources.map(({ id, title, file, bounds, expiries, part }) => {
    return { id, title, file, bounds, expiries, part: withoutData(part!) }
  })
  return { id, ...origin, ...content, parts, loaded: Date.now() }
}

/** The part without its records: the snapshot has them, and they may change there. */
export function withoutData(part: ListPart): ListPart {
  const { effect } = part
  return typeof effect === 'object' ? { ...part, effect: { ...effect, data: undefined } } : part
}

/** Whether the same files were read with the same settings. */
export function isSameOrigin(one: ListOrigin, other: ListOrigin): boolean {
  return (
    one.settings === other.settings &&
    one.fingerprints.size === other.fingerprints.size &&
    [...one.fingerprints].every(([path, print]) => other.fingerprints.get(path) === print)
  )
}

/** Whether the list would be the same if it were loaded now. */
export function isCurrent(state: ListState, origin: ListOrigin, { clients }: ListRequest): boolean {
  const isSameNetwork = ([id, text]: readonly [string, string]): boolean =>
    prefixesText(clients.get(id)) === text
  return isSameOrigin(state, origin) && [...state.networks].every(isSameNetwork)
}

const prefixesText = (prefixes: readonly Prefix[] = []): string => prefixes.map(showPrefix).join()

/** Positions of the entry of a list, and of the keys in it that messages refer to. */
export function listPositions(at: Location): ListRequest['positions'] {
  const keys = ['file', 'folder', 'url', 'transfer'].map(
    key => [key, at.at(key).messagePosition] as const
  )
  return Object.fromEntries([['', at.messagePosition], ...keys])
}

function locationOf(id: string, positions: ListRequest['positions']): Location {
  const positionOf = (path: readonly (string | number)[]): Position =>
    positions[String(path[2] ?? '')] ?? positions['']!
  const yaml = { ok: true as const, value: undefined, positionOf }
  return new Location(yaml, 'networks.yaml').at('lists', id)
}
