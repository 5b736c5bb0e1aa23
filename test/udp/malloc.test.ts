import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const CHILD = fileURLToPath(new URL('malloc-child.js', import.meta.url))

/** Of 36 MB that were freed in another process, how many the system got back. */
async function given(...words: string[]): Promise<number> {
  const options = { timeout: 60_000 }
  const command = ['-u', 'NODE_OPTIONS', process.execPath, '--expose-gc', CHILD, ...words]
  const { stdout } = await promisify(execFile)('env', command, options)
  return Number(stdout)
}

t.test('large blocks go back to the system when they are free', async t => {
  t.ok((await given('map')) > 30)
})

t.test('as they do not where glibc is left alone', async t => {
  const report = process.report.getReport() as unknown as { header: Record<string, unknown> }
  const isGlibc = report.header.glibcVersionRuntime !== undefined
  if (isGlibc) t.ok((await given()) < 20)
  else t.pass('other allocators have their own ways')
})
