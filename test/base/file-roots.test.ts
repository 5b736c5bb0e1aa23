import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FileRoots } from '../../src/base/files/file-roots.js'

/** A folder `in` with files and links, and what is outside it. */
function place(t: Test): (...names: string[]) => string {
  const at = t.testdir({
    in: { a: 'inner', sub: { b: 'below' } },
    out: { c: 'outer' },
    inside: 'd'
  })
  const path = (...names: string[]): string => join(at, ...names)
  symlinkSync('sub/b', path('in/to-b'))
  symlinkSync('sub', path('in/to-sub'))
  symlinkSync('../out/c', path('in/to-c'))
  symlinkSync(path('out'), path('in/to-out'))
  symlinkSync('in', path('link'))
  symlinkSync('nowhere', path('in/dangling'))
  return path
}

for (const descriptors of ['/proc/self/fd', '/missing']) {
  t.test(`reads what is in the folder, by ${descriptors}`, async t => {
    const path = place(t)
    for (const root of [path('in'), path('link'), `${path('in')}/`]) {
      const roots = new FileRoots([root], descriptors)
      const read = async (...names: string[]): Promise<string> =>
        (await roots.read(join(root, ...names), 100)).toString()
      t.equal(await read('a'), 'inner')
      t.equal(await read('to-b'), 'below', 'a link within')
      t.equal(await read('to-sub', 'b'), 'below', 'a link to a folder within')
      t.strictSame(await roots.list(join(root, 'to-sub')), ['b'])
      await t.rejects(read('missing'), { code: 'ENOENT' })
      await t.rejects(read('dangling'), { code: 'ENOENT' })
      await t.rejects(read('sub'), { message: 'it is a folder' })
    }
  })

  t.test(`reads nothing else, by ${descriptors}`, async t => {
    const path = place(t)
    const roots = new FileRoots([path('in')], descriptors)
    const outside = { name: 'OutsideRoots' }
    for (const name of ['in/to-c', 'in/to-out/c', 'out/c', 'inside', 'in/../out/c']) {
      await t.rejects(roots.read(path(...name.split('/')), 100), outside, name)
    }
    await t.rejects(roots.read('/dev/null', 100), outside)
    for (const name of ['out', 'in/to-out']) await t.rejects(roots.list(path(name)), outside, name)
    const both = new FileRoots([path('in'), path('out')], descriptors)
    t.equal((await both.read(path('in/to-c'), 100)).toString(), 'outer', 'allowed by another root')
  })
}

t.test('a folder that is replaced by a link while it is read', async t => {
  const path = place(t)
  const roots = new FileRoots([path('in')])
  mkdirSync(path('in/flip'))
  writeFileSync(path('in/flip/c'), 'mine')
  symlinkSync(path('out'), path('in/flip.link'))
  let reads = 0
  for (let i = 0; i < 200; i++) {
    const reading = roots.read(path('in/flip/c'), 100).then(String, () => 'refused')
    renameSync(path('in/flip'), path('in/flip.folder'))
    renameSync(path('in/flip.link'), path('in/flip'))
    const text = await reading
    if (text === 'mine') reads++
    t.ok(['mine', 'refused'].includes(text), text)
    renameSync(path('in/flip'), path('in/flip.link'))
    renameSync(path('in/flip.folder'), path('in/flip'))
  }
  t.ok(reads >= 0)
})
