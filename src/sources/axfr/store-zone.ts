import { createHash } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import type { Soa } from '../../wire/dns/message/zone-message.js'
import { readList } from '../../policy/rules/lists/read-list.js'
import type { TransferList } from '../../policy/rules/lists/transfer-list.js'
import { applyJournal, compactZone, countLines } from '../../wire/zonefile/effective-zone.js'
import { writeVersion } from '../../wire/zonefile/zone-journal.js'
import { TransferError, type TransferResult } from './transfer-reader.js'
import type { StoredZone, ZoneCopies } from './zone-copies.js'
import { zoneDelta, type ZoneDelta } from './zone-delta.js'
import type { ZoneRecord, ZoneState } from './zone-record.js'

/** A journal larger than this, and larger than a third of its base, is merged into the base. */
const MAX_JOURNAL: Octets = 1024 ** 2
const MAX_JOURNAL_SHARE = 1 / 3
/** When a larger part of a zone has changed since it was last read as a whole, it is read again. */
const MAX_UNREAD_SHARE = 1 / 20

export interface StoreContext {
  readonly list: TransferList
  readonly copies: ZoneCopies
  readonly primary: string
  /** The record after this successful contact with a primary. */
  readonly record: ZoneRecord
}

/** Result of storing a newer version. */
export interface StoredVersion {
  readonly state: ZoneState
  /** Number of records added and removed; for a whole zone, of all records. */
  readonly changes: number
  /** The changes, if they are few and the previous lines current their positions. */
  readonly delta: ZoneDelta | undefined
}

type Whole = Extract<TransferResult, { readonly kind: 'whole' }>
type Changes = Extract<TransferResult, { readonly kind: 'changes' }>

/**
 * Stores a whole zone in place of the previous copy. @throws InterdictError why the rules reject it
 */
export async function storeWhole(
  context: StoreContext,
  { soa, text }: Whole
): Promise<StoredVersion> {
  const changes = countLines(text)
  const state = stateOf(context, soa, sha256Of(text), countEntries(context.list, text), 0)
  await context.copies.replace(context.list.id, text, { ...context.record, copy: state })
  return { state, changes, delta: undefined }
}

/**
 * Stores incremental changes.
 *
 * @throws TransferError if they do not fit the copy; InterdictError why the rules reject it
 */
export async function storeChanges(
  context: StoreContext,
  { soa, versions }: Changes,
  current: StoredZone
): Promise<StoredVersion> {
  const { list, copies, record } = context
  const { id, maxSize } = list
  let { sha256 } = current
  const encoded = versions.map(version => {
    const one = writeVersion(version, sha256)
    sha256 = one.sha256
    return one.octets
  })
  const added = Buffer.concat(encoded)
  const journal = Buffer.concat([current.journal, added])
  const zone = applyJournal(current.base, journal)
  if (zone.missing > 0) throw new TransferError('it deletes records that do not exist')
  const size = current.base.length + journal.length
  const mergesJournal =
    journal.length > Math.max(MAX_JOURNAL, current.base.length * MAX_JOURNAL_SHARE)
  const lines = Buffer.concat(versions.map(version => version.lines))
  const { removed, added: more } = countChanges(lines)
  const changes = removed + more
  const before = record.copy
  const unread = (before?.unread ?? 0) + changes
  const estimate = Math.max(0, (before?.entries ?? 0) + more - removed)
  const isFullRead = mergesJournal || before === undefined || unread > estimate * MAX_UNREAD_SHARE
  const entries = isFullRead ? countEntries(list, zone.octets) : estimate
  const stillUnread = isFullRead ? 0 : unread
  if (mergesJournal || size > maxSize) {
    const base = compactZone(zone.octets, journal)
    if (base.length > maxSize) throw failure('TRANSFER_LARGE', list.zone, context.primary, maxSize)
    const state = stateOf(context, soa, sha256Of(base), entries, stillUnread)
    await copies.replace(id, base, { ...record, copy: state })
    return { state, changes, delta: undefined }
  }
  const state = stateOf(context, soa, sha256, entries, stillUnread)
  await copies.append(id, current, added, { ...record, copy: state })
  const first = zone.baseLines + countChanges(current.journal).added + 1
  return { state, changes, delta: zoneDelta(lines, first) }
}

/** Reads the zone as the rules will. @throws InterdictError why the rules would reject it */
function countEntries({ id, zone, mayBeEmpty }: TransferList, octets: Uint8Array): number {
  const file = { octets, file: zone, displayName: zone }
  const read = readList({ id, format: 'rpz', mayBeEmpty }, [file])
  if ('errors' in read) throw read.errors[0]!
  return read.reports.reduce((sum, { names }) => sum + names, 0)
}

function stateOf(
  { primary, record }: StoreContext,
  soa: Soa,
  sha256: string,
  entries: number,
  unread: number
): ZoneState {
  return { ...soa, primary, sha256, entries, unread, taken: record.tried }
}

const sha256Of = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')

/** Counts the records that the lines of a journal remove and add. */
function countChanges(lines: Uint8Array): { readonly removed: number; readonly added: number } {
  let [removed, added] = [0, 0]
  for (let at = 0; at < lines.length; at = lines.indexOf(0x0a, at) + 1) {
    if (lines[at] === 0x2d) removed++
    if (lines[at] === 0x2b) added++
  }
  return { removed, added }
}
