/** Writes the worked example anew, with what its commands say now. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PAGE, pageNow } from './page.js'

const folder = mkdtempSync(join(tmpdir(), 'interdict-example-'))
writeFileSync(PAGE, await pageNow(folder))
rmSync(folder, { recursive: true })
