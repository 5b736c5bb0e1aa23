import { createHash, type Hash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { hostname } from 'node:os'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { renameDurably } from '../../base/files/atomic-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { packageVersion } from '../../base/package.js'
import { AccountIds } from '../../base/system/account-ids.js'
import type { Octets } from '../../base/units.js'
import { encryptEnvelope } from '../../wire/pki/cms-envelope.js'
import type { EnvelopeKey } from '../../wire/pki/cms-recipients.js'
import { planBackup, type BackupParts, type GatewayPlaces } from './backup-plan.js'
import { MANIFEST, type Manifest, type ManifestFile } from './backup-manifest.js'
import { tarEnd, tarHeader, tarPadding } from './tar.js'

const CHUNK: Octets = 1024 * 1024
const FILE_MODE = 0o600
const LF = 0x0a
/** Files that grow by whole lines while the gateway runs. */
const APPENDED = '.jsonl'

/** A file of a backup, open since the backup began, with as many octets as it had then. */
interface OpenFile {
  readonly path: string
  readonly handle: FileHandle
  readonly size: Octets
}

/**
 * Writes a backup, as one file with mode 0600: a tar archive, compressed by gzip, and encrypted on request.
 *
 * All files are opened before the first is copied, the chain before the log that it covers. Those that are replaced
 * by a rename meanwhile are copied as they were, and those that grow are cut off at the end of a line.
 *
 * @param output must not exist
 * @throws InterdictError BACKUP_READ, BACKUP_WRITE
 */
export async function writeBackup(
  output: string,
  places: GatewayPlaces,
  parts: BackupParts,
  to: EnvelopeKey | undefined
): Promise<Manifest> {
  const { paths, missing } = attempt(places.settings, () => planBackup(places, parts))
  const files: OpenFile[] = []
  const temporary = `${output}.half`
  try {
    for (const path of paths) files.push(await openFile(path))
    const manifest: Manifest = {
      ...{ format: 1, version: packageVersion(), createdAt: new Date().toISOString() },
      ...{ host: hostname(), settings: places.settings, ...parts, files: [], missing: [...missing] }
    }
    const encrypt = (packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> =>
      to === undefined ? packed : encryptEnvelope(packed, to)
    const target = createWriteStream(temporary, { mode: FILE_MODE, flags: 'wx' })
    await pipeline(archive(files, manifest), createGzip(), encrypt, target)
    renameDurably(temporary, output)
    return manifest
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(temporary, { force: true })
    if (error instanceof InterdictError) throw error
    throw failure('BACKUP_WRITE', output, reasonOf(error, temporary))
  } finally {
    for (const { handle } of files) await handle.close()
  }
}

async function openFile(path: string): Promise<OpenFile> {
  try {
    // A pipe in the place of a file must not block.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const size = await sizeOf(handle, path)
      return { path, handle, size }
    } catch (error) {
      await handle.close()
      throw error
    }
  } catch (error) {
    throw failure('BACKUP_READ', path, reasonOf(error, path))
  }
}

/** Without the part of a line that is being written. */
async function sizeOf(handle: FileHandle, path: string): Promise<Octets> {
  const stats = await handle.stat()
  if (!stats.isFile()) throw new Error('it is not a regular file')
  let end = stats.size
  if (!path.endsWith(APPENDED)) return end
  const octets = Buffer.alloc(64 * 1024)
  while (end > 0) {
    const from = Math.max(0, end - octets.length)
    const { bytesRead } = await handle.read(octets, 0, end - from, from)
    const at = octets.subarray(0, bytesRead).lastIndexOf(LF)
    if (at !== -1) return from + at + 1
    end = from
  }
  // Not one whole line: a file that only looks like such a log.
  return stats.size
}

/** Fills the manifest on the way, and ends with it. */
async function* archive(files: readonly OpenFile[], manifest: Manifest): AsyncGenerator<Buffer> {
  const users = new AccountIds('/etc/passwd')
  const groups = new AccountIds('/etc/group')
  for (const file of files) {
    const { mode, uid, gid, mtime } = await file.handle.stat()
    const owner = { uid, gid, user: users.nameOf(uid), group: groups.nameOf(gid) }
    const entry = { path: file.path, size: file.size, mode: mode & 0o777, ...owner }
    yield tarHeader({ ...entry, name: nameOf(file.path), mtime })
    const hash = createHash('sha256')
    yield* contentOf(file, hash)
    yield tarPadding(file.size)
    manifest.files.push({ ...entry, sha256: hash.digest('hex') } satisfies ManifestFile)
  }
  const octets = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`)
  const size = octets.length
  const owner = { uid: 0, gid: 0, user: '', group: '' }
  yield tarHeader({ name: MANIFEST, size, mode: FILE_MODE, ...owner, mtime: new Date() })
  yield octets
  yield tarPadding(size)
  yield tarEnd
}

/** The name of a file in the archive: its path without the first `/`. */
const nameOf = (path: string): string => path.replace(/^\/+/, '')

async function* contentOf({ path, handle, size }: OpenFile, hash: Hash): AsyncGenerator<Buffer> {
  for (let at = 0; at < size;) {
    const octets = Buffer.allocUnsafe(Math.min(CHUNK, size - at))
    const { bytesRead } = await handle.read(octets, 0, octets.length, at)
    if (bytesRead === 0)
      throw failure('BACKUP_READ', path, 'it became shorter meanwhile; run the backup again')
    const read = octets.subarray(0, bytesRead)
    hash.update(read)
    at += bytesRead
    yield read
  }
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw failure('BACKUP_READ', (error as NodeJS.ErrnoException).path ?? path, reasonOf(error))
  }
}
