import { spawnSync } from 'node:child_process'
import fs, { chmodSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { writeFileAtomic } from '../../src/base/files/atomic-file.js'

const MODULE = fileURLToPath(new URL('../../src/base/files/atomic-file.js', import.meta.url))
process.umask(0o022)
const TEMPORARY = /^list\.[0-9a-f]{16}\.half$/

t.test('the file is replaced, and nothing else is left', async t => {
  const path = join(t.testdir({ list: 'old' }), 'list')
  writeFileAtomic(path, 'new')
  t.equal(readFileSync(path, 'utf8'), 'new')
  t.strictSame(readdirSync(t.testdirName), ['list'])
})

t.test('the content is synced before the rename, and the rename before it returns', async t => {
  const folder = t.testdir({})
  const before = { fsyncSync: fs.fsyncSync, renameSync: fs.renameSync }
  const done: string[] = []
  const nameOf = (path: string): string => basename(path).replace(/[0-9a-f]{16}/, 'HEX')
  fs.fsyncSync = descriptor => {
    done.push(`sync ${nameOf(fs.readlinkSync(`/proc/self/fd/${descriptor}`))}`)
    before.fsyncSync(descriptor)
  }
  fs.renameSync = (from, to) => {
    done.push(`rename ${nameOf(String(from))} ${nameOf(String(to))}`)
    before.renameSync(from, to)
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    Object.assign(fs, before)
    syncBuiltinESMExports()
  })
  writeFileAtomic(join(folder, 'list'), 'new')
  t.strictSame(done.slice(0, 3), [
    'sync list.HEX.half',
    'rename list.HEX.half list',
    `sync ${basename(folder)}`
  ])
})

for (const last of ['writeFileSync', 'fsyncSync', 'renameSync'] as const) {
  t.test(`killed at ${last}, the previous file is intact`, async t => {
    const folder = t.testdir({ list: 'old' })
    const path = join(folder, 'list')
    const script = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      fs.${last} = () => process.kill(process.pid, 'SIGKILL')
      syncBuiltinESMExports()
      const { writeFileAtomic } = await import(process.argv[1])
      writeFileAtomic(process.argv[2], 'new')`
    const killed = spawnSync(process.execPath, ['--input-type=module', '-e', script, MODULE, path])
    t.equal(killed.signal, 'SIGKILL')
    t.equal(readFileSync(path, 'utf8'), 'old')

    writeFileAtomic(path, 'newer')
    const left = readdirSync(folder).filter(name => name !== 'list')
    t.ok(left.every(name => TEMPORARY.test(name)))
    t.equal(
      left.length,
      last === 'writeFileSync' ? 0 : 1,
      'another process may still be writing it'
    )
    for (const name of left) utimesSync(join(folder, name), 0, 0)
    writeFileSync(join(folder, 'list.2.half'), '')
    writeFileAtomic(path, 'newest')
    t.strictSame(
      readdirSync(folder),
      ['list', 'list.2.half'],
      'an abandoned temporary file is removed, another file is not'
    )
    t.equal(readFileSync(path, 'utf8'), 'newest')
  })
}

t.test('a failed write leaves the previous file, and nothing else', async t => {
  const folder = t.testdir({ list: 'old', taken: { inside: '' } })
  const path = join(folder, 'list')
  const before = fs.renameSync
  fs.renameSync = () => {
    throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    fs.renameSync = before
    syncBuiltinESMExports()
  })
  t.throws(() => writeFileAtomic(path, 'new'), { code: 'ENOSPC' })
  t.strictSame(readdirSync(folder), ['list', 'taken'])
  t.equal(readFileSync(path, 'utf8'), 'old')
  t.throws(() => writeFileAtomic(join(folder, 'taken'), 'new'), { code: 'EISDIR' })
})

t.test('the mode is the given one, whatever the previous file had', async t => {
  const folder = t.testdir({ list: 'old' })
  const path = join(folder, 'list')
  chmodSync(path, 0o600)
  writeFileAtomic(path, 'new')
  t.equal(statSync(path).mode & 0o777, 0o644)
  writeFileAtomic(path, 'new', { mode: 0o600 })
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('missing folders are created only on request', async t => {
  const folder = t.testdir({})
  const path = join(folder, 'state', 'lists', 'list')
  t.throws(() => writeFileAtomic(path, 'new'), { code: 'ENOENT' })
  writeFileAtomic(path, 'new', { folderMode: 0o700 })
  t.equal(statSync(join(folder, 'state', 'lists')).mode & 0o777, 0o700)
  t.equal(readFileSync(path, 'utf8'), 'new')
})

t.test('a symbolic link is kept, and its target is written', async t => {
  const folder = t.testdir({ releases: { '7': 'old' } })
  symlinkSync(join('releases', '7'), join(folder, 'list'))
  writeFileAtomic(join(folder, 'list'), 'new')
  t.ok(lstatSync(join(folder, 'list')).isSymbolicLink())
  t.equal(readFileSync(join(folder, 'releases', '7'), 'utf8'), 'new')
  t.strictSame(readdirSync(folder), ['list', 'releases'])
})

t.test('a device is written directly', async t => {
  const folder = t.testdir({})
  symlinkSync('/dev/null', join(folder, 'list'))
  writeFileAtomic(join(folder, 'list'), 'new')
  t.ok(statSync('/dev/null').isCharacterDevice())
  t.ok(lstatSync(join(folder, 'list')).isSymbolicLink())
})
