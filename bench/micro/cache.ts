import { systemClock } from '../../src/base/time/clock.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { sizeOf } from '../../src/resolver/cache/records.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import type { QuestionKey } from '../../src/wire/dns/message/question.js'
import type { Case } from './measure.js'
import { INPUTS, queryAt, type Stage } from './stage.js'

const MASK = INPUTS - 1
const SIZE = 256 * 2 ** 20

export function cacheCases({ unlisted, answers }: Stage): Case[] {
  const cache = new PackedAnswerCache(allocateCache(SIZE, 1), systemClock)
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
    },
    newNames(keys[0]!, answers[0]!)
  ]
}

/** What a flood of names that nobody asks for twice costs a cache that is full. */
function newNames(like: QuestionKey, answer: Answer): Case {
  const cache = new PackedAnswerCache(allocateCache(SIZE, 1), systemClock)
  const key = Uint8Array.from(like)
  const numbers = new DataView(key.buffer)
  let number = 0
  const ask = (): void => {
    // Behind the first label's length.
    numbers.setUint32(1, number++)
    if (cache.get(key) === undefined) cache.put(key, answer)
  }
  for (let full = 0; full < cache.limit;) {
    ask()
    full += sizeOf(key, answer)
  }
  return {
    name: 'cache: new name, full',
    run(times) {
      for (let i = 0; i < times; i++) ask()
      return cache.entries
    }
  }
}
