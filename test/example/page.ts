import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { combinedOutput, PROGRAM } from '../cli/run.js'
import { archiveWeek, writeWeek } from './week.js'

/** Pages whose commands are run in order, each page in its own folder. */
export const PAGES = [
  'docs/getting-started.md',
  'docs/guides/belgium.md',
  'docs/guides/exceptions.md',
  'docs/guides/block-lists.md',
  'docs/guides/rpz.md',
  'docs/guides/migrating.md',
  'docs/guides/replay.md',
  'docs/guides/bans.md',
  'docs/guides/policy-tests.md',
  'docs/guides/reports.md'
] as const

/** Logs of other programs, which the pages find in `logs/`. */
const LOGS = 'test/example/logs'

const FENCE = /^```(yaml|console)\n([\s\S]*?)^```$/gm

/**
 * The page with the current output of its commands. A `yaml` block is a file of `rules/`, named by
 * its first line, or `interdict.yaml`; in a `console` block `$` begins a command, and its output
 * follows.
 *
 * @param folder empty
 */
export async function pageNow(path: (typeof PAGES)[number], folder: string): Promise<string> {
  const page = readFileSync(path, 'utf8')
  cpSync(LOGS, join(folder, 'logs'), { recursive: true })
  if (path === 'docs/getting-started.md')
    cpSync('rules', join(folder, 'rules'), { recursive: true })
  if (path === 'docs/guides/reports.md') {
    await archiveWeek(writeWeek(join(folder, 'log')))
    cpSync('rules/apps', join(folder, 'rules/apps'), { recursive: true })
  }
  let text = ''
  let end = 0
  for (const match of page.matchAll(FENCE)) {
    const [whole, kind, block] = match
    text += page.slice(end, match.index)
    end = match.index + whole.length
    if (kind === 'yaml') writeRuleFile(folder, block!)
    text += kind === 'yaml' ? whole : `\`\`\`console\n${await runAll(folder, block!)}\`\`\``
  }
  return text + page.slice(end)
}

function writeRuleFile(folder: string, text: string): void {
  const name = /^# (\S+)\n/.exec(text)![1]!
  const path = join(folder, name === 'interdict.yaml' ? '' : 'rules', name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

async function runAll(folder: string, text: string): Promise<string> {
  let output = ''
  for (const [line, command] of text.matchAll(/^\$ (.*)$/gm)) {
    output += `${line}\n${await run(folder, command!)}`
  }
  return output
}

/** Width of the terminal that the pages show. */
const COLUMNS = 80

/** A word, or one in quotes in which the shell would replace nothing. */
const WORD = /[\w./:=,@%+-]+|"([^"$`\\]*)"|'([^']*)'/g
/** A command of such words, which may print its exit code. */
const PLAIN = new RegExp(
  `^interdict(?<words>( +(${WORD.source}))+)(?<exitCode>; echo "exit code \\$\\?")?$`
)

/** The output of a command: of `interdict` in this process, of anything else by the shell. */
async function run(folder: string, command: string): Promise<string> {
  const { words, exitCode } = PLAIN.exec(command)?.groups ?? {}
  if (words === undefined) return runInShell(folder, command)
  const plain = Array.from(
    words.matchAll(WORD),
    ([word, double, single]) => double ?? single ?? word
  )
  const home = process.cwd()
  process.chdir(folder)
  try {
    const { code, out } = await combinedOutput(COLUMNS, ...plain)
    return exitCode === undefined ? out : `${out}exit code ${code}\n`
  } finally {
    process.chdir(home)
  }
}

/** The output of a shell command in which `interdict` is the bundled program. */
function runInShell(folder: string, command: string): Promise<string> {
  const program = `interdict() { "${process.execPath}" "${resolve(PROGRAM)}" "$@"; }`
  return new Promise(done => {
    // Without tap's hooks, which take longer to load than most commands run.
    const words = ['-u', 'NODE_OPTIONS', 'sh', '-c', `${program}; ${command} 2>&1`]
    execFile('env', words, { cwd: folder, timeout: 600_000 }, (_error, out) => done(out))
  })
}
