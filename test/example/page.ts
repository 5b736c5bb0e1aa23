import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { PROGRAM } from '../cli/run.js'
import { writeWeek } from './week.js'

/** Pages whose commands are run in order, in a folder each, with its files as they stand above. */
export const PAGES = [
  'docs/guides/belgium.md',
  'docs/guides/replay.md',
  'docs/guides/reports.md'
] as const

/** What other programs have written, which pages find in `logs/`. */
const LOGS = 'test/example/logs'

const FENCE = /^```(yaml|console)\n([\s\S]*?)^```$/gm

/**
 * The page with what its commands say now. A `yaml` block is a file of `rules/`, named by its first
 * line; in a `console` block `$` begins a command, and what it says is below it.
 *
 * @param folder empty
 */
export async function pageNow(path: (typeof PAGES)[number], folder: string): Promise<string> {
  const page = readFileSync(path, 'utf8')
  cpSync(LOGS, join(folder, 'logs'), { recursive: true })
  if (path === 'docs/guides/reports.md') {
    writeWeek(join(folder, 'log'))
    cpSync('rules/apps', join(folder, 'rules/apps'), { recursive: true })
  }
  let made = ''
  let end = 0
  for (const match of page.matchAll(FENCE)) {
    const [whole, kind, text] = match
    made += page.slice(end, match.index)
    end = match.index + whole.length
    if (kind === 'yaml') putFile(folder, text!)
    made += kind === 'yaml' ? whole : `\`\`\`console\n${await runAll(folder, text!)}\`\`\``
  }
  return made + page.slice(end)
}

function putFile(folder: string, text: string): void {
  const name = /^# (\S+)\n/.exec(text)![1]!
  const path = join(folder, 'rules', name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

async function runAll(folder: string, text: string): Promise<string> {
  let said = ''
  for (const [line, command] of text.matchAll(/^\$ (.*)$/gm)) {
    said += `${line}\n${await run(folder, command!)}`
  }
  return said
}

/** What a shell shows in which `interdict` is the program that is shipped. */
function run(folder: string, command: string): Promise<string> {
  const program = `interdict() { "${process.execPath}" "${resolve(PROGRAM)}" "$@"; }`
  return new Promise(done => {
    // Without tap's hooks: to load them takes longer than most commands.
    const words = ['-u', 'NODE_OPTIONS', 'sh', '-c', `${program}; ${command} 2>&1`]
    execFile('env', words, { cwd: folder, timeout: 60_000 }, (_error, out) => done(out))
  })
}
