import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { SerializedError } from '../../../base/errors/serialized-error.js'
import { mapSettingsPaths } from '../../../gateway/backup/settings-paths.js'
import { verifyBackup } from '../../../gateway/backup/read-backup.js'
import {
  placesIn,
  rawSettings,
  restoreFiles,
  restoreTargets,
  type BackupFile
} from '../../../gateway/backup/restore-backup.js'
import { decryptionKey, type DecryptionOptions } from '../../args/envelope-key.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'
import { toJson, toText, type CheckResult } from '../../output/rules/check-text.js'
import { performCheck } from '../rules/check.js'

interface Options extends DecryptionOptions {
  readonly json?: boolean
}

/**
 * `interdict backup --check`: verifies every file of a backup, and checks settings and rules in a temporary folder as
 * `interdict check` does. Nothing else of the machine is read or written.
 */
export async function checkBackup(path: string, options: Options, io: Io): Promise<number> {
  const key = decryptionKey(options)
  const backup = { path, key, ...(await verifyBackup(path, key)) }
  const result = await checkRestored(backup)
  const { manifest, isEncrypted } = backup
  const { files, createdAt, host, version, missing } = manifest
  if (options.json === true) {
    const facts = { createdAt, host, version, files: files.length, encrypted: isEncrypted, missing }
    printJson(io, { ...facts, check: JSON.parse(toJson(result)) as object })
  } else {
    const head = `${path}: ${formatCount(files.length, 'file')} of ${host}, ${createdAt}, version ${version}: intact`
    const lines = missing.map(({ key, path }) => `missing since it was made: ${path} (${key})`)
    print(io, `${[head, ...lines].join('\n')}\n${toText(result)}`)
  }
  return result.errors.length === 0 ? EXIT.success : EXIT.failure
}

/** Checks a backup below a temporary folder, which stands for the root of the file system. */
async function checkRestored(backup: BackupFile): Promise<CheckResult> {
  const root = mkdtempSync(join(tmpdir(), 'interdict-backup-'))
  try {
    const { logFile } = placesIn(backup)
    const options = {
      root,
      // Checked by their hashes alone.
      filter: ({ path }: { readonly path: string }) => !path.startsWith(`${dirname(logFile)}/`),
      keepOwners: false
    }
    await restoreFiles(backup, restoreTargets(backup, options), options)
    const { settings: file } = backup.manifest
    const moved = mapSettingsPaths(rawSettings(backup.settings, file), file, one => {
      // No socket is opened, and its path would be too long.
      if (one.key === 'admin.socket') return 'off'
      const path = join(root, one.path)
      mkdirSync(one.key === 'fleet.logs.to' ? path : dirname(path), { recursive: true })
      return path
    })
    const config = join(root, file)
    writeFileSync(config, JSON.stringify(moved))
    return shown(await performCheck({}, { config }), root, config)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Errors with the paths of the backup. Positions in the settings are those of the copy, so they are left out. */
function shown(result: CheckResult, root: string, config: string): CheckResult {
  const clean = ({ code, message }: SerializedError): SerializedError => {
    const [before, ...after] = message.split(config)
    const parts = after.map(text => text.replace(/^:\d+:\d+/, ''))
    return { code, message: [before, ...parts].join(config).replaceAll(root, '') }
  }
  return { ...result, errors: result.errors.map(clean), warnings: result.warnings.map(clean) }
}
