/**
 * `npm test [-- [--tap] [FOLDER...]]`: runs all tests, or those of some folders of `test/`, several
 * suites at a time. Prints a line for each suite, and what failed; with `--tap`, everything.
 *
 * The suites do not run under the program `tap`: it loads hooks for coverage and mocks into each
 * process and each of its threads, which costs 0.3 CPU seconds each time.
 */
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { parseArgs } from 'node:util'
import t from 'tap'
import { suites } from './suites.js'

/** More than the cores of small machines, since some suites mostly wait. */
const JOBS = 6
/**
 * V8 begins with 1 MB for new objects, and takes what outlives two such small rounds for old: it then marks the
 * whole heap in each thread that starts, and often in the processes of the suites. Before Node 24, the code that V8 compiled
 * for the packed program is not valid with these flags.
 */
const V8_FLAGS =
  parseInt(process.versions.node) < 24
    ? []
    : ['--min-semi-space-size=16', '--max-semi-space-size=32']
/**
 * How long a suite may take, in milliseconds: on a busy machine many times as long as alone. Each thread that ends writes
 * what it has covered, which takes longer than most tests.
 */
const TIMEOUT = process.env.NODE_V8_COVERAGE === undefined ? 600_000 : 3_600_000
/** A file system in memory (Linux), and the space that must be free there: the tests use up to 70 MB. */
const MEMORY = { path: '/dev/shm', octets: 2 ** 30 } as const

const { values, positionals } = parseArgs({
  options: { tap: { type: 'boolean', default: false } },
  allowPositionals: true
})
const all = suites(positionals)
if (all.length === 0) throw new Error(`no tests in ${positionals.join(', ')}`)

const temporary = process.env.TMPDIR === undefined ? memoryFolder() : undefined
if (temporary !== undefined) {
  process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))
}

t.setTimeout(0)
t.jobs = JOBS
if (values.tap) t.pipe(process.stdout)
else printFailures()
for (const { name } of all) {
  // Without the hooks that t.spawn adds.
  const node = [`NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''}`, process.execPath]
  void t.spawn('env', [...node, ...V8_FLAGS, 'dist/test/suite.js', name, ...positionals], {
    ...{ name, buffered: true, at: null, stack: '', timeout: TIMEOUT },
    env: {
      ...process.env,
      TAP_TIMEOUT: String(TIMEOUT / 1000),
      ...(temporary === undefined ? {} : { TMPDIR: temporary })
    }
  })
}

/** A new folder in memory: the tests write, sync and remove thousands of small files. */
function memoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(MEMORY.path)
    if (bavail * bsize < MEMORY.octets) return undefined
    const folder = mkdtempSync(join(MEMORY.path, 'interdict-'))
    // Some tests become another user.
    chmodSync(folder, 0o711)
    return folder
  } catch {
    return undefined
  }
}

/** Prints TAP without comments and the tests that passed, except whole suites and the number of tests. */
function printFailures(): void {
  t.register()
  const lines = createInterface(t.pipe(new PassThrough()))
  lines.on('line', line => {
    if (!/^ +(ok |#)|^# (Subtest|time=)|^ *\d+\.\.\d+$|^\s*$/.test(line))
      process.stdout.write(`${line}\n`)
  })
}
