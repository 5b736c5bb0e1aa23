import { runFolder } from '../suite.js'

await runFolder(import.meta.url, { part: 4, of: 4 })
