import { collectGarbage } from '../../src/base/threads/heap.js'
import type { Octets } from '../../src/base/units.js'
import { Dice } from './dice.js'
import { Inside } from './inside.js'
import { Curve } from './memory.js'
import type { Options } from './options.js'
import { NETWORKS, policyOf } from './rules.js'
import { readSeeds } from './seeds.js'

const STEPS = 20
/** Growth of memory in use from the first tenth to the end. */
const ALLOWED = 4 * 2 ** 20

/** Mutants through the readers and the resolver in this process. @returns what is wrong */
export async function runInside({ seed, messages }: Options, say: Say): Promise<string[]> {
  const inside = new Inside(await policyOf(NETWORKS), readSeeds(), new Dice(seed))
  const curve = new Curve()
  const started = performance.now()
  for (let step = 1; step <= STEPS; step++) {
    inside.run(Math.ceil(messages / STEPS))
    curve.add(inside.tally.messages, memoryInUse())
  }
  const { findings, ...counts } = inside.tally
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  say(`inside: ${JSON.stringify(counts)} in ${seconds} s\n\n${curve.show('messages', 'MB in use')}`)
  const growth = curve.growthAfter(messages / 10)
  const wrong = findings.map(finding => JSON.stringify(finding, undefined, 2))
  if (growth > ALLOWED) wrong.push(`memory grew by ${(growth / 2 ** 20).toFixed(1)} MB`)
  return wrong
}

/**
 * After a collection. Resident memory says little here: V8 keeps what it once had for new objects, and Node 24 has up to
 * three times 16 MB for them.
 */
function memoryInUse(): Octets {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

export type Say = (text: string) => void
