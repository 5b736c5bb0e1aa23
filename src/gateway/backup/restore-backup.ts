import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, createWriteStream, existsSync, mkdirSync } from 'node:fs'
import { readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import * as z from 'zod'
import { basename, dirname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { renameDurably } from '../../base/files/atomic-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { createParentFolder } from '../../base/files/parent-folder.js'
import { reasonOf } from '../../base/errors/reason.js'
import { AccountIds } from '../../base/system/account-ids.js'
import { readYaml } from '../../policy/yaml/read.js'
import { LOCK_FILE } from '../../lookups/files/folder-lock.js'
import type { EnvelopeKey } from '../../wire/pki/cms-recipients.js'
import { gatewayPlaces, isTaken, isTransient, type GatewayPlaces } from './backup-plan.js'
import type { ManifestFile } from './backup-manifest.js'
import { readBackup, type VerifiedBackup } from './read-backup.js'
import type { ReadTarFile } from './tar.js'

/** A backup that has been verified, and where it is. */
export interface BackupFile extends VerifiedBackup {
  readonly path: string
  readonly key: EnvelopeKey | undefined
}

/** Mode of folders that a restore creates: their group may enter them. */
const FOLDER_MODE = 0o750
const TEMPORARY_MODE = 0o600

/** The places of the settings in a backup. @throws InterdictError those of invalid YAML */
export function placesIn({ manifest, settings }: VerifiedBackup): GatewayPlaces {
  return gatewayPlaces(rawSettings(settings, manifest.settings), manifest.settings)
}

/** The settings as their file has them. @throws InterdictError the first error */
export function rawSettings(octets: Uint8Array, file: string): unknown {
  const read = readYaml(octets, file, z.unknown())
  if (!read.ok) throw read.errors[0]!
  return read.value
}

/** Where a file is restored to: the place that allows it. */
interface Target {
  readonly file: ManifestFile
  readonly path: string
  /** Folder that it must stay in; undefined: the settings name the file itself. */
  readonly within: string | undefined
}

export interface RestoreOptions {
  /** Folder to restore below, as if it were `/`. */
  readonly root: string
  /** Leaves out what this refuses. */
  readonly filter?: (file: ManifestFile) => boolean
  /** As root: to the owner of the same name, if there is one. */
  readonly keepOwners: boolean
}

/**
 * Determines where each file of a backup goes. Only files that the settings in it name, and files in folders that they
 * name, are allowed.
 *
 * @throws InterdictError BACKUP_ENTRY
 */
export function restoreTargets(backup: BackupFile, options: RestoreOptions): readonly Target[] {
  const { places } = placesIn(backup)
  const { root, filter = () => true } = options
  return backup.manifest.files.filter(filter).map(file => {
    const exact = places.find(({ kind, path }) => kind === 'file' && path === file.path)
    const folder = places.find(
      ({ kind, path }) => kind !== 'file' && file.path.startsWith(`${path}${sep}`)
    )
    if (exact === undefined && folder === undefined)
      throw failure('BACKUP_ENTRY', backup.path, file.path, 'the settings do not name it')
    const within = exact === undefined ? join(root, folder!.path) : undefined
    return { file, path: join(root, file.path), within }
  })
}

/** Paths of files that exist where a restore writes. */
export const existingTargets = (targets: readonly Target[]): readonly string[] =>
  targets.map(({ path }) => path).filter(isTaken)

/**
 * Moves aside what a restore replaces, so that nothing of the present rules and state remains in force, and nothing is
 * lost: into a folder `.replaced-TIME` in each folder, and beside each other file.
 *
 * @returns the new paths
 */
export function moveAside(
  backup: BackupFile,
  targets: readonly Target[],
  root: string
): readonly string[] {
  const stamp = `.replaced-${new Date().toISOString().replaceAll(/[:.]/g, '')}`
  const moved: string[] = []
  const move = (path: string, to: string): void =>
    attempt(path, () => {
      createParentFolder(to, 0o700)
      renameSync(path, to)
      moved.push(to)
    })
  const { rules, state, places } = placesIn(backup)
  const others = places.map(({ path }) => join(root, path))
  for (const folder of [...rules, state].map(path => join(root, path))) {
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      const stays =
        name.startsWith('.replaced-') ||
        name.startsWith(LOCK_FILE) ||
        (folder === join(root, state) && isTransient(name)) ||
        others.some(other => other === path || other.startsWith(`${path}${sep}`))
      if (!stays) move(path, join(folder, stamp, name))
    }
  }
  for (const { path } of targets)
    if (isTaken(path)) move(path, join(dirname(path), `${basename(path)}${stamp}`))
  return moved
}

/**
 * Writes the files of a backup. Each is verified once more, and then renamed to its place.
 *
 * @throws InterdictError RESTORE_INCOMPLETE, and as `verifyBackup`
 */
export async function restoreFiles(
  backup: BackupFile,
  targets: readonly Target[],
  { keepOwners }: RestoreOptions
): Promise<void> {
  const byName = new Map(targets.map(target => [target.file.path.slice(1), target]))
  const users = new AccountIds('/etc/passwd')
  const groups = new AccountIds('/etc/group')
  for await (const entry of readBackup(backup.path, backup.key)) {
    const target = byName.get(entry.name)
    if (target === undefined) continue
    const { user, group, uid, gid } = target.file
    const owner = { uid: users.idOf(user, uid), gid: groups.idOf(group, gid) }
    await restoreFile(backup.path, entry, target, keepOwners ? owner : undefined)
  }
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

async function restoreFile(
  backup: string,
  { content }: ReadTarFile,
  { file, path, within }: Target,
  owner: Owner | undefined
): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.half`
  try {
    createFolders(dirname(path), owner)
    if (within !== undefined) checkInside(dirname(path), within)
    const hash = createHash('sha256')
    const hashed = async function* () {
      for await (const octets of content) {
        hash.update(octets)
        yield octets
      }
    }
    await pipeline(hashed, createWriteStream(temporary, { mode: TEMPORARY_MODE, flags: 'wx' }))
    if (hash.digest('hex') !== file.sha256)
      throw failure('BACKUP_BROKEN', backup, `${file.path} has changed since it was checked`)
    if (owner !== undefined) chownSync(temporary, owner.uid, owner.gid)
    chmodSync(temporary, file.mode)
    renameDurably(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    if (error instanceof InterdictError) throw error
    throw failure('RESTORE_INCOMPLETE', path, reasonOf(error, temporary))
  }
}

/** New folders belong to the owner of the file for which they are created. */
function createFolders(folder: string, owner: Owner | undefined): void {
  if (existsSync(folder)) return
  createFolders(dirname(folder), owner)
  mkdirSync(folder, FOLDER_MODE)
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
}

/** A link in the folder must not lead out of it. */
function checkInside(folder: string, within: string): void {
  const [inner, outer] = [folder, within].map(path => `${realpathSync(path)}${sep}`)
  if (!inner!.startsWith(outer!)) throw new Error(`a symbolic link leads out of ${within}`)
}

function attempt(path: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    throw failure('RESTORE_INCOMPLETE', path, reasonOf(error))
  }
}
