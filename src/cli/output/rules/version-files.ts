import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { isCopyName } from '../../../policy/rules/model/folder.js'
import { isValidName } from '../../../sources/bundle/content.js'
import { sha256Of } from '../../../base/bytes/sha256.js'
import type { StoredVersion } from '../../../policy/history/rules-history.js'

/** Names of the files of a version that belong into a rules folder: not copies of lists, nor files elsewhere. */
export function rulesNames(version: StoredVersion): readonly string[] {
  const names = [...(version.tree?.keys() ?? [])]
  return names.filter(name => !isCopyName(name) && isValidName(name))
}

/**
 * The files of a version that belong into a rules folder.
 *
 * @param present a folder that may still have files that are not stored
 * @throws InterdictError HISTORY_INCOMPLETE
 */
export async function rulesContents(
  version: StoredVersion,
  present?: string
): Promise<ReadonlyMap<string, Buffer>> {
  const contents = new Map<string, Buffer>()
  const missing: string[] = version.tree === undefined ? ['networks.yaml'] : []
  for (const name of rulesNames(version)) {
    const octets = (await version.file(name)) ?? presentFile(version, name, present)
    if (octets === undefined) missing.push(name)
    else contents.set(name, octets)
  }
  if (missing.length > 0)
    throw failure('HISTORY_INCOMPLETE', version.event.sha256, missing.join(', '))
  return contents
}

/** A file that is as it was then. */
function presentFile(
  { tree }: StoredVersion,
  name: string,
  folder: string | undefined
): Buffer | undefined {
  const path = folder === undefined ? undefined : join(folder, name)
  if (path === undefined || !existsSync(path)) return undefined
  const octets = readFileSync(path)
  return sha256Of(octets) === tree?.get(name) ? octets : undefined
}

/** Writes the files into a folder, which is created. @throws InterdictError HISTORY_INCOMPLETE, RESTORE_WRITE */
export async function writeVersion(version: StoredVersion, folder: string): Promise<void> {
  for (const [name, octets] of await rulesContents(version)) {
    const path = join(folder, name)
    try {
      mkdirSync(dirname(path), { recursive: true })
      writeFileAtomic(path, octets)
    } catch (error) {
      throw failure('RESTORE_WRITE', path, reasonOf(error))
    }
  }
}
