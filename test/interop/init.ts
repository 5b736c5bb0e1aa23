/** `interdict init` on a terminal, which script(1) makes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { PROGRAM } from '../cli/run.js'
import { install } from '../../tools/install.js'

install('script')

t.test('lines typed ahead are answers, and Ctrl-D cancels', async t => {
  const folder = t.testdir()
  const command = `'${process.execPath}' '${PROGRAM}' init '${folder}'`
  const env = { ...process.env, NODE_OPTIONS: '' }
  const child = spawn('script', ['-qec', command, '/dev/null'], { env })
  let shown = ''
  child.stdout.on('data', (data: Buffer) => (shown += data.toString()))
  child.stdin.end('office\n10.0.0.0/8\n')
  t.strictSame(await once(child, 'close'), [130, null])
  t.match(shown, /Prefixes of its clients.*Resolvers to forward to.*cancelled/s)
  t.strictSame(readdirSync(folder), [], 'nothing was written')
})
