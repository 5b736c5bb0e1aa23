import { resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { failure } from '../../../base/errors/error.js'
import { readBoundedFile } from '../../../base/files/bounded-file.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { settingsPath } from '../../../gateway/config/load-settings.js'
import { gatewayPlaces } from '../../../gateway/backup/backup-plan.js'
import { rawSettings } from '../../../gateway/backup/restore-backup.js'
import { writeBackup } from '../../../gateway/backup/write-backup.js'
import { MAX_OCTETS } from '../../../policy/yaml/read.js'
import { encryptionKey, type DecryptionOptions } from '../../args/envelope-key.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount, formatSize } from '../../output/format.js'
import { checkBackup } from './backup-check.js'

export interface BackupOptions extends CommonOptions, DecryptionOptions {
  readonly output?: string
  readonly recipient?: string
  readonly queryLog?: boolean
  readonly pseudonymKeys?: boolean
  /** A backup to check instead. */
  readonly check?: string
  readonly json?: boolean
}

/** `interdict backup`: writes settings, rules, state and secrets to one file, or checks such a file. */
export async function backup(options: BackupOptions, io: Io): Promise<number> {
  const { output, check } = options
  if (check !== undefined) return checkBackup(check, options, io)
  if (output === undefined) usageError('give -o FILE to write a backup, or --check FILE')
  if (options.key !== undefined) usageError('--key is for --check; encrypt with --recipient')
  if (existsSync(output)) throw failure('BACKUP_WRITE', output, 'it exists already')
  const to = encryptionKey(options)
  const { queryLog = false, pseudonymKeys = false } = options
  const places = await placesOf(options)
  const manifest = await writeBackup(resolve(output), places, { queryLog, pseudonymKeys }, to)
  const { files, missing } = manifest
  const isEncrypted = to !== undefined
  const size = files.reduce((sum, file) => sum + file.size, 0)
  if (options.json === true) {
    printJson(io, { file: output, files: files.length, size, encrypted: isEncrypted, missing })
    return EXIT.success
  }
  const lines = missing.map(
    ({ key, path }) => `not in the backup, as it does not exist: ${path} (${key})`
  )
  const how = isEncrypted ? 'encrypted' : 'not encrypted: it contains keys and secrets'
  const head = `Wrote ${output}: ${formatCount(files.length, 'file')}, ${formatSize(size)}, ${how}`
  print(io, `${[head, ...lines].join('\n')}\n`)
  return EXIT.success
}

/** Valid settings only: the places of others are not known. */
async function placesOf(options: CommonOptions) {
  await loadSettings(options)
  const file = resolve(settingsPath(options.config))
  try {
    return gatewayPlaces(rawSettings(await readBoundedFile(file, MAX_OCTETS), file), file)
  } catch (error) {
    throw failure('BACKUP_READ', file, reasonOf(error))
  }
}
