import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const PROGRAM = fileURLToPath(new URL('./datagram-threads.js', import.meta.url))

t.test('200 threads with open sockets of node:dgram are replaced while datagrams arrive', t => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, '200'], {
    encoding: 'utf8',
    timeout: 300_000
  })
  t.strictSame(
    { status, signal, stdout },
    { status: 0, signal: null, stdout: '200 threads\n' },
    stderr
  )
  t.end()
})
