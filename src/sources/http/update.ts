import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import type { Prefix } from '../../base/address.js'
import { failure, InterdictError } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { readList } from '../../rules/lists/list-file.js'
import type { RemoteList } from '../../rules/lists/remote-list.js'
import { unpacked } from '../../rules/lists/unpack.js'
import type { Copies, CopyRecord, State } from './copies.js'
import { download, type Download, type DownloadOptions } from './download.js'
import { LONGEST_SIGNATURE, refuseSignature } from './minisign.js'

export interface UpdateParts {
  readonly copies: Copies
  readonly lookup: LookupFunction
  /** Certificates that are trusted besides those that Node knows: a file of PEM. */
  readonly caFile: string | undefined
  readonly timeout: Milliseconds
  /** Of networks, for formats that name clients. */
  readonly clients: ReadonlyMap<string, readonly Prefix[]>
  /** By the calendar. */
  readonly now: () => Milliseconds
  readonly progress?: (octets: Octets, total: Octets | undefined) => void
}

/** What came of looking for a newer state of a list. */
export type Update =
  | { readonly kind: 'taken' | 'unchanged'; readonly id: string; readonly entries: number }
  | {
      readonly kind: 'held'
      readonly id: string
      readonly entries: number
      readonly trouble: Trouble
    }
  | { readonly kind: 'failed'; readonly id: string; readonly trouble: Trouble }

type Trouble = { readonly code: string; readonly message: string }

/**
 * Looks whether there is a newer state of a list, and keeps it if it is good: whole, what its
 * checksum and signature say, a list, and not much shorter than the one before. Whatever goes wrong,
 * the copy of before stays. Never throws.
 */
export async function update(list: RemoteList, parts: UpdateParts): Promise<Update> {
  const { id } = list
  const { copies, now } = parts
  const before = await copies.record(id)
  const tried = new Date(now()).toISOString()
  try {
    return await look(list, parts, { ...before, tried, failures: 0, trouble: undefined })
  } catch (error) {
    const trouble = troubleOf(error)
    const failed = { ...before, tried, failures: before.failures + 1, trouble }
    try {
      copies.remember(id, failed)
    } catch {
      // Where nothing can be written, there is nobody who could remember it.
    }
    return { kind: 'failed', id, trouble }
  }
}

async function look(list: RemoteList, parts: UpdateParts, record: CopyRecord): Promise<Update> {
  const { id, url } = list
  // What another place gave says nothing of this one.
  const copy = record.copy?.url === url ? record.copy : undefined
  const held = record.held?.url === url ? record.held : undefined
  const known = [held, copy].find(state => state !== undefined)
  const got = await fetchList(list, parts, isProven(list, known) ? known : undefined)
  if (got.kind === 'unchanged') return settle(list, parts, { ...record, held }, known!)
  const { octets, validators } = got
  const sha256 = createHash('sha256').update(octets).digest('hex')
  await prove(list, octets, sha256, parts)
  if (sha256 === copy?.sha256) {
    const renewed = { ...copy, ...validators, signer: list.signer?.key }
    return settle(list, parts, { ...record, copy: renewed, held: undefined }, renewed)
  }
  const entries = await countEntries(list, octets, parts)
  const state: State = {
    url,
    sha256,
    entries,
    signer: list.signer?.key,
    fetched: record.tried,
    ...validators
  }
  if (copy !== undefined && entries < copy.entries * (1 - list.maxShrink / 100)) {
    const trouble = troubleOf(shrunk(list, copy, state))
    parts.copies.hold(id, octets, { ...record, held: state, trouble })
    return { kind: 'held', id, entries, trouble }
  }
  await parts.copies.take(id, octets, { ...record, copy: state, held: undefined })
  return { kind: 'taken', id, entries }
}

/** It is as it was; what is held back is so still. */
function settle(
  list: RemoteList,
  { copies }: UpdateParts,
  record: CopyRecord,
  { entries }: State
): Update {
  const { id } = list
  const { copy, held } = record
  const trouble =
    copy === undefined || held === undefined ? undefined : troubleOf(shrunk(list, copy, held))
  copies.remember(id, { ...record, trouble })
  if (trouble !== undefined) return { kind: 'held', id, entries, trouble }
  return { kind: 'unchanged', id, entries }
}

/** Whether it was held to what the entry says now. */
function isProven({ sha256, signer }: RemoteList, state: State | undefined): boolean {
  return (
    (sha256 ?? state?.sha256) === state?.sha256 && (signer?.key ?? state?.signer) === state?.signer
  )
}

function shrunk({ id, maxShrink }: RemoteList, before: State, now: State): InterdictError {
  return failure('REMOTE_SHRUNK', id, before.entries, now.entries, maxShrink)
}

async function fetchList(list: RemoteList, parts: UpdateParts, known?: State): Promise<Download> {
  const { progress } = parts
  return download(list.url, {
    ...(await optionsOf(parts)),
    most: list.maxSize,
    ...(known && { known: { etag: known.etag, lastModified: known.lastModified } }),
    ...(progress && { progress })
  })
}

async function optionsOf(parts: UpdateParts): Promise<Omit<DownloadOptions, 'most'>> {
  const { lookup, caFile, timeout } = parts
  if (caFile === undefined) return { lookup, ca: undefined, timeout }
  try {
    return { lookup, ca: await readFile(caFile, 'utf8'), timeout }
  } catch (error) {
    throw failure('REMOTE_CA', caFile, (error as Error).message)
  }
}

/** @throws InterdictError REMOTE_CHECKSUM, REMOTE_SIGNATURE, and what `download` throws */
async function prove(
  { url, sha256: wanted, signer }: RemoteList,
  octets: Uint8Array,
  sha256: string,
  parts: UpdateParts
): Promise<void> {
  if (wanted !== undefined && sha256 !== wanted) {
    throw failure('REMOTE_CHECKSUM', url, sha256, wanted)
  }
  if (signer === undefined) return
  const options = { ...(await optionsOf(parts)), most: LONGEST_SIGNATURE }
  const got = await download(signer.url, options)
  const text = got.kind === 'file' ? Buffer.from(got.octets).toString() : ''
  const why = refuseSignature(octets, text, signer.key)
  if (why !== undefined) throw failure('REMOTE_SIGNATURE', url, why)
}

/** Reads it as the rules will. @throws InterdictError why the rules would refuse it */
async function countEntries(
  { id, url, format, mayBeEmpty, maxSize }: RemoteList,
  octets: Uint8Array,
  { clients }: UpdateParts
): Promise<number> {
  const { octets: plain, why } = await unpacked(octets, maxSize)
  if (plain === undefined) {
    throw why === undefined
      ? failure('REMOTE_LARGE', url, maxSize)
      : failure('REMOTE_FETCH', url, `it cannot be unpacked: ${why}`)
  }
  const file = { octets: plain, file: url, shown: url }
  const read = readList({ id, format, mayBeEmpty, clients }, [file])
  if ('errors' in read) throw read.errors[0]!
  return read.reports.reduce((sum, { names }) => sum + names, 0)
}

function troubleOf(error: unknown): Trouble {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
  return { code: 'FAULT', message: error instanceof Error ? error.message : String(error) }
}
