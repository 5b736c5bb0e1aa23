import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** A share of the files, for folders whose tests wait more than they compute. */
interface Share {
  /** From 1. */
  readonly part: number
  readonly of: number
}

/**
 * Runs the tests of a folder, and of those below it, in this process: every `*.test.js`, so that a
 * new file needs no entry. A process of its own would cost each file a second before its first
 * assertion.
 *
 * @param suite `import.meta.url` of the calling file, which is in that folder
 */
export async function runFolder(suite: string, { part, of }: Share = { part: 1, of: 1 }) {
  const folder = dirname(fileURLToPath(suite))
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js'))
    .sort()
  for (const [i, file] of files.entries()) {
    if (i % of === part - 1) await import(pathToFileURL(join(folder, file)).href)
  }
}
