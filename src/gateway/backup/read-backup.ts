import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { isAbsolute, normalize, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { MAX_OCTETS } from '../../policy/yaml/read.js'
import { decryptEnvelope, ENVELOPE_START, WrongKey } from '../../wire/pki/cms-envelope.js'
import type { EnvelopeKey } from '../../wire/pki/cms-recipients.js'
import { MANIFEST, manifestSchema, type Manifest } from './backup-manifest.js'
import { readTar, UnsafeEntry, type ReadTarFile } from './tar.js'

const GZIP_START = Buffer.of(0x1f, 0x8b)
/** A hundred thousand files and their digests. */
const MAX_MANIFEST: Octets = 64 * 1024 * 1024

/** A backup whose every octet has been verified. */
export interface VerifiedBackup {
  readonly manifest: Manifest
  /** Content of the settings file. */
  readonly settings: Buffer
  readonly isEncrypted: boolean
}

/**
 * Reads a whole backup without keeping it: decrypts it, and compares every file with the manifest.
 *
 * @throws InterdictError BACKUP_BROKEN, BACKUP_KEY, BACKUP_ENTRY
 */
export async function verifyBackup(
  path: string,
  own: EnvelopeKey | undefined
): Promise<VerifiedBackup> {
  const found = new Map<string, { readonly size: Octets; readonly sha256: string }>()
  let settings: Buffer | undefined
  let manifest: Manifest | undefined
  for await (const file of readBackup(path, own)) {
    if (manifest !== undefined) throw broken(path, 'it has entries after its manifest')
    if (file.name === MANIFEST) {
      manifest = readManifest(path, await wholeOf(file, MAX_MANIFEST, path))
      continue
    }
    if (found.has(file.name)) throw failure('BACKUP_ENTRY', path, file.name, 'it is there twice')
    const hash = createHash('sha256')
    if (settings === undefined) hash.update((settings = await wholeOf(file, MAX_OCTETS, path)))
    else for await (const octets of file.content) hash.update(octets)
    found.set(file.name, { size: file.size, sha256: hash.digest('hex') })
  }
  if (manifest === undefined || settings === undefined) throw broken(path, 'it has no manifest')
  compare(path, manifest, found)
  return { manifest, settings, isEncrypted: await isEncrypted(path) }
}

function compare(
  path: string,
  { files, settings }: Manifest,
  found: ReadonlyMap<string, { readonly size: Octets; readonly sha256: string }>
): void {
  for (const file of files) {
    const one = found.get(file.path.slice(1))
    if (one === undefined) throw broken(path, `${file.path} is missing`)
    if (one.sha256 !== file.sha256 || one.size !== file.size)
      throw broken(path, `${file.path} differs from its SHA-256 in the manifest`)
  }
  const listed = new Set(files.map(file => file.path.slice(1)))
  for (const name of found.keys())
    if (!listed.has(name))
      throw failure('BACKUP_ENTRY', path, name, 'the manifest does not list it')
  if (files[0]?.path !== settings) throw broken(path, 'the settings are not its first file')
}

/** The files of a backup. @throws InterdictError as `verifyBackup` */
export async function* readBackup(
  path: string,
  own: EnvelopeKey | undefined
): AsyncGenerator<ReadTarFile> {
  try {
    for await (const file of readTar(await unpacked(path, own))) {
      checkName(path, file.name)
      yield { ...file, content: contentOf(path, file) }
    }
  } catch (error) {
    throw backupError(path, error)
  }
}

/** The content of a file, with the errors of the backup. */
async function* contentOf(path: string, { content }: ReadTarFile): AsyncGenerator<Buffer> {
  try {
    yield* content
  } catch (error) {
    throw backupError(path, error)
  }
}

function backupError(path: string, error: unknown): InterdictError {
  if (error instanceof InterdictError) return error as InterdictError
  if (error instanceof UnsafeEntry) return failure('BACKUP_ENTRY', path, error.entry, error.message)
  if (error instanceof WrongKey)
    return failure('BACKUP_KEY', path, 'wrong passphrase, or encrypted to another key')
  const why = reasonOf(error, path)
  return broken(path, why === 'unexpected end of file' ? 'file is truncated' : why)
}

const broken = (path: string, why: string): InterdictError => failure('BACKUP_BROKEN', path, why)

/** The archive, decrypted and decompressed. */
async function unpacked(
  path: string,
  own: EnvelopeKey | undefined
): Promise<AsyncIterable<Buffer>> {
  if (!(await isEncrypted(path))) return decompressed(createReadStream(path))
  if (own === undefined)
    throw failure('BACKUP_KEY', path, 'it is encrypted; give --passphrase-file or --key')
  return decompressed(decryptEnvelope(createReadStream(path) as AsyncIterable<Buffer>, own))
}

async function* decompressed(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip()
  let compressed = 0
  const counted = async function* () {
    for await (const octets of stream) {
      compressed += octets.length
      yield octets
    }
  }
  const fed = pipeline(counted, gunzip)
  // It also destroys the decompressor, which then throws.
  fed.catch(() => undefined)
  try {
    yield* gunzip as AsyncIterable<Buffer>
    await fed
    // Node ignores what follows.
    if (gunzip.bytesWritten !== compressed) throw new Error('data follows its end')
  } finally {
    gunzip.destroy()
  }
}

async function isEncrypted(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const start = Buffer.alloc(2)
    await file.read(start, 0, 2, 0)
    if (start.equals(ENVELOPE_START)) return true
    if (start.equals(GZIP_START)) return false
    throw new Error('it is not a backup of Interdict')
  } finally {
    await file.close()
  }
}

/** Only plain relative paths become a path below `/`. */
function checkName(path: string, name: string): void {
  const isPlain =
    name !== '' &&
    !isAbsolute(name) &&
    normalize(name) === name &&
    !name.split(sep).includes('..') &&
    !name.includes('\0')
  if (!isPlain) throw failure('BACKUP_ENTRY', path, name, 'it is not a plain relative path')
}

function readManifest(path: string, octets: Buffer): Manifest {
  let value: unknown
  try {
    value = JSON.parse(octets.toString())
  } catch (error) {
    throw broken(path, reasonOf(error))
  }
  const { format } = (value ?? {}) as { format?: unknown }
  if (typeof format === 'number' && format > 1)
    throw broken(path, `its format ${format} needs a newer version of Interdict`)
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success) throw broken(path, 'its manifest is invalid')
  return parsed.data
}

async function wholeOf({ name, size, content }: ReadTarFile, most: Octets, path: string) {
  if (size > most) throw broken(path, `${name} has ${size} bytes`)
  const parts: Buffer[] = []
  for await (const octets of content) parts.push(octets)
  return Buffer.concat(parts)
}
