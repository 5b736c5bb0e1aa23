/** `interdict init` on a terminal, which script(1) makes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { PROGRAM } from '../cli/run.js'
import { eventually } from './processes.js'
import { install } from '../../tools/install.js'

install('script')

t.test('lines typed ahead are answers, and Ctrl-D cancels', async t => {
  const folder = t.testdir()
  const { child, shown } = initAt(folder)
  child.stdin.end('office\n10.0.0.0/8\n')
  t.strictSame(await once(child, 'close'), [130, null])
  t.match(shown(), /Prefixes of its clients.*Resolvers to forward to.*cancelled/s)
  t.strictSame(readdirSync(folder), [], 'nothing was written')
})

t.test('Ctrl-C typed behind an answer cancels, too', async t => {
  const folder = t.testdir()
  const { child, shown } = initAt(folder)
  await eventually('the first question', 60, () =>
    Promise.resolve(shown().includes('Name of the network'))
  )
  child.stdin.write('office\n\x03')
  t.strictSame(await once(child, 'close'), [130, null])
  t.notMatch(shown(), / at /, 'no stack trace')
  t.strictSame(readdirSync(folder), [])
})

/** `interdict init` on a terminal. */
function initAt(folder: string) {
  const command = `'${process.execPath}' '${PROGRAM}' init '${folder}'`
  const env = { ...process.env, NODE_OPTIONS: '' }
  const child = spawn('script', ['-qec', command, '/dev/null'], { env })
  let shown = ''
  child.stdout.on('data', (data: Buffer) => (shown += data.toString()))
  return { child, shown: () => shown }
}
