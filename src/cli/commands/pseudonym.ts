import { readAddress, showAddress } from '../../base/address.js'
import { systemClock } from '../../base/clock.js'
import { failure } from '../../base/error.js'
import { periodsIn, readKey, type PeriodKey } from '../../querylog/privacy/key-folder.js'
import { endOf, isPeriod, startOf } from '../../querylog/privacy/period.js'
import { pseudonymsOf, type Pseudonyms } from '../../querylog/privacy/pseudonyms-of.js'
import { given } from '../args/given.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { columns, terminalWidth } from '../output/columns.js'

export interface PseudonymOptions extends CommonOptions {
  readonly date?: string
  readonly all?: boolean
  readonly json?: boolean
}

/**
 * `interdict pseudonym`: what a client is called in the query log.
 *
 * @throws InterdictError PRIVACY_KEY, PRIVACY_NO_KEY
 */
export async function pseudonym(text: string, options: PseudonymOptions, io: Io): Promise<number> {
  const { date, all, json } = options
  const address = given('address', () => readAddress(text))
  if (date !== undefined && all === true) usage('--date and --all: one of the two')
  if (date !== undefined && !isPeriod(date))
    usage(`--date: ${date} is no day or month such as 2023-03-13 or 2023-03`)
  const { keys, preservePrefix } = (await settings(options)).log.queries.privacy
  const day = date ?? new Date(systemClock.wall()).toISOString().slice(0, 10)
  const when = all === true ? ALWAYS : { since: startOf(day), until: endOf(day) }
  const found = pseudonymsOf(address, keysIn(keys.folder), when)
  if (found.length === 0)
    throw failure('PRIVACY_NO_KEY', keys.folder, all === true ? 'at all' : `for ${day}`)
  const shown = showAddress(address)
  print(
    io,
    json === true
      ? `${JSON.stringify({ address: shown, pseudonyms: found }, undefined, 2)}\n`
      : toText(found, preservePrefix, terminalWidth(io.stdout))
  )
  return EXIT.success
}

const ALWAYS = { since: -Infinity, until: Infinity }

/** All that are kept; none where there is no folder. @throws InterdictError PRIVACY_KEY */
export function keysIn(folder: string): readonly PeriodKey[] {
  let periods: string[]
  try {
    periods = periodsIn(folder)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    throw failure('PRIVACY_KEY', folder, message)
  }
  return periods.flatMap(period => readKey(folder, period) ?? [])
}

/** The way that is set now comes first: it is most likely the one that the log has. */
function toText(found: readonly Pseudonyms[], preservePrefix: boolean, width: number): string {
  const head = ['day or month', 'pseudonym', 'prefix-preserving']
  const rows = found.map(({ period, plain, prefixPreserving }) => {
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
