import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import {
  FileTooLarge,
  readBoundedFile,
  readBoundedFileSync
} from '../../src/base/files/bounded-file.js'

t.test('reads a regular file up to the limit, and nothing else', async t => {
  const folder = t.testdir({ file: '12345', link: t.fixture('symlink', '/dev/zero'), within: {} })
  execFileSync('mkfifo', [join(folder, 'pipe')])
  for (const read of [readBoundedFile, readBoundedFileSync]) {
    const tryRead = async (name: string, limit: number): Promise<string> =>
      (await read(join(folder, name), limit)).toString()
    t.equal(await tryRead('file', 5), '12345')
    await t.rejects(tryRead('file', 4), new FileTooLarge(5, 4))
    await t.rejects(tryRead('pipe', 5), { message: 'it is not a regular file' })
    await t.rejects(tryRead('link', 5), { message: 'it is not a regular file' })
    await t.rejects(tryRead('within', 5), { message: 'it is a folder' })
    await t.rejects(tryRead('missing', 5), { code: 'ENOENT' })
  }
})
