import type { Config } from '../../config/config.js'
import { ZoneCopies, zonesFolder } from '../../sources/axfr/zone-copies.js'
import { Copies, copiesFolder } from '../../sources/http/copies.js'
import { lockLists } from '../args/lock-lists.js'
import { readRules } from '../args/read-rules.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, refuse } from '../exit.js'
import { print, type Io } from '../io.js'
import { terminalWidth } from '../output/columns.js'
import { toText } from '../output/lists-text.js'
import { viewLists } from '../output/lists-view.js'
import { count } from '../output/show.js'

export interface ListsOptions extends CommonOptions {
  readonly json?: boolean
}

/** `interdict lists`: what lists there are, and how those are that are fetched. */
export async function showLists(options: ListsOptions, io: Io): Promise<number> {
  const config = await settings(options)
  const { loaded } = await readRules(config, io)
  if (!loaded.ok) refuse(loaded.errors)
  const lists = await viewLists(loaded, whereOf(config))
  print(
    io,
    options.json === true
      ? `${JSON.stringify({ lists }, undefined, 2)}\n`
      : toText(lists, terminalWidth(io.stdout), Date.now())
  )
  return EXIT.success
}

/** `interdict lists confirm ID`. @throws InterdictError REMOTE_BUSY, REMOTE_NOT_HELD, REMOTE_STATE */
export async function confirmList(id: string, options: CommonOptions, io: Io): Promise<number> {
  const config = await settings(options)
  const unlock = lockLists(config)
  const { entries } = await copiesOf(config).confirm(id).finally(unlock)
  print(io, `${id}: ${count(entries, 'entry', 'entries')}, taken\n`)
  return EXIT.success
}

/** Where copies are, as they are looked at now. */
export function whereOf(config: Config) {
  return { copies: copiesOf(config), zones: zonesOf(config), now: Date.now() }
}

export const zonesOf = ({ state }: Pick<Config, 'state'>): ZoneCopies =>
  new ZoneCopies(zonesFolder(state.folder))

export const copiesOf = ({ state }: Config): Copies => new Copies(copiesFolder(state.folder))
