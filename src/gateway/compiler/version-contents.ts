import { readBoundedFile } from '../../base/files/bounded-file.js'
import type { Octets } from '../../base/units.js'
import { readName } from '../../wire/dns/name/name.js'
import type { RulesResult } from '../../policy/rules/load.js'
import {
  ASN_EXTRACT,
  isCopyName,
  RulesFolder,
  type ReadFile,
  type RuleFiles
} from '../../policy/rules/model/folder.js'
import type { StoredZone } from '../../policy/history/history-event.js'
import type { FileContent, VersionContent } from '../../policy/history/history-writer.js'

/** Versions whose files are kept for the history: the active one, and one that is to become active. */
const MAX_VERSIONS = 2

/** A file as it is kept. */
interface KeptFile extends Omit<ReadFile, 'octets'> {
  readonly octets: Uint8Array | undefined
  readonly isList: boolean
}

/** Files of versions that were just compiled, until the history has them. */
export class VersionContents {
  /** By SHA-256 of the rule files, the newest last. */
  private readonly versions = new Map<string, readonly KeptFile[]>()

  /** @param listSize lists up to this size are stored by their content, too */
  add(
    source: RuleFiles,
    loaded: Extract<RulesResult, { readonly ok: true }>,
    listSize: Octets
  ): void {
    const files = source.contents()
    if (files === undefined) return
    const lists = new Set(loaded.lists.map(({ displayName }) => displayName))
    const kept = files.map((file): KeptFile => {
      const isCopy = isCopyName(file.name) && file.name !== ASN_EXTRACT
      const isList = isCopy || lists.has(source.displayName(file.name))
      const isStored = !isList || (file.octets?.length ?? 0) <= listSize
      return { ...file, isList, octets: isStored ? file.octets : undefined }
    })
    const { filesSha256 } = loaded.rules
    this.versions.delete(filesSha256)
    this.versions.set(filesSha256, kept)
    for (const old of [...this.versions.keys()].slice(0, -MAX_VERSIONS)) this.versions.delete(old)
  }

  /** @param copies folder of list copies; copies of zones are beside it */
  of(filesSha256: string, copies: string, listSize: Octets): VersionContent {
    const files = this.versions.get(filesSha256)
    return {
      files: files?.map(file => contentOf(file, listSize)),
      zone: zone => readZone(zone, copies, listSize)
    }
  }

  /** Names of the files that are not lists; undefined: the version is not kept. */
  rulesOf(filesSha256: string): readonly string[] | undefined {
    const files = this.versions.get(filesSha256)
    return files?.filter(({ isList }) => !isList).map(({ name }) => name)
  }
}

function contentOf({ name, sha256, octets, path }: KeptFile, listSize: Octets): FileContent {
  return {
    name,
    sha256,
    content: async () => {
      if (octets !== undefined || path === undefined) return octets
      // A list that another thread has read. If it is another one by now, its digest differs.
      return readBoundedFile(path, listSize).catch(() => undefined)
    }
  }
}

/** The text of a zone, if its copy is still of this version. */
async function readZone(
  { list, zone, serial, sha256 }: StoredZone,
  copies: string,
  listSize: Octets
): Promise<Uint8Array | undefined> {
  const folder = new RulesFolder(copies, { copies })
  const read = await folder.readZone(list, readName(zone), listSize)
  const isSame = folder.zones.some(one => one.serial === serial && one.sha256 === sha256)
  return isSame && 'octets' in read ? read.octets : undefined
}
