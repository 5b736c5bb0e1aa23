import { readPrefix } from '../../src/base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../src/base/values/prefix-table.js'
import { scramble } from '../kit/random.js'
import type { Case } from './measure.js'
import { INPUTS, type Stage } from './stage.js'

const MASK = INPUTS - 1
/** As many prefixes as a large organisation's address plan has. */
const PREFIXES = 10_000

export function networkCases({ policy, clients }: Stage): Case[] {
  const table = planOf(PREFIXES)
  const spread = clients.map((word, i) => (i % 4 === 3 ? scramble(word) : word))
  return [
    {
      name: 'network: class of a client, one network',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) sum += policy.classOf(clients, 4 * (i & MASK))
        return sum
      }
    },
    {
      name: 'network: find among 10k prefixes',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) sum += table.find(spread, 4 * (i & MASK))
        return sum
      }
    }
  ]
}

/** Random IPv4 prefixes from /16 to /27. */
function planOf(count: number): PrefixTable {
  const prefixes = Array.from({ length: count }, (_, i) => {
    const length = 16 + (i % 12)
    const base = (scramble(i) & (-1 << (32 - length))) >>> 0
    const dotted = [24, 16, 8, 0].map(shift => (base >>> shift) & 0xff).join('.')
    return readPrefix(`${dotted}/${length}`)
  })
  return new PrefixTable(compilePrefixes(prefixes, covering => covering.length))
}
