import { createHash } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import type { Prefix } from '../../base/values/address.js'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { countEntries as listSize } from '../../policy/rules/lists/list-types.js'
import { readList } from '../../policy/rules/lists/read-list.js'
import { readHeaderFile } from '../../wire/http/header-file.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import type { RemoteList } from '../../policy/rules/lists/remote-list.js'
import { decompress } from '../../policy/rules/lists/decompress.js'
import type { ListCopies, CopyRecord, CopyState } from './list-copies.js'
import { download, type DownloadOptions } from './download.js'
import { fetchIndicators } from './misp.js'
import { MAX_SIGNATURE, signatureError } from './minisign.js'

export interface ListUpdateOptions {
  readonly copies: ListCopies
  readonly lookup: LookupFunction
  /** Additional trusted certificates: a PEM file. */
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
  /** See `RemoteListsConfig`. */
  readonly headerFiles?: Readonly<Record<string, string>> | undefined
  readonly timeout: Milliseconds
  /** Prefixes by network, for formats that name clients. */
  readonly clients: ReadonlyMap<string, readonly Prefix[]>
  /** Wall-clock time. */
  readonly now: () => Milliseconds
  readonly progress?: (octets: Octets, total: Octets | undefined) => void
}

/** Result of an update. */
export type ListUpdate =
  | { readonly kind: 'taken' | 'unchanged'; readonly id: string; readonly entries: number }
  | {
      readonly kind: 'held'
      readonly id: string
      readonly entries: number
      readonly trouble: ErrorInfo
    }
  | {
      readonly kind: 'failed'
      readonly id: string
      readonly trouble: ErrorInfo
      /** False where nothing can be written: the record still has the attempt before. */
      readonly isRecorded: boolean
    }

type ErrorInfo = { readonly code: string; readonly message: string }

/**
 * Downloads a list if it has changed, and stores it if it is valid: complete, matching its checksum
 * and signature, parseable, and not much shorter than the previous copy. On any error the previous
 * copy stays. Never throws.
 */
export async function updateList(list: RemoteList, parts: ListUpdateOptions): Promise<ListUpdate> {
  const { id } = list
  const { copies, now } = parts
  const before = await copies.intactRecord(id)
  const tried = new Date(now()).toISOString()
  try {
    const record = { ...before, tried, failures: 0, confirmed: tried, trouble: undefined }
    return await fetchAndVerify(list, parts, record)
  } catch (error) {
    const trouble = errorInfo(error)
    const failed = { ...before, tried, failures: before.failures + 1, trouble }
    let isRecorded = true
    try {
      copies.saveRecord(id, failed)
    } catch {
      isRecorded = false
    }
    return { kind: 'failed', id, trouble, isRecorded }
  }
}

async function fetchAndVerify(
  list: RemoteList,
  parts: ListUpdateOptions,
  record: CopyRecord
): Promise<ListUpdate> {
  const { id, url } = list
  // The state of a copy from another URL does not apply.
  const copy = record.copy?.url === url ? record.copy : undefined
  const held = record.held?.url === url ? record.held : undefined
  const known = [held, copy].find(state => state !== undefined)
  const got =
    list.isMisp === true
      ? await fetchMisp(list, parts, held === undefined ? copy : undefined)
      : await fetchList(list, parts, isVerified(list, known) ? known : undefined)
  if (got.kind === 'unchanged') return keepUnchanged(list, parts, { ...record, held }, known!)
  const { octets, validators } = got
  const sha256 = createHash('sha256').update(octets).digest('hex')
  await verify(list, octets, sha256, parts)
  if (sha256 === copy?.sha256) {
    const renewed = { ...copy, ...validators, signer: list.signer?.key }
    return keepUnchanged(list, parts, { ...record, copy: renewed, held: undefined }, renewed)
  }
  const entries = await countEntries(list, octets, parts)
  const state: CopyState = {
    url,
    sha256,
    entries,
    signer: list.signer?.key,
    fetched: record.tried,
    ...validators
  }
  if (copy !== undefined && entries < copy.entries * (1 - list.maxShrink / 100)) {
    const trouble = errorInfo(shrunkError(list, copy, state))
    parts.copies.quarantine(id, octets, { ...record, held: state, trouble })
    return { kind: 'held', id, entries, trouble }
  }
  await parts.copies.replace(id, octets, { ...record, copy: state, held: undefined })
  return { kind: 'taken', id, entries }
}

/** The list is unchanged; a quarantined copy stays quarantined. */
function keepUnchanged(
  list: RemoteList,
  { copies }: ListUpdateOptions,
  record: CopyRecord,
  { entries }: CopyState
): ListUpdate {
  const { id } = list
  const { copy, held } = record
  const trouble =
    copy === undefined || held === undefined ? undefined : errorInfo(shrunkError(list, copy, held))
  copies.saveRecord(id, { ...record, trouble })
  if (trouble !== undefined) return { kind: 'held', id, entries, trouble }
  return { kind: 'unchanged', id, entries }
}

/** Whether a copy was verified against the current checksum and key. */
function isVerified({ sha256, signer }: RemoteList, state: CopyState | undefined): boolean {
  return (
    (sha256 ?? state?.sha256) === state?.sha256 && (signer?.key ?? state?.signer) === state?.signer
  )
}

function shrunkError(
  { id, maxShrink }: RemoteList,
  before: CopyState,
  now: CopyState
): InterdictError {
  return failure('REMOTE_SHRUNK', id, before.entries, now.entries, maxShrink)
}

/** What has changed since the copy, or everything. */
async function fetchMisp(
  list: RemoteList,
  parts: ListUpdateOptions,
  copy: CopyState | undefined
): Promise<FetchedList> {
  const options = { ...(await downloadOptions(parts)), maxSize: list.maxSize }
  const known = copy?.misp && { ...copy.misp, octets: await parts.copies.read(list.id) }
  const { octets, misp } = await fetchIndicators(list.url, options, known)
  return { kind: 'file', octets, validators: { misp } }
}

/** A list as it was downloaded, and what the state of its copy keeps of that. */
type FetchedList =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'file'
      readonly octets: Uint8Array
      readonly validators: Pick<CopyState, 'etag' | 'lastModified' | 'misp'>
    }

async function fetchList(
  list: RemoteList,
  parts: ListUpdateOptions,
  known?: CopyState
): Promise<FetchedList> {
  const { progress } = parts
  return download(list.url, {
    ...(await downloadOptions(parts)),
    maxSize: list.maxSize,
    ...(known && { known: { etag: known.etag, lastModified: known.lastModified } }),
    ...(progress && { progress })
  })
}

/** How files are downloaded. @throws InterdictError REMOTE_CA */
export async function downloadOptions(
  parts: Pick<ListUpdateOptions, 'lookup' | 'caFile' | 'timeout' | 'proxy' | 'headerFiles'>
): Promise<Omit<DownloadOptions, 'maxSize'>> {
  const { lookup, caFile, timeout, proxy, headerFiles = {} } = parts
  const headersFor = (host: string) => headersOf(headerFiles, host)
  const options = { lookup, timeout, proxy, headersFor }
  if (caFile === undefined) return { ...options, ca: undefined }
  try {
    const ca = (await readBoundedFile(caFile, MAX_SECRET_FILE)).toString()
    return { ...options, ca }
  } catch (error) {
    throw failure('REMOTE_CA', caFile, reasonOf(error))
  }
}

/** Read for each request, so that a renewed key is used. @throws InterdictError REMOTE_HEADERS */
function headersOf(files: Readonly<Record<string, string>>, host: string) {
  const file = Object.hasOwn(files, host) ? files[host]! : undefined
  try {
    return file === undefined ? {} : readHeaderFile(file)
  } catch (error) {
    throw failure('REMOTE_HEADERS', file!, reasonOf(error))
  }
}

/** @throws InterdictError REMOTE_CHECKSUM, REMOTE_SIGNATURE, and what `download` throws */
async function verify(
  { url, sha256: expected, signer }: RemoteList,
  octets: Uint8Array,
  sha256: string,
  parts: ListUpdateOptions
): Promise<void> {
  if (expected !== undefined && sha256 !== expected) {
    throw failure('REMOTE_CHECKSUM', url, sha256, expected)
  }
  if (signer === undefined) return
  const options = { ...(await downloadOptions(parts)), maxSize: MAX_SIGNATURE }
  const got = await download(signer.url, options)
  const text = got.kind === 'file' ? Buffer.from(got.octets).toString() : ''
  const why = signatureError(octets, text, signer.key)
  if (why !== undefined) throw failure('REMOTE_SIGNATURE', url, why)
}

/** Reads the list as the rules will. @throws InterdictError why the rules would reject it */
async function countEntries(
  { id, url, format, feed, mayBeEmpty, maxSize }: RemoteList,
  octets: Uint8Array,
  { clients }: ListUpdateOptions
): Promise<number> {
  const { octets: plain, why } = await decompress(octets, maxSize)
  if (plain === undefined) {
    throw why === undefined
      ? failure('REMOTE_LARGE', url, maxSize)
      : failure('REMOTE_FETCH', url, `cannot decompress: ${why}`)
  }
  const file = { octets: plain, file: url, displayName: url }
  const read = readList({ id, format, feed, mayBeEmpty, clients }, [file])
  if ('errors' in read) throw read.errors[0]!
  return listSize(read.reports)
}

function errorInfo(error: unknown): ErrorInfo {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
  return { code: 'FAULT', message: reasonOf(error, '') }
}
