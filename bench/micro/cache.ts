import { systemClock } from '../../src/base/clock.js'
import { PackedAnswerCache } from '../../src/cache/packed.js'
import type { Case } from './measure.js'
import { INPUTS, queryAt, type Stage } from './stage.js'

const MASK = INPUTS - 1
const SIZE = 256 * 2 ** 20

export function cacheCases({ unlisted, answers }: Stage): Case[] {
  const cache = new PackedAnswerCache(SIZE, systemClock)
  const queries = Array.from({ length: INPUTS }, (_, i) => queryAt(unlisted, i, 1))
  const keys = queries.map(query => query.key().slice())
  for (const [i, key] of keys.entries()) cache.put(key, answers[i]!)
  return [
    {
      name: 'cache: key and hit',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) sum += cache.get(queries[i & MASK]!.key())!.answers
        return sum
      }
    },
    {
      name: 'cache: put',
      run(times) {
        for (let i = 0; i < times; i++) cache.put(keys[i & MASK]!, answers[i & MASK]!)
        return cache.entries
      }
    }
  ]
}
