import { dirname, resolve } from 'node:path'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { fileUnwritable, folderUnwritable } from '../../base/files/writable.js'
import { usesPseudonyms } from '../../lookups/privacy/privacy-mode.js'
import type { Config } from './config.js'

/**
 * Checks that this user could write what a gateway with these settings writes: missing folders are
 * made by it. @returns CONFIG_UNWRITABLE for each setting of which that is not so
 */
export function checkFolders(config: Config): readonly InterdictError[] {
  return writtenFolders(config).flatMap(([key, folder]) => {
    const why = folderUnwritable(resolve(folder))
    return why === undefined ? [] : [failure('CONFIG_UNWRITABLE', key, folder, why)]
  })
}

/** Error CONFIG_FILE, if the query log exists and cannot be appended to. */
export function checkQueryLog({ log }: Config): readonly InterdictError[] {
  const { path, which } = log.queries
  const why = which === 'none' ? undefined : fileUnwritable(path)
  return why === undefined ? [] : [failure('CONFIG_FILE', 'log.queries.file', path, why)]
}

function writtenFolders({ log, state, admin, reports, fleet, acme }: Config) {
  const { which, path, privacy } = log.queries
  const logs = fleet?.logs
  const shipsToFolder = logs !== undefined && logs.to !== 'nats' && logs.s3 === undefined
  const folders: (readonly [key: string, folder: string])[] = [
    ['state.folder', state.folder],
    ...log.outputs.map(({ name, spool }) => [`log.outputs.${name}.spool`, spool.folder] as const),
    ...reports.map(({ folder }, i) => [`reports.${i}.folder`, folder] as const)
  ]
  if (which !== 'none') folders.push(['log.queries.file', dirname(path)])
  if (usesPseudonyms(privacy)) folders.push(['log.queries.privacy.keys', privacy.keys.folder])
  if (admin.socket?.position !== undefined)
    folders.push(['admin.socket', dirname(admin.socket.paths[0]!)])
  if (shipsToFolder) folders.push(['fleet.logs.to', logs.to])
  if (acme !== undefined) folders.push(['acme.account-key', dirname(acme.accountKey)])
  if (acme?.files !== undefined) {
    folders.push(['acme.certificate', dirname(acme.files.certificate)])
    folders.push(['acme.key', dirname(acme.files.key)])
  }
  return folders
}
