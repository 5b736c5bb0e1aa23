import type { Octets } from '../../src/base/units.js'
import type { AnswerCache, QuestionKey } from '../../src/resolver/cache/cache.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { answerOf } from '../kit/answer.js'
import { seeded } from '../kit/random.js'

export interface FloodTerms {
  /** Names that clients ask for, the n-th of them 1/n as often as the first (Zipf). */
  readonly hot: number
  /** Random names for each question of theirs, every second one of them NXDOMAIN. */
  readonly perQuestion: number
  /** Random names in all, in octets of the cache's own count. */
  readonly octets: Octets
}

/** Shares of the questions for hot names that the cache answered. */
export interface FloodFigures {
  readonly before: number
  readonly during: number
  readonly after: number
  /** Most octets that were held at any time. */
  readonly size: Octets
}

/** About what an answer to a random name takes in `PackedAnswerCache`. */
const RANDOM_NAME: Octets = 176
/** A record of type A, and an SOA. */
const POSITIVE: Octets = 16
const NEGATIVE: Octets = 84

/** Asks for hot names; while a flood of names goes by that nobody asks for twice; and again. */
export function flood(cache: AnswerCache, { hot, perQuestion, octets }: FloodTerms): FloodFigures {
  const random = seeded(1)
  const draw = zipf(hot, random)
  const keys = Array.from({ length: hot }, (_, i) => keyOf(`www.hot${i}.example`))
  const positive = heldAnswer(POSITIVE, RCODE.NOERROR)
  const negative = heldAnswer(NEGATIVE, RCODE.NXDOMAIN)
  let names = 0
  let size = 0
  const ask = (key: QuestionKey, answer: Answer): number => {
    if (cache.get(key) !== undefined) return 1
    cache.put(key, answer)
    size = Math.max(size, cache.size)
    return 0
  }
  const rate = (questions: number, randomNames: number): number => {
    let hits = 0
    for (let i = 0; i < questions; i++) {
      hits += ask(keys[draw()]!, positive)
      for (let k = 0; k < randomNames; k++) {
        const label = Math.floor(random() * 2 ** 48).toString(36)
        ask(keyOf(`${label}.flood.example`), names++ % 2 === 0 ? positive : negative)
      }
    }
    return hits / questions
  }
  // Until all that is asked for now and then is held.
  rate(20 * hot, 0)
  const before = rate(2 * hot, 0)
  const during = rate(Math.ceil(octets / RANDOM_NAME / perQuestion), perQuestion)
  return { before, during, after: rate(2 * hot, 0), size }
}

function keyOf(name: string): QuestionKey {
  // Type A, class IN, no flags.
  return Uint8Array.from([...readName(name), 0, 1, 0, 1, 0])
}

/** Of a number from 0 to `count`, how often that comes falling as 1/n. */
function zipf(count: number, random: () => number): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) sums[i] = sum += 1 / (i + 1)
  return () => {
    const wanted = random() * sum
    let low = 0
    for (let high = count - 1; low < high;) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

function heldAnswer(octets: Octets, rcode: number): Answer {
  return answerOf({ body: new Uint8Array(octets), rcode, lifetime: 3600 })
}
