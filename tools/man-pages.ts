/** Writes the manual pages of the program and its commands: `node dist/tools/man-pages.js FOLDER`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manPages } from './man-page.js'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('give the folder to write to')
mkdirSync(folder, { recursive: true })
for (const { file, text } of manPages()) writeFileSync(join(folder, file), text)
