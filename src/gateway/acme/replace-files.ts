import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type Stats
} from 'node:fs'
import { dirname } from 'node:path'
import { syncFolder } from '../../base/files/atomic-file.js'
import { createParentFolder } from '../../base/files/parent-folder.js'

/** chmod(2): of a new certificate and a new key. */
const CERTIFICATE_MODE = 0o644
const KEY_MODE = 0o600
/** No user but owner and group, whatever the mode of a previous key. */
const NOT_OTHERS = 0o770
const ANY = 0o777
const FOLDER_MODE = 0o755

/** A certificate with its chain and its private key, in PEM. */
export interface CertificateText {
  readonly certificate: string
  readonly key: string
}

/**
 * Replaces a certificate and its key. Both are on disk under temporary names before the first is renamed,
 * so that the two belong together except for an instant. Mode and owner of the previous files are kept; new
 * files belong to the owner of their folder. Links are followed. Throws the system's error; then, the
 * previous files are untouched, unless the second of the two renames fails.
 *
 * @param paths of the two files; the same path twice is one file with both
 */
export function replaceFiles(paths: CertificateText, text: CertificateText): void {
  const isOne = paths.certificate === paths.key
  const files = isOne
    ? [fileFor(paths.key, text.certificate + text.key, KEY_MODE, NOT_OTHERS)]
    : [
        fileFor(paths.key, text.key, KEY_MODE, NOT_OTHERS),
        fileFor(paths.certificate, text.certificate, CERTIFICATE_MODE, ANY)
      ]
  replaceAll(files)
}

/** Replaces a file with a secret, in the same way. */
export function replaceSecret(path: string, text: string): void {
  replaceAll([fileFor(path, text, KEY_MODE, NOT_OTHERS)])
}

function replaceAll(files: readonly NewFile[]): void {
  try {
    for (const file of files) write(file)
    for (const { temporary, path } of files) renameSync(temporary, path)
  } catch (error) {
    for (const { temporary } of files) rmSync(temporary, { force: true })
    throw error
  }
  for (const { path } of files) syncFolder(dirname(path))
}

interface NewFile {
  readonly path: string
  readonly temporary: string
  readonly text: string
  readonly mode: number
  /** Undefined: the owner of the folder. */
  readonly previous: Stats | undefined
}

/** @param allowed bits of the mode that a previous file may keep */
function fileFor(path: string, text: string, defaultMode: number, allowed: number): NewFile {
  const previous = statSync(path, { throwIfNoEntry: false })
  const target = previous === undefined ? path : realpathSync(path)
  const mode = previous === undefined ? defaultMode : previous.mode & allowed
  const temporary = `${target}.${randomBytes(8).toString('hex')}.half`
  return { path: target, temporary, text, mode, previous }
}

function write({ path, temporary, text, mode, previous }: NewFile): void {
  createParentFolder(path, FOLDER_MODE)
  const { uid, gid } = previous ?? statSync(dirname(path))
  const file = openSync(temporary, 'wx', KEY_MODE)
  try {
    writeSync(file, text)
    if (process.getuid?.() === 0) fchownSync(file, uid, gid)
    fchmodSync(file, mode)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
