import { failure } from '../../base/error.js'
import type { Status } from '../../daemon/admin/status.js'
import { ask, type AskOptions } from '../args/ask.js'
import { EXIT } from '../exit.js'
import { print, type Io } from '../io.js'
import { toText } from '../output/status-text.js'

export interface StatusOptions extends AskOptions {
  readonly json?: boolean
}

/** `interdict status`: how the running gateway is, and what it has done. */
export async function status(options: StatusOptions, io: Io): Promise<number> {
  const result = await ask<Status>({ do: 'status' }, options)
  const { silent } = result
  print(
    io,
    options.json === true
      ? `${JSON.stringify(result, undefined, 2)}\n`
      : toText(result, io.stdout.columns)
  )
  if (silent.length > 0) {
    throw failure('ADMIN_WORKERS', silent.join(', '), 'which is missing in the figures')
  }
  return EXIT.success
}
