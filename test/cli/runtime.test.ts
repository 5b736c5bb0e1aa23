import { spawnSync } from 'node:child_process'
import t from 'tap'
import { otherRuntime } from '../../src/cli/runtime.js'

t.test('Node is recognized, and what imitates it', async t => {
  t.equal(otherRuntime(process.versions), undefined)
  t.equal(otherRuntime({ node: '24.3.0', bun: '1.3.1' }), 'Bun 1.3.1')
  t.equal(otherRuntime({ node: '24.3.0', deno: '2.5.0' }), 'Deno 2.5.0')
})

t.test('the program refuses another runtime before it does anything', async t => {
  const versions =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, bun: '1.3.1' } })"
  const preload = `data:text/javascript,${encodeURIComponent(versions)}`
  const words = ['--import', preload, 'dist/bundle/bin/interdict.js', 'no-such-command']
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  t.strictSame([status, stdout], [1, ''])
  t.match(stderr, /^Interdict needs Node\.js, and this is Bun 1\.3\.1: .* \(CLI_RUNTIME\)\n$/)
})
