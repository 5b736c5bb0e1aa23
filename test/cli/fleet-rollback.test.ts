import t from 'tap'
import { rollbackTarget } from '../../src/cli/commands/fleet/fleet-publish.js'
import type { Root } from '../../src/sources/root/root.js'

const bundle = (serial: number, done: readonly string[], root = 1) => ({ serial, root, done })
const ring = (name: string, serial: number | null) => ({ ring: name, serial })
const BOTH = ['canary', 'all']

t.test('the last bundle that was done in all rings, not the next lower serial', async t => {
  const rings = [ring('canary', 5), ring('all', 3)]
  const bundles = [
    bundle(5, []),
    bundle(4, ['canary']),
    bundle(3, BOTH),
    bundle(2, BOTH),
    bundle(1, BOTH)
  ]
  t.strictSame(rollbackTarget(rings, bundles, undefined), { to: 3, later: ['canary'] })
})

t.test('not the bundle that the rings have, even if it was done', async t => {
  const rings = [ring('canary', 3), ring('all', 3)]
  const bundles = [bundle(1, BOTH), bundle(2, ['all']), bundle(3, BOTH)]
  t.strictSame(rollbackTarget(rings, bundles, undefined), { to: 1, later: BOTH })
})

t.test('a ring that never had a bundle does not count', async t => {
  const rings = [ring('canary', 2), ring('all', null)]
  const bundles = [bundle(1, ['canary']), bundle(2, [])]
  t.strictSame(rollbackTarget(rings, bundles, undefined), { to: 1, later: ['canary'] })
})

t.test('nothing was done in all rings before', async t => {
  const rings = [ring('canary', 2), ring('all', 1)]
  t.equal(rollbackTarget(rings, [bundle(1, ['canary']), bundle(2, [])], undefined), undefined)
  t.equal(rollbackTarget(rings, [bundle(2, BOTH)], undefined), undefined)
  t.equal(rollbackTarget([], [], undefined), undefined)
})

t.test('after a reset of serials, lower ones are later', async t => {
  const root = { serials: { since: 2, from: 1 } } as Root
  const rings = [ring('canary', 11), ring('all', 10)]
  const bundles = [
    bundle(900, BOTH, 1),
    bundle(901, BOTH, 1),
    bundle(10, BOTH, 2),
    bundle(11, [], 2)
  ]
  t.strictSame(rollbackTarget(rings, bundles, root), { to: 10, later: ['canary'] })
  const first = [ring('canary', 10), ring('all', 10)]
  t.strictSame(rollbackTarget(first, bundles, root), { to: 901, later: BOTH })
})

t.test('--to names another', async t => {
  const rings = [ring('canary', 3), ring('all', 2)]
  const bundles = [bundle(1, []), bundle(2, BOTH), bundle(3, [])]
  t.strictSame(rollbackTarget(rings, bundles, undefined, 1), { to: 1, later: BOTH })
})
