import { failure } from '../../base/error.js'
import type { FlushResult } from '../../daemon/admin/admin-protocol.js'
import { readName } from '../../dns/name/name.js'
import { ask, type AskOptions } from '../args/ask.js'
import { given } from '../args/given.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { count } from '../output/show.js'

export interface FlushOptions extends AskOptions {
  readonly subtree?: boolean
  readonly all?: boolean
}

/** `interdict flush`: has the running gateway drop what it holds of some names. */
export async function flush(
  name: string | undefined,
  options: FlushOptions,
  io: Io
): Promise<number> {
  const wanted = readWanted(name, options)
  const { dropped, silent } = await ask<FlushResult>({ do: 'flush', ...wanted }, options)
  print(io, `${count(dropped, 'entry', 'entries')} dropped\n`)
  if (silent.length > 0)
    throw failure('ADMIN_WORKERS', silent.join(', '), 'which may still hold what was to be dropped')
  return EXIT.success
}

function readWanted(
  name: string | undefined,
  { subtree = false, all = false }: FlushOptions
): { readonly name: string; readonly subtree: boolean } {
  if (all) {
    if (name !== undefined || subtree) usage('--all: takes neither a name nor --subtree')
    return { name: '.', subtree: true }
  }
  if (name === undefined) usage('wanted a name, or --all')
  given('<name>', () => readName(name))
  return { name, subtree }
}
