import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Header } from 'tar'
import type { EnvelopeKey } from '../../src/wire/pki/cms-recipients.js'
import { encryptEnvelope } from '../../src/wire/pki/cms-envelope.js'

/** An entry of an archive that no Interdict has written. */
export interface Entry {
  readonly name: string
  readonly text?: string
  readonly type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice'
  readonly linkpath?: string
}

/** A tar archive of these entries. */
export function tarOf(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ name, text = '', type = 'File', linkpath }) => {
    const block = Buffer.alloc(512)
    const size = Buffer.byteLength(text)
    const link = linkpath === undefined ? {} : { linkpath }
    new Header({ path: name, mode: 0o600, size, type, ...link }).encode(block)
    return [block, Buffer.from(text), Buffer.alloc((512 - (size % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

/** The manifest for files of an archive. @param files the settings first */
export function manifestOf(files: readonly Entry[]): Entry {
  const [settings] = files
  const facts = { version: '0', createdAt: '2026-12-01T00:00:00.000Z', host: 'test', missing: [] }
  const owner = { uid: 0, gid: 0, user: '', group: '' }
  const listed = files.map(({ name, text = '' }) => {
    const sha256 = createHash('sha256').update(text).digest('hex')
    return { path: `/${name}`, size: Buffer.byteLength(text), sha256, mode: 0o600, ...owner }
  })
  const parts = { queryLog: false, pseudonymKeys: false }
  const value = { format: 1, ...facts, settings: `/${settings!.name}`, ...parts, files: listed }
  return { name: 'interdict-backup.json', text: JSON.stringify(value) }
}

/** Writes a backup of these entries, with their manifest. */
export function writeArchive(
  path: string,
  files: readonly Entry[],
  ...more: readonly Entry[]
): void {
  writeFileSync(path, gzipSync(tarOf([...files, ...more, manifestOf(files)])))
}

/** A whole envelope. */
export async function envelopeOf(content: Buffer, key: EnvelopeKey): Promise<Buffer> {
  const parts: Buffer[] = []
  const source = async function* () {
    yield await Promise.resolve(content)
  }
  for await (const octets of encryptEnvelope(source(), key)) parts.push(octets)
  return Buffer.concat(parts)
}
