import fc from 'fast-check'
import t from 'tap'
import { SegmentRing } from '../../src/resolver/cache/segment-ring.js'
import {
  allocateShard,
  MAIN,
  PROBATION,
  ShardMemory
} from '../../src/resolver/cache/shard-memory.js'
import { runs } from '../runs.js'

/** 16 segments. */
const SHARD = 2 ** 22

/** The same with an array. */
class ArrayRing {
  numbers: number[]
  position = 0
  constructor(first: number) {
    this.numbers = [first]
  }
  get next(): number {
    return (this.position + 1) % this.numbers.length
  }
  inOrder(): number[] {
    return [...this.numbers.slice(this.position), ...this.numbers.slice(0, this.position)]
  }
}

function inOrder(ring: SegmentRing, memory: ShardMemory): number[] {
  const numbers = [ring.current]
  while (numbers.length < ring.length) numbers.push(memory.next[numbers.at(-1)!]!)
  return memory.next[numbers.at(-1)!] === ring.current ? numbers : []
}

t.test('two rings in shared memory are what arrays would be', async t => {
  const steps = fc.array(fc.constantFrom('advance', 'insert', 'exchange'), { maxLength: 40 })
  fc.assert(
    fc.property(steps, steps => {
      const memory = new ShardMemory(allocateShard(SHARD), SHARD)
      let allocated = 0
      const [probation, main] = [new SegmentRing(memory, PROBATION), new SegmentRing(memory, MAIN)]
      const models = [new ArrayRing(allocated++), new ArrayRing(allocated++)] as const
      probation.reset(0)
      main.reset(1)
      for (const [i, step] of steps.entries()) {
        if (step === 'advance') {
          const [ring, model] = i % 2 === 0 ? [probation, models[0]] : [main, models[1]]
          ring.advance()
          model.position = model.next
        } else if (allocated === memory.segmentCount) {
          continue
        } else if (step === 'insert') {
          probation.insertNext(allocated)
          models[0].numbers.splice(++models[0].position, 0, allocated++)
        } else {
          // The oldest of one ring becomes the last filled of the other.
          const oldest = probation.next
          probation.replaceNext(allocated)
          main.insertBefore(oldest)
          models[0].position = models[0].next
          models[0].numbers[models[0].position] = allocated++
          models[1].numbers.splice(models[1].position++, 0, oldest)
        }
        if (String(inOrder(probation, memory)) !== String(models[0].inOrder())) return false
        if (String(inOrder(main, memory)) !== String(models[1].inOrder())) return false
      }
      return true
    }),
    runs(1000)
  )
  t.pass()
})
