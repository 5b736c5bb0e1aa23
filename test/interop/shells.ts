/**
 * The shells themselves complete commands by the scripts of `interdict completion`, and man and groff
 * format the manual pages without warnings.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { completionScript } from '../../src/cli/completion/script.js'
import { createProgram } from '../../src/cli/run.js'
import { manPages } from '../../tools/man-page.js'
import { install } from '../../tools/install.js'

t.setTimeout(300_000)
install('bash', 'zsh', 'fish', 'man', 'groff')

const folder = mkdtempSync(join(tmpdir(), 'interdict-shells-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const script = (shell: string): string => {
  const path = join(folder, shell)
  writeFileSync(path, completionScript(shell, createProgram())!)
  return path
}
const LIMIT = 60_000
const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, {
    encoding: 'utf8',
    timeout: LIMIT,
    env: { ...process.env, TERM: 'dumb', HOME: folder }
  })

/** What is typed before the tab, and what the shell then shows. */
const COMPLETIONS = [
  ['interdict bun', 'bundle'],
  ['interdict bundle cr', 'create'],
  ['interdict check --', '--json'],
  ['interdict report --format mark', 'markdown'],
  ['interdict -c bundle stat', 'status']
] as const

t.test('bash', async t => {
  const path = script('bash')
  for (const [typed, shown] of COMPLETIONS) {
    const complete = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
$(complete -p interdict | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' "\${COMPREPLY[@]}"`
    const out = run('bash', '--norc', '-c', complete, 'bash', path, ...typed.split(' '))
    t.ok(out.split('\n').includes(shown), `${typed}: ${out}`)
  }
})

t.test('zsh, at a terminal', async t => {
  const path = script('zsh')
  for (const [typed, shown] of COMPLETIONS) {
    // The prompt comes once the script is loaded; then the tab, and zsh draws what it completes.
    const session = `zmodload zsh/zpty
zpty shell 'TERM=dumb PS1= zsh -f -i'
zpty -w shell "autoload -U compinit; compinit -u -D; source \$1; echo rea''dy"
zpty -r -m shell text '*ready*'
zpty -w -n shell "\$2"$'\\t'
zpty -r -m shell text "*\$3*" && print -r -- "\$text"
zpty -d shell`
    t.match(run('zsh', '-f', '-c', session, 'zsh', path, typed, shown), shown, typed)
  }
})

t.test('fish', async t => {
  const path = script('fish')
  for (const [typed, shown] of COMPLETIONS) {
    const out = run('fish', '--no-config', '-c', `source ${path}; complete -C '${typed}'`)
    t.match(out, new RegExp(`^${shown}\\b`, 'm'), typed)
  }
})

t.test('manual pages have no warnings', async t => {
  for (const { file, text } of manPages()) writeFileSync(join(folder, file), text)
  for (const file of readdirSync(folder).filter(name => name.endsWith('.1'))) {
    const path = join(folder, file)
    for (const [program, ...words] of [
      ['groff', '-man', '-Tutf8', '-ww', path],
      ['man', '--warnings', '-l', path]
    ] as const) {
      const { status, stdout, stderr } = spawnSync(program, words, {
        encoding: 'utf8',
        timeout: LIMIT,
        env: { ...process.env, LC_ALL: 'C.UTF-8', MANPAGER: 'cat' }
      })
      t.strictSame([status, stderr], [0, ''], `${program} ${file}`)
      t.match(stdout, 'SYNOPSIS')
    }
  }
})
