import type { ConfirmResult } from '../../../gateway/reload/unconfirmed-changes.js'
import type { ParsedRequest, ResultOf } from '../../../gateway/processes/requests.js'
import { callGateway } from '../../args/call-gateway.js'
import { listCopies, lockListCopies, listState } from '../../args/configured-copies.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { terminalWidth } from '../../output/columns.js'
import { formatCount } from '../../output/format.js'
import { toText } from '../../output/rules/lists-text.js'
import { viewLists } from '../../../analysis/views/lists-view.js'

export interface ListsOptions extends CommonOptions {
  readonly json?: boolean
}

/** `interdict lists`: all lists, with the state of their downloads and transfers. */
export async function showLists(options: ListsOptions, io: Io): Promise<number> {
  const config = await loadSettings(options)
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const lists = await viewLists(loaded, listState(config))
  print(
    io,
    options.json === true
      ? `${JSON.stringify({ lists }, undefined, 2)}\n`
      : toText(lists, terminalWidth(io.stdout), Date.now())
  )
  return EXIT.success
}

/** `interdict lists confirm`: accepts a quarantined download, or a local list that shrank. */
export async function confirmList(id: string, options: ListsOptions, io: Io): Promise<number> {
  const { entries } = await performConfirm({ id }, options, io)
  if (options.json === true) printJson(io, { id, entries })
  else print(io, `${id}: ${formatCount(entries, 'entry', 'entries')}, confirmed\n`)
  return EXIT.success
}

/** @throws InterdictError REMOTE_BUSY, REMOTE_NOT_HELD, REMOTE_STATE */
export async function performConfirm(
  { id }: ParsedRequest<'lists confirm'>,
  options: CommonOptions,
  io: Io
): Promise<ResultOf<'lists confirm'>> {
  const config = await loadSettings(options)
  const lock = await lockListCopies(config, io)
  const copies = listCopies(config)
  const { entries } = await copies
    .confirm(id)
    .catch((error: unknown) => confirmLocal(id, options, error))
    .finally(() => lock.release())
  return { id, entries }
}

/** Of local lists only the running gateway knows that they shrank. @param error why no download was confirmed */
async function confirmLocal(
  id: string,
  options: CommonOptions,
  error: unknown
): Promise<ConfirmResult> {
  const request = { do: 'confirm', list: id } as const
  try {
    return await callGateway<ConfirmResult>(request, { ...options, timeout: '5s' })
  } catch {
    throw error
  }
}
