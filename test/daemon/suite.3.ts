import { runFolder } from '../suite.js'

await runFolder(import.meta.url, { part: 3, of: 4 })
