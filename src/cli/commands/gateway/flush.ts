import { failure } from '../../../base/errors/error.js'
import type { FlushResult } from '../../../gateway/socket/admin-protocol.js'
import { readName } from '../../../wire/dns/name/name.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { parseArgument } from '../../args/parse.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'

export interface FlushOptions extends AdminOptions {
  readonly subtree?: boolean
  readonly all?: boolean
  readonly json?: boolean
}

/** `interdict flush`: removes names from the cache of the running gateway. */
export async function flush(
  name: string | undefined,
  options: FlushOptions,
  io: Io
): Promise<number> {
  const selection = parseSelection(name, options)
  const { dropped, silent } = await callGateway<FlushResult>({ do: 'flush', ...selection }, options)
  if (options.json === true) printJson(io, { ...selection, flushed: dropped, silent })
  else print(io, `${formatCount(dropped, 'entry', 'entries')} flushed\n`)
  if (silent.length > 0)
    throw failure('ADMIN_WORKERS', silent.join(', '), 'which may still have the entries cached')
  return EXIT.success
}

function parseSelection(
  name: string | undefined,
  { subtree = false, all = false }: FlushOptions
): { readonly name: string; readonly subtree: boolean } {
  if (all) {
    if (name !== undefined || subtree) usageError('--all takes neither a name nor --subtree')
    return { name: '.', subtree: true }
  }
  if (name === undefined) usageError('give a name, or --all')
  parseArgument('<name>', () => readName(name))
  return { name, subtree }
}
