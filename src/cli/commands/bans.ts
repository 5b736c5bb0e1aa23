import type { RuleSet } from '../../rules/model/types.js'
import { checkAt, secondsAt } from '../args/given.js'
import { readRules } from '../args/read-rules.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { warnOfExpired } from '../args/transfer-zones.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { toCsv } from '../output/bans-csv.js'
import { listBans, type BansList } from '../output/bans-list.js'
import { toText, type View } from '../output/bans-text.js'
import { terminalWidth } from '../output/columns.js'
import { count } from '../output/show.js'

/** More are not told when one is misspelt. */
const NAMED = 20

export interface BansOptions extends CommonOptions {
  readonly at?: string
  readonly within: string
  readonly network?: string
  readonly app?: string
  readonly json?: boolean
  readonly csv?: boolean
  readonly exitCode?: boolean
}

/** `interdict bans`: what is banned where and since when, what ends, what is to be looked at. */
export async function bans(options: BansOptions, io: Io): Promise<number> {
  const { at, json, csv, exitCode, network, app } = options
  const within = readDays(options.within)
  checkAt(at)
  if (json === true && csv === true) usage('--json and --csv: one of the two')
  const config = await settings(options)
  const { loaded } = await readRules(config, io)
  if (!loaded.ok) refuse(loaded.errors)
  await warnOfExpired(config, loaded.transfers, io)
  const { rules } = loaded
  checkIsThere('network', network, networkIds(rules))
  checkIsThere('app', app, appIds(rules))
  const wanted = { at: secondsAt(at, rules.timeZone), within, network, app }
  const list = listBans(rules, wanted)
  print(io, shownAs(list, options, { timeZone: rules.timeZone, width: terminalWidth(io.stdout) }))
  return exitCode === true && list.notices.length > 0 ? EXIT.failure : EXIT.success
}

function shownAs(list: BansList, { json, csv }: BansOptions, view: View): string {
  if (json === true) return `${JSON.stringify(list, undefined, 2)}\n`
  if (csv === true) return toCsv(list, view.timeZone)
  return toText(list, view)
}

function readDays(text: string): number {
  const isWhole = /^\d{1,5}$/.test(text)
  return isWhole ? Number(text) : usage(`--within: ${text} is no number of days`)
}

function checkIsThere(what: string, id: string | undefined, known: readonly string[]): void {
  if (id === undefined || known.includes(id)) return
  const some = known.length > NAMED ? `${count(known.length, what)}, not that` : known.join(', ')
  usage(`--${what}: there is no ${what} ${id} in the rules, but ${some}`)
}

const networkIds = ({ networks }: RuleSet): string[] => networks.map(({ id }) => id)

const appIds = ({ sources }: RuleSet): string[] =>
  sources.flatMap(({ kind, id }) => (kind === 'app' ? [id] : []))
