/** Regenerates the worked-example pages with the current output of their commands. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pageNow, PAGES } from './page.js'

for (const page of PAGES) {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-example-'))
  writeFileSync(page, await pageNow(page, folder))
  rmSync(folder, { recursive: true })
}
