/**
 * Runs a suite, or what it has in some folders, in this process: `node dist/test/suite.js NAME [FOLDER...]`.
 */
import { pathToFileURL } from 'node:url'
import { suites } from './suites.js'

const [name, ...folders] = process.argv.slice(2)
const suite = suites(folders).find(suite => suite.name === name)
if (suite === undefined) throw new Error(`no suite ${name}`)
for (const file of suite.files) await import(pathToFileURL(file).href)
