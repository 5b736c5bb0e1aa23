import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const CHILD = fileURLToPath(new URL('malloc-child.js', import.meta.url))

/** How many MB of 36 MB freed in another process returned to the system. */
async function returned(...words: string[]): Promise<number> {
  const options = { timeout: 60_000 }
  const command = ['-u', 'NODE_OPTIONS', process.execPath, '--expose-gc', CHILD, ...words]
  const { stdout } = await promisify(execFile)('env', command, options)
  return Number(stdout)
}

t.test('freed large blocks return to the system', async t => {
  t.ok((await returned('map')) > 30)
})

t.test('with glibc defaults they do not', async t => {
  const report = process.report.getReport() as unknown as { header: Record<string, unknown> }
  const isGlibc = report.header.glibcVersionRuntime !== undefined
  if (isGlibc) t.ok((await returned()) < 20)
  else t.pass('not glibc')
})
