import { createHash } from 'node:crypto'
import { failure } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import type { Soa } from '../../dns/message/zone-message.js'
import { readList } from '../../rules/lists/list-file.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import { applyJournal, foldZone, linesIn } from '../../zonefile/effective-zone.js'
import { writeVersion } from '../../zonefile/zone-journal.js'
import { deltaOf, type Delta } from './delta.js'
import type { KeptZone, ZoneCopies } from './zone-copies.js'
import { TransferFlaw, type Transferred } from './zone-reader.js'
import type { ZoneRecord, ZoneState } from './zone-record.js'

/** A journal that is larger, and larger than a third of its base, becomes part of the base. */
const JOURNAL: Octets = 1024 ** 2
const JOURNAL_SHARE = 1 / 3
/** When more than this part of a zone has changed since all of it was read, it is again. */
const UNREAD_SHARE = 1 / 20

export interface Keeping {
  readonly list: TransferList
  readonly copies: ZoneCopies
  readonly primary: string
  /** As it is now that a primary was asked with success. */
  readonly record: ZoneRecord
}

/** What came of keeping a newer version. */
export interface Kept {
  readonly state: ZoneState
  /** Records that came and went; of a whole zone, all of it. */
  readonly changes: number
  /** What has changed, where that is little and the lines of before are where they were. */
  readonly delta: Delta | undefined
}

type Whole = Extract<Transferred, { readonly kind: 'whole' }>
type Changes = Extract<Transferred, { readonly kind: 'changes' }>

/** Keeps a whole zone in place of the one before. @throws InterdictError why the rules refuse it */
export async function keepWhole(keeping: Keeping, { soa, text }: Whole): Promise<Kept> {
  const changes = linesIn(text)
  const state = stateOf(keeping, soa, sumOf(text), entriesOf(keeping.list, text), 0)
  await keeping.copies.replace(keeping.list.id, text, { ...keeping.record, copy: state })
  return { state, changes, delta: undefined }
}

/**
 * Keeps what has changed.
 *
 * @throws TransferFlaw where it does not fit what is there; InterdictError why the rules refuse it
 */
export async function keepChanges(
  keeping: Keeping,
  { soa, versions }: Changes,
  kept: KeptZone
): Promise<Kept> {
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
  if (zone.missing > 0) throw new TransferFlaw('it takes away records that are not there')
  const size = kept.base.length + journal.length
  const isFolded = journal.length > Math.max(JOURNAL, kept.base.length * JOURNAL_SHARE)
  const lines = Buffer.concat(versions.map(version => version.lines))
  const { removed, added: more } = signsIn(lines)
  const changes = removed + more
  const before = record.copy
  const unread = (before?.unread ?? 0) + changes
  const estimate = Math.max(0, (before?.entries ?? 0) + more - removed)
  const isRead = isFolded || before === undefined || unread > estimate * UNREAD_SHARE
  const entries = isRead ? entriesOf(list, zone.octets) : estimate
  const left = isRead ? 0 : unread
  if (isFolded || size > maxSize) {
    const base = foldZone(zone.octets, journal)
    if (base.length > maxSize) throw failure('TRANSFER_LARGE', list.zone, keeping.primary, maxSize)
    const state = stateOf(keeping, soa, sumOf(base), entries, left)
    await copies.replace(id, base, { ...record, copy: state })
    return { state, changes, delta: undefined }
  }
  const state = stateOf(keeping, soa, sha256, entries, left)
  await copies.append(id, kept, added, { ...record, copy: state })
  const first = zone.baseLines + signsIn(kept.journal).added + 1
  return { state, changes, delta: deltaOf(lines, first) }
}

/** Reads it as the rules will. @throws InterdictError why the rules would refuse it */
function entriesOf({ id, zone, mayBeEmpty }: TransferList, octets: Uint8Array): number {
  const file = { octets, file: zone, shown: zone }
  const read = readList({ id, format: 'rpz', mayBeEmpty }, [file])
  if ('errors' in read) throw read.errors[0]!
  return read.reports.reduce((sum, { names }) => sum + names, 0)
}

function stateOf(
  { primary, record }: Keeping,
  soa: Soa,
  sha256: string,
  entries: number,
  unread: number
): ZoneState {
  return { ...soa, primary, sha256, entries, unread, taken: record.tried }
}

const sumOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')

/** How many records lines of a journal take away, and how many they add. */
function signsIn(lines: Uint8Array): { readonly removed: number; readonly added: number } {
  let [removed, added] = [0, 0]
  for (let at = 0; at < lines.length; at = lines.indexOf(0x0a, at) + 1) {
    if (lines[at] === 0x2d) removed++
    if (lines[at] === 0x2b) added++
  }
  return { removed, added }
}
