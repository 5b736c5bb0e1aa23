import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { replaceFiles } from '../../src/gateway/acme/replace-files.js'

const TEXT = { certificate: 'C\n', key: 'K\n' }
/** A new folder, which the end of the test removes. */
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-acme-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

const modeOf = (path: string): number => statSync(path).mode & 0o777

t.test('new files: a key for its owner alone', async t => {
  const folder = join(folderOf(t), 'tls')
  const paths = { certificate: join(folder, 'c.pem'), key: join(folder, 'k.pem') }
  replaceFiles(paths, TEXT)
  t.strictSame(
    [readFileSync(paths.certificate, 'utf8'), readFileSync(paths.key, 'utf8')],
    ['C\n', 'K\n']
  )
  t.strictSame([modeOf(paths.certificate), modeOf(paths.key)], [0o644, 0o600])
})

t.test(
  'previous files: their modes, but never a key for everybody; links are followed',
  async t => {
    const folder = folderOf(t)
    mkdirSync(join(folder, 'real'))
    for (const name of ['c.pem', 'k.pem']) writeFileSync(join(folder, 'real', name), 'old')
    const paths = { certificate: join(folder, 'c.pem'), key: join(folder, 'k.pem') }
    symlinkSync('real/c.pem', paths.certificate)
    symlinkSync('real/k.pem', paths.key)
    chmodSync(paths.certificate, 0o640)
    chmodSync(paths.key, 0o644)
    replaceFiles(paths, TEXT)
    t.strictSame([modeOf(paths.certificate), modeOf(paths.key)], [0o640, 0o640])
    t.equal(readFileSync(join(folder, 'real/k.pem'), 'utf8'), 'K\n')
    t.strictSame(readdirSync(folder).sort(), ['c.pem', 'k.pem', 'real'])
  }
)

t.test('one file for both', async t => {
  const path = join(folderOf(t), 'both.pem')
  replaceFiles({ certificate: path, key: path }, TEXT)
  t.equal(readFileSync(path, 'utf8'), 'C\nK\n')
  t.equal(modeOf(path), 0o600)
})

t.test('a folder that cannot be written: nothing changes, and nothing is left', async t => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'k.pem'), 'old')
  mkdirSync(join(folder, 'c'))
  writeFileSync(join(folder, 'c/file'), '')
  const paths = { certificate: join(folder, 'c/file/c.pem'), key: join(folder, 'k.pem') }
  t.throws(() => replaceFiles(paths, TEXT), { code: 'ENOTDIR' })
  t.equal(readFileSync(paths.key, 'utf8'), 'old')
  t.strictSame(readdirSync(folder).sort(), ['c', 'k.pem'])
})
