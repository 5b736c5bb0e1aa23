import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileTooLarge, readBoundedFile } from '../../base/files/bounded-file.js'
import type { Octets } from '../../base/units.js'
import type { Config } from '../../gateway/config/config.js'
import { decodeBundle } from '../../sources/bundle/bundle.js'
import type { Content } from '../../sources/bundle/content.js'
import { readContent } from '../../sources/bundle/pack.js'

/** Larger files are not edited through the API. */
const MAX_FILE: Octets = 16 * 1024 * 1024

/** All files of the configured rules. @throws InterdictError BUNDLE_PACK, BUNDLE_UNREADABLE and others of a bundle */
export async function configuredContent({ rules, bundle }: Config): Promise<Content> {
  if (bundle === undefined) return readContent(rules)
  return (await decodeBundle(readFileSync(rules), rules)).content
}

/** Some files of the configured rules: lists may be large, and are not read for it. Missing ones are left out. */
export async function readConfigured(config: Config, names: Iterable<string>): Promise<Content> {
  const wanted = new Set(names)
  if (wanted.size === 0) return new Map()
  if (config.bundle !== undefined) return configuredContent(config)
  const found = new Map<string, Uint8Array>()
  for (const name of wanted) {
    const octets = await readFile(join(config.rules, name))
    if (octets !== undefined) found.set(name, octets)
  }
  return found
}

async function readFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readBoundedFile(path, MAX_FILE)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof FileTooLarge || code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
