import { failureAt } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'
import { showName } from '../../../wire/dns/name/name.js'
import { copyName, type FileResult, type RuleFiles, type TooLarge } from '../model/folder.js'
import type { Location } from '../model/location.js'
import type { ListEntry } from '../schema/networks-schema.js'
import type { ListFile } from './list-types.js'
import { decompress } from './decompress.js'

/**
 * Reads the files of a list, and decompresses those in gzip format. `max-size` of the entry limits
 * their total size. For a downloaded or transferred list, reads the last good copy.
 *
 * @param at location of the entry; receives the errors
 * @returns undefined on error, or without a copy so far
 */
export async function readListFiles(
  folder: RuleFiles,
  id: string,
  entry: ListEntry,
  at: Location
): Promise<readonly ListFile[] | undefined> {
  if (entry.transfer !== undefined) return readZoneCopy(folder, id, entry, entry.transfer, at)
  if (entry.url !== undefined) return readCopy(folder, id, entry, entry.url, at)
  const names = await fileNames(folder, entry, at)
  if (names === undefined) return undefined
  const files: ListFile[] = []
  let room = entry['max-size']
  for (const name of names) {
    const file = await readFile(folder, name, room, entry, at)
    if (file === undefined) return undefined
    files.push(file)
    room -= file.octets.length
  }
  return files
}

/** The one file, or all files of a folder without hidden and backup files. */
async function fileNames(
  folder: RuleFiles,
  { file, folder: within, 'may-be-empty': mayBeEmpty }: ListEntry,
  at: Location
): Promise<readonly string[] | undefined> {
  if (within === undefined) return [file!]
  const names = await folder.listFolder(within, true)
  if ('why' in names) {
    at.at('folder').error('RULES_UNREADABLE', within, names.why)
    return undefined
  }
  const files = listFileNames(within, names)
  if (files.length > 0 || mayBeEmpty) return files
  at.at('folder').error('RULES_UNREADABLE', within, 'folder is empty')
  return undefined
}

/** The files of a list that is a folder: all but hidden and backup files. */
export function listFileNames(folder: string, names: readonly string[]): readonly string[] {
  const seen = names.filter(name => !name.startsWith('.') && !name.endsWith('~'))
  return seen.map(name => `${folder.replace(/\/+$/, '')}/${name}`)
}

async function readCopy(
  folder: RuleFiles,
  id: string,
  entry: ListEntry,
  url: string,
  at: Location
): Promise<readonly ListFile[] | undefined> {
  const name = copyName(id)
  const read = await folder.readAtMost(name, entry['max-size'])
  if ('isMissing' in read) {
    at.at('url').warn('RULES_LIST_ABSENT', id, url)
    return undefined
  }
  const file = await decompressFile(folder, name, read, entry['max-size'], entry, at)
  // The query log names the source of the list, not the copy.
  return file && [{ ...file, file: url }]
}

/** The copy of a transferred zone; the query log names the zone. */
async function readZoneCopy(
  folder: RuleFiles,
  id: string,
  entry: ListEntry,
  zone: Uint8Array,
  at: Location
): Promise<readonly ListFile[] | undefined> {
  const read = await folder.readZone(id, zone, entry['max-size'])
  const file = showName(zone)
  if ('octets' in read) return [{ octets: read.octets, file, displayName: file }]
  const start = { file, line: 1, column: 1 }
  if ('size' in read) at.errors.push(failureAt(start, 'RULES_LIST_LARGE', entry['max-size']))
  else if ('isMissing' in read) at.at('transfer').warn('RULES_ZONE_ABSENT', id, file)
  else at.at('transfer').error('RULES_UNREADABLE', file, read.why)
  return undefined
}

/** Reads and decompresses one file; `room`: its maximum size when decompressed. */
async function readFile(
  folder: RuleFiles,
  name: string,
  room: Octets,
  entry: ListEntry,
  at: Location
): Promise<ListFile | undefined> {
  return decompressFile(folder, name, await folder.readAtMost(name, room), room, entry, at)
}

async function decompressFile(
  folder: RuleFiles,
  name: string,
  file: FileResult | TooLarge,
  room: Octets,
  entry: ListEntry,
  at: Location
): Promise<ListFile | undefined> {
  const displayName = folder.displayName(name)
  const start = { file: displayName, line: 1, column: 1 }
  const tooLarge = failureAt(start, 'RULES_LIST_LARGE', entry['max-size'])
  if ('octets' in file) {
    const { octets, why } = await decompress(file.octets, room)
    if (octets !== undefined) return { octets, file: name, displayName }
    at.errors.push(why === undefined ? tooLarge : failureAt(start, 'RULES_LIST_GZIP', why))
  } else if ('size' in file) at.errors.push(tooLarge)
  else {
    const key = (['file', 'folder', 'url'] as const).find(key => entry[key] !== undefined)!
    at.at(key).error('RULES_UNREADABLE', key === 'url' ? displayName : name, file.why)
  }
  return undefined
}
