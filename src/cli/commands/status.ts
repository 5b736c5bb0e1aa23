import { failure } from '../../base/error.js'
import type { Status } from '../../daemon/admin/status.js'
import { callGateway, type AdminOptions } from '../args/admin.js'
import { EXIT } from '../exit.js'
import { print, type Io } from '../io.js'
import { toText } from '../output/status-text.js'

export interface StatusOptions extends AdminOptions {
  readonly json?: boolean
}

/** `interdict status`: health and counters of the running gateway. */
export async function status(options: StatusOptions, io: Io): Promise<number> {
  const result = await callGateway<Status>({ do: 'status' }, options)
  const { silent } = result
  print(
    io,
    options.json === true
      ? `${JSON.stringify(result, undefined, 2)}\n`
      : toText(result, io.stdout.columns)
  )
  if (silent.length > 0) {
    throw failure('ADMIN_WORKERS', silent.join(', '), 'whose counters are missing')
  }
  return EXIT.success
}
