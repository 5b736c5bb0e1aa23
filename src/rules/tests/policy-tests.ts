import type { Address } from '../../base/address.js'
import { failureAt, type InterdictError } from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { Seconds } from '../../base/units.js'
import { byPosition, readYaml } from '../../yaml/read.js'
import { Folder, type RuleFiles } from '../model/folder.js'
import { policyTestsSchema, type Wanted } from '../schema/policy-tests-schema.js'
import { TableReader } from './policy-table.js'

/** One row of a table: a question, and what is to become of it. */
export interface PolicyTest {
  readonly client: Address
  /** As people read it: `phone (10.20.1.1)`. */
  readonly clientText: string
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly qtype: number
  readonly protocol: 'udp' | 'tcp'
  /** Undefined: now. */
  readonly at: Seconds | undefined
  /** What the row looks at, as it is written there. */
  readonly wanted: Wanted
  /** `tests[0].rows[2]` */
  readonly path: string
  /** Where the wanted value stands; the row, where it stands beside the rows. */
  readonly positionOf: (column: keyof Wanted) => Position
}

export interface PolicyTests {
  readonly tests: readonly PolicyTest[]
  readonly errors: readonly InterdictError[]
}

/** In a rules folder. Only `interdict check` reads them: rules are in force whatever they say. */
const TESTS = 'tests'

/**
 * Reads the policy tests of a rules folder; none if it has none.
 *
 * @param timeZone that of the rules, in which times are written
 */
export async function loadPolicyTests(
  path: string | RuleFiles,
  timeZone: string
): Promise<PolicyTests> {
  const folder = typeof path === 'string' ? new Folder(path) : path
  const names = await folder.list(TESTS)
  if ('why' in names) return { tests: [], errors: [unreadable(folder, TESTS, names.why)] }
  const files = names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
  const read = await Promise.all(files.map(file => readFile(folder, `${TESTS}/${file}`, timeZone)))
  return {
    tests: read.flatMap(({ tests }) => tests),
    errors: read.flatMap(({ errors }) => errors).sort(byPosition)
  }
}

async function readFile(folder: RuleFiles, name: string, timeZone: string): Promise<PolicyTests> {
  const file = await folder.read(name)
  const why = name.endsWith('.yml') ? 'names of files of tests end in .yaml' : undefined
  if (why !== undefined) return { tests: [], errors: [unreadable(folder, name, why)] }
  if ('why' in file) return { tests: [], errors: [unreadable(folder, name, file.why)] }
  return readPolicyTests(file.octets, folder.shown(name), timeZone)
}

function unreadable(folder: RuleFiles, name: string, why: string): InterdictError {
  const position = { file: folder.shown(name), line: 1, column: 1 }
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
  const tests = read.value.tests.flatMap((table, i) => reader.of(table, ['tests', i]))
  return { tests, errors: reader.errors }
}
