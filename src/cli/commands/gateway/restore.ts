import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { verifyBackup } from '../../../gateway/backup/read-backup.js'
import {
  existingTargets,
  moveAside,
  placesIn,
  restoreFiles,
  restoreTargets
} from '../../../gateway/backup/restore-backup.js'
import { decryptionKey, type DecryptionOptions } from '../../args/envelope-key.js'
import { lockStateFolder } from '../../args/lock-folder.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'

export interface RestoreBackupOptions extends DecryptionOptions {
  readonly force?: boolean
  readonly root?: string
  readonly json?: boolean
}

/** `interdict restore`: writes the files of a backup to where they were, after it has verified all of them. */
export async function restoreBackup(
  path: string,
  options: RestoreBackupOptions,
  io: Io
): Promise<number> {
  const key = decryptionKey(options)
  const backup = { path, key, ...(await verifyBackup(path, key)) }
  const root = resolve(options.root ?? '/')
  const places = { root, keepOwners: process.getuid?.() === 0 }
  const targets = restoreTargets(backup, places)
  const existing = existingTargets(targets)
  if (existing.length > 0 && options.force !== true)
    throw failure('RESTORE_EXISTS', existing.length, existing[0]!)
  const state = join(root, placesIn(backup).state)
  // A folder that does not exist has no gateway, and is to get the owner that it had.
  const lock = existsSync(state) ? await lockOf(state, io) : undefined
  let moved: readonly string[]
  try {
    moved = moveAside(backup, targets, root)
    await restoreFiles(backup, targets, places)
  } finally {
    lock?.release()
  }
  const { missing, settings } = backup.manifest
  if (options.json === true) {
    printJson(io, { settings, restored: targets.map(({ path }) => path), moved, missing })
    return EXIT.success
  }
  const lines = [
    `Restored ${formatCount(targets.length, 'file')} of ${backup.manifest.createdAt}`,
    ...moved.map(path => `moved aside: ${path}`),
    ...missing.map(({ key, path }) => `not in the backup: ${path} (${key})`),
    ...(places.keepOwners ? [] : ['Owners were not restored: that needs root']),
    `Next: interdict check --config ${join(root, settings)}`
  ]
  print(io, `${lines.join('\n')}\n`)
  return EXIT.success
}

const lockOf = (folder: string, io: Io) =>
  lockStateFolder({ folder, lockedError: holder => failure('RESTORE_RUNNING', folder, holder) }, io)
