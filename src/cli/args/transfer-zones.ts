import { failure, type InterdictError } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { primariesFor } from '../../config/zone-primaries.js'
import { loadPrimaries } from '../../daemon/sources/primaries.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import { expiresAt } from '../../sources/axfr/due.js'
import { updateZone, type ZoneUpdate } from '../../sources/axfr/update-zone.js'
import { zonesOf } from '../commands/lists.js'
import { refuse } from '../exit.js'
import { print, type Io } from '../io.js'
import { count } from '../output/show.js'

/**
 * Asks the primaries of zones now, as the gateway does when that is due.
 *
 * @returns whether all is well
 */
export async function transferZones(
  { transfers, state }: Config,
  lists: readonly TransferList[],
  io: Io
): Promise<boolean> {
  if (lists.length === 0) return true
  const primaries = await loadPrimaries(transfers).catch((error: unknown) => {
    if (error instanceof AggregateError) refuse(error.errors as InterdictError[])
    throw error
  })
  const { maxSize, maxTime } = transfers
  const parts = { copies: zonesOf({ state }), maxSize, maxTime, now: Date.now }
  let isFine = true
  for (const list of lists) {
    const ids = primariesFor(transfers, list)
    const own = ids.flatMap(id => primaries.find(one => one.id === id) ?? [])
    const update = await updateZone({ list, primaries: own, isNotified: false }, parts)
    isFine = tell(update, io) && isFine
  }
  return isFine
}

/** Tells people, and no programs, of zones whose rules are in force though they have expired. */
export async function warnOfExpired(
  config: Config,
  lists: readonly TransferList[],
  io: Io
): Promise<void> {
  const now = Date.now()
  for (const { id, zone } of lists) {
    const expires = expiresAt(await zonesOf(config).record(id, zone))
    if (expires === undefined || expires > now) continue
    const { code, message } = failure('TRANSFER_EXPIRED', zone, new Date(expires).toISOString())
    io.stderr.write(`warning: ${escapeControls(message)} (${code})\n`)
  }
}

/** @returns whether all is well */
function tell(update: ZoneUpdate, io: Io): boolean {
  const { id, bad } = update
  for (const { code, message } of bad) io.stderr.write(`${escapeControls(message)} (${code})\n`)
  if (update.kind === 'failed') {
    const { code, message } = update.trouble
    if (bad.length === 0) io.stderr.write(`${escapeControls(message)} (${code})\n`)
    return false
  }
  const what =
    update.kind === 'taken'
      ? `${count(update.entries, 'entry', 'entries')}, newer, by ${update.from.toUpperCase()}`
      : 'unchanged'
  print(io, `${id}: serial ${update.serial}, ${what}\n`)
  return true
}
