import { stat } from 'node:fs/promises'

/** The fingerprint of a missing file. */
const ABSENT = '-'

/**
 * A text that changes when a file or folder is written, replaced, created or deleted; its first word
 * (device and inode) only when a different file is at the path. Follows symbolic links, so that it
 * changes when a link anywhere on the path is swapped.
 */
export async function fingerprintOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined)
  if (stats === undefined) return ABSENT
  const { dev, ino, size, mtimeNs, ctimeNs } = stats
  return `${dev}:${ino} ${size}:${mtimeNs}:${ctimeNs}`
}
