import { execFileSync } from 'node:child_process'
import t from 'tap'
import { completionScript } from '../../src/cli/completion/script.js'
import { places } from '../../src/cli/completion/tree.js'
import { createProgram } from '../../src/cli/run.js'
import { VERDICT } from '../../src/lookups/event/query-event.js'
import { FORMATS } from '../../src/analysis/replay/formats/formats.js'
import { FLEET_KEY, REPORT_KEYS } from '../../src/lookups/sql/report-keys.js'
import { KINDS, ROLES } from '../../src/policy/rules/schema/app-schema.js'
import { interdict } from './run.js'

const all = places(createProgram())
const at = (path: string) => all.find(place => place.path === path)!
const wordsAt = (path: string): string[] => at(path).words.map(({ word }) => word)
const optionsAt = (path: string): string[] => at(path).options.map(({ long }) => long)
const choicesAt = (path: string, option: string): readonly string[] =>
  at(path).options.find(({ long }) => long === option)!.choices

t.test('completes commands, their commands, and options', async t => {
  const commands = createProgram().commands.map(command => command.name())
  t.strictSame(wordsAt(''), commands)
  t.ok(commands.includes('completion'))
  t.strictSame(wordsAt(' bundle'), ['create', 'sign', 'keygen', 'show', 'verify', 'help'])
  t.strictSame(wordsAt(' help'), commands)
  t.strictSame(wordsAt(' bundle help'), wordsAt(' bundle'))
  t.strictSame(wordsAt(' check'), [], 'file names')
  t.strictSame(wordsAt(' report'), [
    ...['daily', 'weekly', 'monthly', 'ban', 'bypass', 'egress', 'dnssec', 'new-names']
  ])
  t.strictSame(wordsAt(' completion'), ['bash', 'zsh', 'fish'])
  t.ok(optionsAt(' check').includes('--json'))
  t.ok(optionsAt(' bundle').includes('--serial'), 'bundle DIR is bundle create DIR')
  for (const { path } of all) {
    const options = optionsAt(path)
    t.ok(
      ['--config', '--help'].every(option => options.includes(option)),
      path
    )
    t.equal(new Set(options).size, options.length, `each option once${path}`)
  }
})

t.test('knows the values that the commands take', async t => {
  t.strictSame(choicesAt(' report', '--by'), [...REPORT_KEYS, FLEET_KEY])
  t.strictSame(choicesAt(' replay', '--log-format'), FORMATS)
  t.strictSame(choicesAt(' apps', '--role'), ROLES)
  t.strictSame(choicesAt(' apps', '--kind'), KINDS)
  t.strictSame(choicesAt(' tail', '--verdict'), [...Object.keys(VERDICT), 'all'])
  for (const command of ['report', 'query']) {
    const { err } = await interdict(command, '--format', 'x')
    t.match(err, `x is not one of ${choicesAt(` ${command}`, '--format').join(', ')}`)
  }
})

t.test('every script has all commands and options', async t => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out, err } = await interdict('completion', shell)
    t.strictSame([code, err], [0, ''])
    t.equal(out, completionScript(shell, createProgram()))
    for (const { words, options } of all) {
      for (const { word, description } of words) {
        t.match(out, word)
        if (shell !== 'bash')
          t.ok(out.replace(/'\\''|\\'/g, "'").includes(description), description)
      }
      for (const { long } of options) t.match(out, shell === 'fish' ? `-l ${long.slice(2)}` : long)
    }
  }
  t.match(await interdict('completion', 'csh'), {
    code: 2,
    out: '',
    err: /csh is not one of bash, zsh/
  })
  t.match(await interdict('completion'), { code: 2, out: '', err: /shell/ })
})

t.test('bash completes commands, options, and values', async t => {
  const completed = (...words: string[]): string => {
    const script = `${completionScript('bash', createProgram())}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _interdict; echo "\${COMPREPLY[*]}"`
    return execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], {
      encoding: 'utf8'
    }).trim()
  }
  t.equal(completed('interdict', 'bun'), 'bundle')
  t.equal(completed('interdict', 'bundle', 'cr'), 'create')
  t.match(completed('interdict', 'check', '--'), '--at --profile --egress --json')
  t.equal(completed('interdict', 'report', '--format', 'j'), 'json')
  t.equal(completed('interdict', 'report', '--format', '=', 'j'), 'json', '--format=j')
  t.equal(completed('interdict', '-c', 'bundle', 'ch'), 'check', 'a value is not a command')
  t.equal(completed('interdict', 'tail', '--verdict', 'blocked', 'mo'), 'monitored')
  t.equal(completed('interdict', 'help', 'bun'), 'bundle')
  t.equal(completed('interdict', 'check', ''), '', 'file names')
})
