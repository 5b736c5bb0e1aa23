/**
 * Regenerates the guides with the current output of their commands: all of them, or those named, such as
 * docs/guides/replay.md, then with new times and keys, too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PAGES } from './guides.js'
import { pageNow } from './page.js'

const named = process.argv.slice(2)
for (const page of PAGES.filter(path => named.length === 0 || named.includes(path))) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-example-'))
  writeFileSync(page, await pageNow(page, folder, named.length > 0))
  rmSync(folder, { recursive: true })
}
