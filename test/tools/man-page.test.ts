import t from 'tap'
import { createProgram } from '../../src/cli/run.js'
import { manPages } from '../../tools/man-page.js'

const pages = new Map(manPages().map(({ file, text }) => [file, text]))

t.test('the program and each command have a page', async t => {
  const commands = createProgram().commands.filter(command => command.name() !== 'help')
  for (const command of commands) {
    t.ok(pages.has(`interdict-${command.name()}.1`), command.name())
    for (const child of command.commands) {
      if (child.name() === 'help') continue
      t.ok(pages.has(`interdict-${command.name()}-${child.name()}.1`), child.name())
    }
  }
  t.match(pages.get('interdict.1'), /^\.TH "INTERDICT" 1 .*\n\.SH NAME\ninterdict \\- Policy/)
  t.match(pages.get('interdict.1'), /\n\.BR interdict\\-bundle \(1\),\n/)
})

t.test(
  'a page has synopsis, arguments, options, examples, exit status and related pages',
  async t => {
    const page = pages.get('interdict-bundle-create.1')!
    t.match(page, '.SH SYNOPSIS\n.B interdict bundle create\n[options] <folder>\n')
    t.match(page, '.TP\n.B <folder>\nrules folder\n')
    t.match(page, '.TP\n.B \\-o, \\-\\-output <file>\nbundle to write (required)\n')
    t.match(page, '\ninterdict bundle create rules/ \\-o rules.bundle \\-k sign.pem\n')
    t.match(page, '.SH "EXIT STATUS"\n.TP\n.B 0\n')
    t.match(page, /\.SH "SEE ALSO"\n\.BR interdict\\-bundle \(1\)\n$/)
    t.match(pages.get('interdict-report.1'), '(one of table, json, csv, markdown, html)')
  }
)

t.test('no line of text is taken for a request', async t => {
  for (const [file, text] of pages) {
    for (const line of text.split('\n')) {
      t.notMatch(line, /^\.(?!(TH|SH|TP|B|BR|nf|fi)( |$))|^'/, `${file}: ${line}`)
    }
  }
})
