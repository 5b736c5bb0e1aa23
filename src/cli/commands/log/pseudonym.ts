import { readAddress, showAddress } from '../../../base/values/address.js'
import { systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import { endOf, isPeriod, startOf } from '../../../lookups/privacy/key-period.js'
import { pseudonymsOf, type Pseudonyms } from '../../../lookups/privacy/pseudonyms-of.js'
import { readPseudonymKeys } from '../../args/client-names.js'
import { parseArgument } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { columns, terminalWidth } from '../../output/columns.js'

export interface PseudonymOptions extends CommonOptions {
  readonly date?: string
  readonly all?: boolean
  readonly json?: boolean
}

/**
 * `interdict pseudonym`: the pseudonyms of a client in the query log.
 *
 * @throws InterdictError PRIVACY_KEY, PRIVACY_NO_KEY
 */
export async function pseudonym(text: string, options: PseudonymOptions, io: Io): Promise<number> {
  const { date, all, json } = options
  const client = isName(text) ? text : parseArgument('<address>', () => readAddress(text))
  if (date !== undefined && all === true) usageError('give --date or --all, not both')
  if (date !== undefined && !isPeriod(date))
    usageError(`--date: ${date} is not a day or month such as 2023-03-13 or 2023-03`)
  const { keys, preservePrefix } = (await loadSettings(options)).log.queries.privacy
  const day = date ?? new Date(systemClock.wall()).toISOString().slice(0, 10)
  const when = all === true ? ALWAYS : { since: startOf(day), until: endOf(day) }
  const pseudonyms = pseudonymsOf(client, readPseudonymKeys(keys.folder), when)
  if (pseudonyms.length === 0)
    throw failure('PRIVACY_NO_KEY', keys.folder, all === true ? 'at all' : `for ${day}`)
  const shown = typeof client === 'string' ? client : showAddress(client)
  print(
    io,
    json === true
      ? `${JSON.stringify({ address: shown, pseudonyms }, undefined, 2)}\n`
      : toText(pseudonyms, preservePrefix, terminalWidth(io.stdout))
  )
  return EXIT.success
}

/** The name of a device, such as `phones/17`; with a letter that is in no address. */
function isName(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]*(\/[!#-[\]-~]+)?$/.test(text) && !/^[0-9/.]+$/.test(text)
}

const ALWAYS = { since: -Infinity, until: Infinity }

/** The kind configured now comes first: most likely it is the one in the log. */
function toText(pseudonyms: readonly Pseudonyms[], preservePrefix: boolean, width: number): string {
  const head = ['day or month', 'pseudonym', 'prefix-preserving']
  const rows = pseudonyms.map(({ period, plain, prefixPreserving }) => {
    return { cells: [[period], [plain], [prefixPreserving]] }
  })
  const order = preservePrefix ? [0, 2, 1] : [0, 1, 2]
  const lines = columns(
    order.map(i => head[i]!),
    rows.map(({ cells }) => ({ cells: order.map(i => cells[i]!) })),
    width
  )
  return `${lines.join('\n')}\n`
}
