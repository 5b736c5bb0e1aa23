import { readFileSync } from 'node:fs'
import t from 'tap'
import { createProgram } from '../../src/cli/run.js'
import { cliPage, documented, PAGE } from '../../tools/cli-page.js'

t.test(`${PAGE} is what npm run docs:cli generates`, async t => {
  t.equal(readFileSync(PAGE, 'utf8'), await cliPage())
})

t.test('every command has a line of help that fits, and two examples', async t => {
  const program = createProgram()
  for (const command of program.commands) {
    const summary = command.summary() || command.description()
    t.match(summary, /^[A-Z][^\n]*[^.]$/, command.name())
    t.ok(summary.length <= 57, `${command.name()}: ${summary.length} characters`)
  }
  const page = await cliPage()
  const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(match => match[1]!)
  for (const block of blocks) t.match(block, /^interdict .*\ninterdict .*\n$/)
  const all = documented(program).flatMap(command => [command, ...documented(command)])
  t.equal(blocks.length, all.length)
})
