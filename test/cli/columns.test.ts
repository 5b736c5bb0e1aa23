import t from 'tap'
import { columns, terminalWidth, type Row } from '../../src/cli/output/columns.js'
import { section } from '../../src/cli/output/layout.js'
import { withoutColours } from '../../src/cli/io.js'
import { Output } from './run.js'

const LONG = `${'v16-webapp.'.repeat(20)}example`
const rows: Row[] = [{ cells: [[LONG], [LONG]] }, { across: [`${LONG} ${LONG}`] }]

t.test('only a terminal has a width', async t => {
  t.equal(terminalWidth(new Output()), Infinity)
  t.equal(terminalWidth(new Output(80)), 80)
  t.equal(terminalWidth(new Output(300)), 120)
  t.equal(terminalWidth(new Output(20)), 60)
})

t.test('other output has one line for each row, with whole names', async t => {
  t.strictSame(columns(['a', 'b'], rows, Infinity).map(withoutColours), [
    `a${' '.repeat(LONG.length + 1)}b`,
    `${LONG}  ${LONG}`,
    `  ${LONG} ${LONG}`
  ])
  t.strictSame(section('Label', [`${LONG} ${LONG}`], undefined).map(withoutColours), [
    `Label        ${LONG} ${LONG}`
  ])
})

t.test('a terminal has lines that fit', async t => {
  const lines = [...columns(['a', 'b'], rows, 80), ...section('Label', ['of many '.repeat(30)], 80)]
  for (const line of lines.map(withoutColours)) t.ok(line.length <= 80, line)
})
