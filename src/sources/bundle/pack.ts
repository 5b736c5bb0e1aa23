import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileTooLarge, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { isValidName, MAX_FILES, MAX_CONTENT, type Content } from './content.js'

/**
 * Reads all files of a folder and its subfolders, except hidden files and editor backups. Symbolic
 * links are followed; their target is packed as a regular file.
 *
 * @throws InterdictError BUNDLE_PACK
 */
export async function readContent(folder: string): Promise<Content> {
  const content = new Map<string, Uint8Array>()
  let room = MAX_CONTENT
  for await (const name of namesIn(folder, '')) {
    if (content.size === MAX_FILES) throw refuse(folder, `it has more than ${MAX_FILES} files`)
    const octets = await readAt(folder, name, room)
    room -= octets.length
    content.set(name, octets)
  }
  return content
}

async function* namesIn(folder: string, within: string): AsyncGenerator<string> {
  const names = await orRefuse(folder, within, readdir(join(folder, within)))
  for (const one of names.sort()) {
    if (one.startsWith('.') || one.endsWith('~')) continue
    const name = `${within}${one}`
    // Symbolic links to a parent folder make names longer and longer: the limits end the recursion.
    if (!isValidName(name))
      throw refuse(folder, `${JSON.stringify(name)} is too deep, or not a valid file name`)
    const found = await orRefuse(folder, name, stat(join(folder, name)))
    if (found.isDirectory()) yield* namesIn(folder, `${name}/`)
    else if (found.isFile()) yield name
    else throw refuse(folder, `${name} is not a regular file`)
  }
}

async function readAt(folder: string, name: string, room: Octets): Promise<Uint8Array> {
  const path = join(folder, name)
  const octets = await orRefuse(
    folder,
    name,
    readBoundedFile(path, room).catch((error: unknown) => {
      if (error instanceof FileTooLarge) return undefined
      throw error
    })
  )
  if (octets === undefined) throw refuse(folder, `it has more than ${MAX_CONTENT} bytes`)
  return octets
}

async function orRefuse<T>(folder: string, name: string, doing: Promise<T>): Promise<T> {
  try {
    return await doing
  } catch (error) {
    const why = reasonOf(error)
    throw refuse(folder, name === '' ? why : `${name}: ${why}`)
  }
}

function refuse(folder: string, why: string): InterdictError {
  return failure('BUNDLE_PACK', folder, why)
}
