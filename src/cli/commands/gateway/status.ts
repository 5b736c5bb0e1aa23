import { failure } from '../../../base/errors/error.js'
import type { StatusReply } from '../../../gateway/status/health.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { EXIT } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { healthLines, toText } from '../../output/gateway/status-text.js'

export interface StatusOptions extends AdminOptions {
  readonly json?: boolean
  readonly health?: boolean
}

/** `interdict status`: health and counters of the running gateway. */
export async function status(options: StatusOptions, io: Io): Promise<number> {
  const result = await callGateway<StatusReply>({ do: 'status' }, options)
  const { silent, health, enforcement } = result
  if (options.health === true) {
    print(
      io,
      options.json === true
        ? toJson({ ...health, enforcement })
        : `${healthLines(result).join('\n')}\n`
    )
    return health.problems.length === 0 ? EXIT.success : EXIT.failure
  }
  print(io, options.json === true ? toJson(result) : toText(result, io.stdout.columns))
  if (silent.length > 0) {
    throw failure('ADMIN_WORKERS', silent.join(', '), 'whose counters are missing')
  }
  return EXIT.success
}

const toJson = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`
