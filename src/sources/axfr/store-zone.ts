import { createHash } from 'node:crypto'
import { failure } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import type { Soa } from '../../dns/message/zone-message.js'
import { readList } from '../../rules/lists/read-list.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import { applyJournal, foldZone, linesIn } from '../../zonefile/effective-zone.js'
import { writeVersion } from '../../zonefile/zone-journal.js'
import { zoneDelta, type ZoneDelta } from './zone-delta.js'
import type { StoredZone, ZoneCopies } from './zone-copies.js'
import { TransferError, type TransferResult } from './transfer-reader.js'
import type { ZoneRecord, ZoneState } from './zone-record.js'

/** A journal that is larger, and larger than a third of its base, becomes part of the base. */
const MAX_JOURNAL: Octets = 1024 ** 2
const MAX_JOURNAL_SHARE = 1 / 3
/** When more than this part of a zone has changed since all of it was read, it is again. */
const MAX_UNREAD_SHARE = 1 / 20

export interface StoreContext {
  readonly list: TransferList
  readonly copies: ZoneCopies
  readonly primary: string
  /** As it is now that a primary was asked with success. */
  readonly record: ZoneRecord
}

/** What came of keeping a newer version. */
export interface StoredVersion {
  readonly state: ZoneState
  /** Records that came and went; of a whole zone, all of it. */
  readonly changes: number
  /** What has changed, where that is little and the lines of before are where they were. */
  readonly delta: ZoneDelta | undefined
}

type Whole = Extract<TransferResult, { readonly kind: 'whole' }>
type Changes = Extract<TransferResult, { readonly kind: 'changes' }>

/** Keeps a whole zone in place of the one before. @throws InterdictError why the rules refuse it */
export async function storeWhole(
  keeping: StoreContext,
  { soa, text }: Whole
): Promise<StoredVersion> {
  const changes = linesIn(text)
  const state = stateOf(keeping, soa, sha256Of(text), countEntries(keeping.list, text), 0)
  await keeping.copies.replace(keeping.list.id, text, { ...keeping.record, copy: state })
  return { state, changes, delta: undefined }
}

/**
 * Keeps what has changed.
 *
 * @throws TransferFlaw where it does not fit what is there; InterdictError why the rules refuse it
 */
export async function storeChanges(
  keeping: StoreContext,
  { soa, versions }: Changes,
  kept: StoredZone
): Promise<StoredVersion> {
  const { list, copies, record } = keeping
  const { id, maxSize } = list
  let { sha256 } = kept
  const written = versions.map(version => {
    const one = writeVersion(version, sha256)
    sha256 = one.sha256
    return one.octets
  })
  const added = Buffer.concat(written)
  const journal = Buffer.concat([kept.journal, added])
  const zone = applyJournal(kept.base, journal)
  if (zone.missing > 0) throw new TransferError('it takes away records that are not there')
  const size = kept.base.length + journal.length
  const isFolded = journal.length > Math.max(MAX_JOURNAL, kept.base.length * MAX_JOURNAL_SHARE)
  const lines = Buffer.concat(versions.map(version => version.lines))
  const { removed, added: more } = countChanges(lines)
  const changes = removed + more
  const before = record.copy
  const unread = (before?.unread ?? 0) + changes
  const estimate = Math.max(0, (before?.entries ?? 0) + more - removed)
  const isRead = isFolded || before === undefined || unread > estimate * MAX_UNREAD_SHARE
  const entries = isRead ? countEntries(list, zone.octets) : estimate
  const left = isRead ? 0 : unread
  if (isFolded || size > maxSize) {
    const base = foldZone(zone.octets, journal)
    if (base.length > maxSize) throw failure('TRANSFER_LARGE', list.zone, keeping.primary, maxSize)
    const state = stateOf(keeping, soa, sha256Of(base), entries, left)
    await copies.replace(id, base, { ...record, copy: state })
    return { state, changes, delta: undefined }
  }
  const state = stateOf(keeping, soa, sha256, entries, left)
  await copies.append(id, kept, added, { ...record, copy: state })
  const first = zone.baseLines + countChanges(kept.journal).added + 1
  return { state, changes, delta: zoneDelta(lines, first) }
}

/** Reads it as the rules will. @throws InterdictError why the rules would refuse it */
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

/** How many records lines of a journal take away, and how many they add. */
function countChanges(lines: Uint8Array): { readonly removed: number; readonly added: number } {
  let [removed, added] = [0, 0]
  for (let at = 0; at < lines.length; at = lines.indexOf(0x0a, at) + 1) {
    if (lines[at] === 0x2d) removed++
    if (lines[at] === 0x2b) added++
  }
  return { removed, added }
}
