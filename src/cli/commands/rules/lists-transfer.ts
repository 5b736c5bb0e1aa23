import type { InterdictError } from '../../../base/errors/error.js'
import type { Config } from '../../../gateway/config/config.js'
import { primariesFor } from '../../../sources/settings/zone-primaries.js'
import { loadPrimaries } from '../../../sources/refresh/primaries.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import type { TransferList } from '../../../policy/rules/lists/transfer-list.js'
import { updateZone, type ZoneUpdate } from '../../../sources/axfr/update-zone.js'
import type { ResultOf } from '../../../gateway/processes/requests.js'
import { zoneCopies } from '../../args/configured-copies.js'
import { rejectInput } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'

export type UpdatedList = ResultOf<'lists update'>['lists'][number]

/**
 * Transfers zones now, as the gateway does when a refresh is due.
 *
 * @param isJson prints errors only
 */
export async function transferZones(
  config: Config,
  lists: readonly TransferList[],
  isJson: boolean,
  io: Io
): Promise<readonly UpdatedList[]> {
  if (lists.length === 0) return []
  const { transfers } = config
  const primaries = await loadPrimaries(transfers).catch((error: unknown) => {
    if (error instanceof AggregateError) rejectInput(error.errors as InterdictError[])
    throw error
  })
  const { maxSize, maxTime } = transfers
  const context = { copies: zoneCopies(config), maxSize, maxTime, now: Date.now }
  const updated: UpdatedList[] = []
  for (const list of lists) {
    const ids = primariesFor(transfers, list)
    const ofList = ids.flatMap(id => primaries.find(primary => primary.id === id) ?? [])
    const update = await updateZone({ list, primaries: ofList, isNotified: false }, context)
    updated.push(report(update, isJson, io))
  }
  return updated
}

function report(update: ZoneUpdate, isJson: boolean, io: Io): UpdatedList {
  const { id, bad } = update
  for (const { code, message } of bad) io.stderr.write(`${escapeControls(message)} (${code})\n`)
  const errors = bad.map(({ code, message }) => ({ code, message }))
  if (update.kind === 'failed') {
    const { code, message } = update.trouble
    if (bad.length === 0) {
      io.stderr.write(`${escapeControls(message)} (${code})\n`)
      errors.push({ code, message })
    }
    return { id, result: 'failed', entries: null, serial: null, errors }
  }
  const { serial } = update
  const entries = update.kind === 'taken' ? update.entries : null
  if (!isJson) {
    const result =
      update.kind === 'taken'
        ? `${formatCount(update.entries, 'entry', 'entries')}, updated by ${update.from.toUpperCase()}`
        : 'unchanged'
    print(io, `${id}: serial ${serial}, ${result}\n`)
  }
  return { id, result: entries === null ? 'unchanged' : 'updated', entries, serial, errors }
}
