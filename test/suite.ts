/**
 * Runs a suite, or what it has in some folders, in this process: `node dist/test/suite.js NAME [FOLDER...]`.
 */
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { suites } from './suites.js'

const [name, ...folders] = process.argv.slice(2)
const suite = suites(folders).find(suite => suite.name === name)
if (suite === undefined) throw new Error(`no suite ${name}`)

// No other test starts before this one ends. A test that looks at a socket or pipe would disturb the
// loading of modules: fs.realpathSync of Node 20 and 22 then takes a symbolic link for a folder.
await t.test('loads its tests', async () => {
  for (const file of suite.files) await import(pathToFileURL(file).href)
})
