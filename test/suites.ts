import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Compiled tests that run in one process: a process for each file would take a second longer per file. */
export interface Suite {
  readonly name: string
  readonly files: readonly string[]
}

const TESTS = 'dist/test'

/**
 * The folders of each suite, and over how many processes their files are spread: those that take longest
 * first, so that the last to end is short. One suite has all other folders.
 */
const SUITES = [
  { name: 'daemon', folders: ['daemon'], processes: 4 },
  { name: 'cli', folders: ['cli'], processes: 2 },
  { name: 'querylog', folders: ['querylog'], processes: 1 },
  { name: 'others', folders: [], processes: 1 },
  { name: 'resolver', folders: ['resolver', 'server', 'udp', 'upstream'], processes: 1 },
  { name: 'example', folders: ['example'], processes: 1 },
  { name: 'report', folders: ['report', 'replay'], processes: 1 },
  { name: 'policy', folders: ['policy', 'cache', 'rules'], processes: 1 },
  { name: 'sources', folders: ['sources'], processes: 1 }
] as const
const [OTHERS] = SUITES.filter(({ folders }) => folders.length === 0)

/**
 * Every `*.test.js`, each in one suite.
 *
 * @param folders of `dist/test`: only the tests below these; none for all tests
 */
export function suites(folders: readonly string[] = []): Suite[] {
  const wanted = folders.map(folder => `${folder.replace(/\/+$/, '')}/`)
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.js'))
    .filter(file => wanted.length === 0 || wanted.some(folder => file.startsWith(folder)))
    .sort()
  const suiteOf = (file: string) =>
    SUITES.find(suite => suite.folders.some(folder => file.startsWith(`${folder}/`))) ?? OTHERS
  return SUITES.flatMap(suite => {
    const own = files.filter(file => suiteOf(file) === suite)
    return Array.from({ length: suite.processes }, (_, part) => ({
      name: suite.processes === 1 ? suite.name : `${suite.name}-${part + 1}`,
      files: own.filter((_, i) => i % suite.processes === part).map(file => join(TESTS, file))
    }))
  }).filter(suite => suite.files.length > 0)
}
