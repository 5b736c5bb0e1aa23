import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const PROGRAM = fileURLToPath(new URL('./flooded-thread.js', import.meta.url))

t.test('a thread ends in a microtask while its open sockets of node:dgram receive', t => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [PROGRAM], {
    encoding: 'utf8',
    timeout: 300_000
  })
  // Node 20 aborts at the first thread unless `endThread` closes the sockets.
  t.strictSame({ status, signal, stdout }, { status: 0, signal: null, stdout: 'ended\n' }, stderr)
  t.end()
})
