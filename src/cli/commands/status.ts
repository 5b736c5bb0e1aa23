import { failure } from '../../base/error.js'
import type { Status } from '../../daemon/admin/status.js'
import { ask, type AskOptions } from '../args/ask.js'
import { end, EXIT } from '../exit.js'
import { toText } from '../output/status-text.js'

export interface StatusOptions extends AskOptions {
  readonly json?: boolean
}

/** `interdict status`: how the running gateway is, and what it has done. */
export async function status(options: StatusOptions): Promise<void> {
  const result = await ask<Status>({ do: 'status' }, options)
  const { silent } = result
  process.stdout.write(
    options.json === true ? `${JSON.stringify(result, undefined, 2)}\n` : toText(result)
  )
  if (silent.length > 0) {
    throw failure('ADMIN_WORKERS', silent.join(', '), 'which is missing in the figures')
  }
  return end(EXIT.fine)
}
