import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { renameDurably } from '../../../base/files/atomic-file.js'
import { createParentFolder } from '../../../base/files/parent-folder.js'
import type { PackFiles } from '../../../analysis/evidence/sign-pack.js'
import { writeZip } from '../../../analysis/evidence/zip.js'

/**
 * Writes a pack as a folder, or as a ZIP file if its name ends in `.zip`.
 *
 * @param make gets a folder for large files, which is on the same disk, and removed afterwards
 * @throws InterdictError CLI_OUTPUT
 */
export async function withOutput(
  output: string,
  make: (folder: string) => Promise<PackFiles>
): Promise<PackFiles> {
  const failed = (error: unknown) => failure('CLI_OUTPUT', output, reasonOf(error, output))
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw failed(error)
    }
  }
  const folder = attempt(() => temporaryFolder(output))
  try {
    const pack = await make(folder)
    attempt(() => write(pack, output, folder))
    return pack
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function temporaryFolder(output: string): string {
  // Other files there would not be in the manifest.
  if (!output.endsWith('.zip') && existsSync(output) && readdirSync(output).length > 0)
    throw new Error('the folder is not empty')
  createParentFolder(output)
  return mkdtempSync(join(dirname(resolve(output)), '.evidence-'))
}

function write(pack: PackFiles, output: string, folder: string): void {
  if (output.endsWith('.zip')) {
    const temporary = join(folder, 'pack.zip')
    const descriptor = openSync(temporary, 'wx')
    writeZip(descriptor, pack)
    closeSync(descriptor)
    renameDurably(temporary, output)
    return
  }
  for (const [path, content] of pack) {
    const place = join(output, path)
    createParentFolder(place)
    if (content instanceof Uint8Array) writeFileSync(place, content)
    else move(content.path, place)
  }
}

/** The output may be a mount point. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    copyFileSync(from, to)
  }
}
