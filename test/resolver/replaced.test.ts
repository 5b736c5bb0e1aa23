import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { collectGarbage } from '../../src/base/threads/heap.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { Indoors } from '../fuzz/indoors.js'
import { policyOf } from '../fuzz/rules.js'

const NETWORKS = 'networks: { all: { prefixes: [0.0.0.0/0] } }\n'

/** A separate function, so that the test itself keeps no reference to replaced rules. */
async function adoptTwice() {
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => policyOf(NETWORKS)))
  const indoors = new Indoors(first!, () => {
    throw new Error('unexpected query')
  })
  for (const policy of [second!, third!]) indoors.resolver.adopt(policy)
  const weakly = [first!, second!, third!].map(({ snapshot }) => new WeakRef<Snapshot>(snapshot))
  return { indoors, weakly }
}

t.test('replaced rules are freed, the first ones and later ones', async t => {
  const { indoors, weakly } = await adoptTwice()
  await sleep(1) // A WeakRef holds until the end of the turn in which it was made.
  collectGarbage()
  t.strictSame(
    weakly.map(reference => reference.deref() !== undefined),
    [false, false, true]
  )
  t.ok(indoors.resolver.counts)
})
