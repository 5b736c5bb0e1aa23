import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto'
import type { StoredFile } from './stored-file.js'
import { VERIFY_PY } from './verify-py.js'
import { VERIFY_SH } from './verify-sh.js'

/** The files of a pack by path; `/` between folders. */
export type PackFiles = ReadonlyMap<string, Uint8Array | StoredFile>

/**
 * Adds the verifiers, the public key, a manifest of all files in the format of `sha256sum`, and its Ed25519
 * signature (RFC 8032, 64 octets). Equal files give equal octets.
 */
export function signPack(
  files: ReadonlyMap<string, string | Uint8Array>,
  key: KeyObject
): ReadonlyMap<string, Uint8Array>
export function signPack(
  files: ReadonlyMap<string, string | Uint8Array | StoredFile>,
  key: KeyObject
): PackFiles
export function signPack(
  files: ReadonlyMap<string, string | Uint8Array | StoredFile>,
  key: KeyObject
): PackFiles {
  const publicKey = createPublicKey(key).export({ format: 'pem', type: 'spki' }) as string
  const all = new Map<string, string | Uint8Array | StoredFile>([
    ...files,
    ['public-key.pem', publicKey],
    ['verify.py', VERIFY_PY],
    ['verify.sh', VERIFY_SH]
  ])
  const packed = new Map(
    [...all].sort(byPath).map(([path, content]) => {
      return [path, typeof content === 'string' ? Buffer.from(content) : content]
    })
  )
  const manifest = Buffer.from(
    [...packed].map(([path, content]) => `${sha256(content)}  ${path}\n`).join('')
  )
  return new Map<string, Uint8Array | StoredFile>([
    ...packed,
    ['SHA256SUMS', manifest],
    ['SHA256SUMS.sig', sign(null, manifest, key)]
  ])
}

function byPath([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

function sha256(content: Uint8Array | StoredFile): string {
  if (!(content instanceof Uint8Array)) return content.sha256
  return createHash('sha256').update(content).digest('hex')
}
