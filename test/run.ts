/**
 * `npm test [-- [--tap] [--suites NAME,...] [FOLDER...]]`: runs all tests, or those of some folders of `test/`, several
 * suites at a time. Prints a line for each suite, and what failed; with `--tap`, everything; with `--suites`, only
 * these.
 *
 * The suites do not run under the program `tap`: it loads hooks for coverage and mocks into each
 * process and each of its threads, which costs 0.3 CPU seconds each time, and to parse again what all of them
 * print costs 2.5.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
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
 * How long a suite may print nothing, in milliseconds. How long it takes as a whole is no sign that it hangs: on a busy machine
 * many times as long as alone. With coverage, each thread that ends writes what it has covered, which takes longer than
 * most tests.
 */
const SILENCE = process.env.NODE_V8_COVERAGE === undefined ? 600_000 : 3_600_000
/** How long a suite may take to say which test hangs. */
const LAST_WORDS = 60_000
/** A file system in memory (Linux), and the space that must be free there: the tests use up to 70 MB. */
const MEMORY = { path: '/dev/shm', octets: 2 ** 30 } as const

const FAILURE = /^ *not ok \d+ (?!.*# (TODO|SKIP))/
/** What a suite prints in the end: `# { total: 4, pass: 4 }`. */
const TOTALS = /^# \{ (.*) \}$/

const { values, positionals } = parseArgs({
  options: { tap: { type: 'boolean', default: false }, suites: { type: 'string' } },
  allowPositionals: true
})
const named = values.suites?.split(',').filter(name => name !== '')
const all = suites(positionals).filter(({ name }) => named?.includes(name) ?? true)
if (all.length === 0) throw new Error(`no tests in ${positionals.join(', ')}`)

const temporary = process.env.TMPDIR === undefined ? memoryFolder() : undefined
if (temporary !== undefined) {
  process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))
}

/** A suite that has ended: what it printed, in TAP, and whether it ended as it should. */
interface Ended {
  readonly lines: readonly string[]
  readonly isOk: boolean
}

const totals = new Map<string, number>()
const waiting = [...all]
let ended = 0
await Promise.all(Array.from({ length: JOBS }, runWaiting))
process.stdout.write(`1..${all.length}\n`)
const counts = Array.from(totals, ([what, count]) => `${what}: ${count}`)
process.stdout.write(`# { ${counts.join(', ')} }\n# time=${Math.round(performance.now())}ms\n`)

async function runWaiting(): Promise<void> {
  for (let suite = waiting.shift(); suite !== undefined; suite = waiting.shift()) {
    const start = performance.now()
    const { lines, isOk } = await runSuite(suite.name)
    if (!isOk) process.exitCode = 1
    for (const line of lines) count(line)
    const shown = values.tap
      ? [`# Subtest: ${suite.name}`, ...lines.map(indented)]
      : failures(lines)
    const time = `# time=${Math.round(performance.now() - start)}ms`
    const result = `${isOk ? '' : 'not '}ok ${++ended} - ${suite.name} ${time}`
    process.stdout.write([...shown, result, ''].join('\n'))
  }
}

/** Runs a suite in a process of its own. */
function runSuite(name: string): Promise<Ended> {
  const child = spawn(process.execPath, [...V8_FLAGS, 'dist/test/suite.js', name, ...positionals], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TAP_TIMEOUT: '0',
      ...(temporary === undefined ? {} : { TMPDIR: temporary })
    }
  })
  let output = ''
  // At this signal, tap prints which test it is.
  const silence = setTimeout(() => child.kill('SIGALRM'), SILENCE)
  const hang = setTimeout(() => child.kill('SIGKILL'), SILENCE + LAST_WORDS)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    silence.refresh()
    hang.refresh()
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(silence)
      clearTimeout(hang)
      const lines = output.split('\n').filter(line => line !== '' && line !== 'TAP version 14')
      // A process that ends too early has neither failures nor totals.
      const isWhole = lines.some(line => TOTALS.test(line))
      const isOk = code === 0 && isWhole && !lines.some(line => FAILURE.test(line))
      if (!isOk) lines.push(`exit code ${code}, signal ${signal}`)
      resolve({ lines, isOk })
    })
  })
}

function count(line: string): void {
  const [, counts = ''] = TOTALS.exec(line) ?? []
  for (const [, what, number] of counts.matchAll(/(\w+): (\d+)/g)) {
    totals.set(what!, (totals.get(what!) ?? 0) + Number(number))
  }
}

function indented(line: string): string {
  return `    ${line}`
}

/** TAP without comments, what passed, and empty lines. */
function failures(lines: readonly string[]): string[] {
  return lines.filter(line => !/^ *(ok |#|\d+\.\.\d+$|$)/.test(line)).map(indented)
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
