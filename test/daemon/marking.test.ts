import { spawnSync } from 'node:child_process'
import t from 'tap'

const MARKING = new URL('../../src/base/threads/marking.js', import.meta.url).href

/** V8 reports flags that it does not know, and ignores them. */
t.test('V8 knows the flag by which threads mark their heaps themselves', async t => {
  const code = `(await import(${JSON.stringify(MARKING)})).markInOwnThread()`
  const args = ['--input-type=module', '-e', code]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
})
