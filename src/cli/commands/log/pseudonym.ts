import { existsSync } from 'node:fs'
import { readAddress, showAddress } from '../../../base/values/address.js'
import { systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import { generateKey, periodsIn, saveKey } from '../../../lookups/privacy/key-folder.js'
import {
  endOf,
  isPeriod,
  periodOf,
  startOf,
  type Period
} from '../../../lookups/privacy/key-period.js'
import { pseudonymsOf, type Pseudonyms } from '../../../lookups/privacy/pseudonyms-of.js'
import { readPseudonymKeys } from '../../args/client-names.js'
import { parseArgument } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'
import { columns, terminalWidth } from '../../output/columns.js'

export interface PseudonymOptions extends CommonOptions {
  readonly date?: string
  readonly all?: boolean
  readonly createKeys?: string
  readonly json?: boolean
}

/**
 * `interdict pseudonym`: the pseudonyms of a client in the query log.
 *
 * @throws InterdictError PRIVACY_KEY, PRIVACY_NO_KEY
 */
export async function pseudonym(
  text: string | undefined,
  options: PseudonymOptions,
  io: Io
): Promise<number> {
  const { date, all, json, createKeys: last } = options
  if (last !== undefined) {
    if (text !== undefined || date !== undefined || all === true)
      usageError('--create-keys needs no address, --date or --all')
    return createKeys(last, options, io)
  }
  if (text === undefined) usageError("missing argument 'address'")
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

/** Most keys at once: a year and a month, so that a stolen folder does not reveal pseudonyms for ever. */
const MAX_KEYS = 400

async function createKeys(last: string, options: PseudonymOptions, io: Io): Promise<number> {
  const { folder, rotation } = (await loadSettings(options)).log.queries.privacy.keys
  if (!isPeriod(last) || last.length !== 10)
    usageError(`--create-keys: ${last} is not a day such as 2027-12-31`)
  const until = endOf(last)
  const existing = new Set(existsSync(folder) ? periodsIn(folder) : [])
  const periods: Period[] = []
  for (let wall = systemClock.wall(); wall < until;) {
    const period = periodOf(wall, rotation)
    periods.push(period)
    wall = endOf(period)
    if (periods.length > MAX_KEYS)
      usageError(`--create-keys: ${last} is more than ${MAX_KEYS} keys from now`)
  }
  const missing = periods.filter(period => !existing.has(period))
  for (const period of missing) saveKey(folder, generateKey(period))
  if (options.json === true) printJson(io, { folder, created: missing })
  else print(io, `${formatCount(missing.length, 'key')} created in ${folder}\n`)
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
