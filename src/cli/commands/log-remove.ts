import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CHAIN_FILE } from '../../querylog/archive/chain/chain-entry.js'
import { LogLayout } from '../../querylog/archive/log-layout.js'
import { removeManually } from '../../querylog/archive/manual-removal.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { becomeOwnerOf, who } from '../args/who.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { count } from '../output/show.js'
import { WAS } from '../output/verification-text.js'

export interface RemoveOptions extends CommonOptions {
  readonly reason: string
}

/** Longest reason that the chain takes, in letters. */
const REASON = 500

/** `interdict log remove`: removes closed files of the query log, and has its chain say so. */
export async function remove(
  given: readonly string[],
  options: RemoveOptions,
  io: Io
): Promise<number> {
  const reason = options.reason.trim()
  if (reason === '' || reason.length > REASON)
    usage(`--reason: wanted 1 to ${REASON} letters, such as the number of a request`)
  const { path, chain } = (await settings(options)).log.queries
  const names = new LogLayout(path)
  const by = who(io.env)
  const own = [join(names.folder, CHAIN_FILE), names.folder].find(one => existsSync(one))
  if (own !== undefined) becomeOwnerOf(own)
  const parts = { names, chain, wall: Date.now(), log: logTo(io) }
  const removed = await removeManually(parts, given, { by, reason })
  const lines = removed.map(({ file, was }) =>
    escapeControls(`${file}: removed${was ? `; ${WAS[was]}` : ''}`)
  )
  const sum = `${count(removed.length, 'file')} removed${chain ? ', and the chain says so' : ''}`
  print(io, `${[...lines, sum].join('\n')}\n`)
  return EXIT.success
}

/** Problems on the way go to standard error. */
function logTo({ stderr }: Io): ServiceLog {
  const print = (_fields: unknown, message: string): void => void stderr.write(`${message}\n`)
  return { info: () => undefined, warn: print, error: print }
}
