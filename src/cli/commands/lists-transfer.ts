import type { InterdictError } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { primariesFor } from '../../config/zone-primaries.js'
import { loadPrimaries } from '../../daemon/sources/primaries.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import { updateZone, type ZoneUpdate } from '../../sources/axfr/update-zone.js'
import { zoneCopies } from '../args/list-copies.js'
import { rejectInput } from '../exit.js'
import { print, type Io } from '../io.js'
import { formatCount } from '../output/format.js'

/**
 * Transfers zones now, as the gateway does when a refresh is due.
 *
 * @returns whether all transfers succeeded
 */
export async function transferZones(
  config: Config,
  lists: readonly TransferList[],
  io: Io
): Promise<boolean> {
  if (lists.length === 0) return true
  const { transfers } = config
  const primaries = await loadPrimaries(transfers).catch((error: unknown) => {
    if (error instanceof AggregateError) rejectInput(error.errors as InterdictError[])
    throw error
  })
  const { maxSize, maxTime } = transfers
  const context = { copies: zoneCopies(config), maxSize, maxTime, now: Date.now }
  let succeeded = true
  for (const list of lists) {
    const ids = primariesFor(transfers, list)
    const ofList = ids.flatMap(id => primaries.find(primary => primary.id === id) ?? [])
    const update = await updateZone({ list, primaries: ofList, isNotified: false }, context)
    succeeded = report(update, io) && succeeded
  }
  return succeeded
}

/** @returns whether the transfer succeeded */
function report(update: ZoneUpdate, io: Io): boolean {
  const { id, bad } = update
  for (const { code, message } of bad) io.stderr.write(`${escapeControls(message)} (${code})\n`)
  if (update.kind === 'failed') {
    const { code, message } = update.trouble
    if (bad.length === 0) io.stderr.write(`${escapeControls(message)} (${code})\n`)
    return false
  }
  const result =
    update.kind === 'taken'
      ? `${formatCount(update.entries, 'entry', 'entries')}, updated by ${update.from.toUpperCase()}`
      : 'unchanged'
  print(io, `${id}: serial ${update.serial}, ${result}\n`)
  return true
}
