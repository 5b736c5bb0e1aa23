import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Config } from './config.js'

/**
 * Checks that this user could write what a gateway with these settings writes: missing folders are
 * made by it. @returns CONFIG_UNWRITABLE for each setting of which that is not so
 */
export function checkFolders({ log, state, admin }: Config): readonly InterdictError[] {
  const { which, path, privacy } = log.queries
  const usesKeys = [privacy.default, ...privacy.networks.map(({ mode }) => mode)].includes(
    'pseudonym'
  )
  const folders = [
    ['state.folder', state.folder],
    ...(which === 'none' ? [] : [['log.queries.file', dirname(path)] as const]),
    ...(usesKeys ? [['log.queries.privacy.keys', privacy.keys.folder] as const] : []),
    ...(admin.socket?.position !== undefined
      ? [['admin.socket', dirname(admin.socket.paths[0]!)] as const]
      : [])
  ] as const
  return folders.flatMap(([key, folder]) => {
    const why = reasonAgainst(resolve(folder))
    return why === undefined ? [] : [failure('CONFIG_UNWRITABLE', key, folder, why)]
  })
}

/** Why a folder cannot be written or made; undefined: it can. */
function reasonAgainst(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return 'not a folder'
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const parent = dirname(folder)
    if (code === 'ENOENT' && parent !== folder) return reasonAgainst(parent)
    return reasonOf(error)
  }
}
