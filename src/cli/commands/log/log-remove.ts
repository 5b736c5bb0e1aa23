import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CHAIN_FILE } from '../../../lookups/chain/chain-entry.js'
import { LogLayout } from '../../../lookups/files/log-layout.js'
import { removeManually } from '../../../lookups/archive/manual-removal.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { switchToOwnerOf, callerName } from '../../args/user.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'
import { WAS } from '../../output/log/verification-text.js'

export interface RemoveOptions extends CommonOptions {
  readonly reason: string
  readonly json?: boolean
}

/** Longest reason in the chain, in characters. */
const MAX_REASON = 500

/** `interdict log remove`: deletes closed query log files, and records that in the chain. */
export async function remove(
  paths: readonly string[],
  options: RemoveOptions,
  io: Io
): Promise<number> {
  const reason = options.reason.trim()
  if (reason === '' || reason.length > MAX_REASON)
    usageError(`--reason: give 1 to ${MAX_REASON} characters, such as a request number`)
  const { path, chain } = (await loadSettings(options)).log.queries
  const layout = new LogLayout(path)
  const by = callerName(io)
  const owned = [join(layout.folder, CHAIN_FILE), layout.folder].find(path => existsSync(path))
  if (owned !== undefined) switchToOwnerOf(owned)
  const parts = { layout, chain, wall: Date.now(), log: logTo(io) }
  const removed = await removeManually(parts, paths, { by, reason })
  if (options.json === true) {
    const files = removed.map(({ file, was }) => ({ file, was: was ?? null }))
    printJson(io, { removed: files, recorded: chain !== undefined })
    return EXIT.success
  }
  const lines = removed.map(({ file, was }) =>
    escapeControls(`${file}: removed${was ? `; ${WAS[was]}` : ''}`)
  )
  const sum = `${formatCount(removed.length, 'file')} removed${chain ? ', recorded in the chain' : ''}`
  print(io, `${[...lines, sum].join('\n')}\n`)
  return EXIT.success
}

/** Problems on the way go to standard error. */
function logTo({ stderr }: Io): ServiceLog {
  const print = (_fields: unknown, message: string): void => void stderr.write(`${message}\n`)
  return { info: () => undefined, warn: print, error: print }
}
