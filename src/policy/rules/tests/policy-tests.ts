import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { compareByPosition, readYaml } from '../../yaml/read.js'
import { RulesFolder, type RuleFiles } from '../model/folder.js'
import { policyTestsSchema } from '../schema/policy-tests-schema.js'
import { TableReader, type PolicyTest } from './policy-table.js'

export interface PolicyTests {
  readonly tests: readonly PolicyTest[]
  readonly errors: readonly InterdictError[]
}

/** Subfolder of the rules. Tests decide whether rules become active, and nothing else. */
export const TESTS = 'tests'

/** Names of the test files, as in the rules. */
export async function testFileNames(
  folder: RuleFiles
): Promise<readonly string[] | { readonly why: string }> {
  const names = await folder.listFolder(TESTS)
  if ('why' in names) return names
  const files = names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
  return files.map(file => `${TESTS}/${file}`)
}

/**
 * Reads the policy tests of a rules folder, if it has any.
 *
 * @param timeZone of the rules, for times without an offset
 */
export async function loadPolicyTests(
  path: string | RuleFiles,
  timeZone: string
): Promise<PolicyTests> {
  const folder = typeof path === 'string' ? new RulesFolder(path) : path
  const names = await testFileNames(folder)
  if ('why' in names) return { tests: [], errors: [unreadable(folder, TESTS, names.why)] }
  const read = await Promise.all(names.map(name => readFile(folder, name, timeZone)))
  return {
    tests: read.flatMap(({ tests }) => tests),
    errors: read.flatMap(({ errors }) => errors).sort(compareByPosition)
  }
}

async function readFile(folder: RuleFiles, name: string, timeZone: string): Promise<PolicyTests> {
  const file = await folder.read(name)
  const why = name.endsWith('.yml') ? 'test file names must end in .yaml' : undefined
  if (why !== undefined) return { tests: [], errors: [unreadable(folder, name, why)] }
  if ('why' in file) return { tests: [], errors: [unreadable(folder, name, file.why)] }
  return readPolicyTests(file.octets, folder.displayName(name), timeZone)
}

function unreadable(folder: RuleFiles, name: string, why: string): InterdictError {
  const position = { file: folder.displayName(name), line: 1, column: 1 }
  return failureAt(position, 'RULES_UNREADABLE', name, why)
}

/** Reads one file. @param shown its name in messages */
export function readPolicyTests(
  source: Uint8Array | string,
  shown: string,
  timeZone: string
): PolicyTests {
  const read = readYaml(source, shown, policyTestsSchema)
  if (!read.ok) return { tests: [], errors: read.errors }
  const reader = new TableReader(read, timeZone)
  const tests = read.value.tests.flatMap((table, i) => reader.readTable(table, ['tests', i]))
  return { tests, errors: reader.errors }
}
