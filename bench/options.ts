import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Seconds } from '../src/base/units.js'
import { FLOOR, OURS, PEERS, VARIANTS } from './peers/index.js'
import { buildBefore } from './peers/interdict.js'
import type { Peer } from './peers/peer.js'
import { LIST_SIZES } from './scenarios/loading.js'
import { THROUGHPUTS } from './scenarios/throughput.js'

export const USAGE = `npm run bench -- [options]

  --quick            two minutes: mixed, miss and logged against dnsdist and unbound; writes nothing
  --only A,B         these scenarios: ${[...THROUGHPUTS.map(({ name }) => name), 'validated', 'load', 'start'].join(', ')}
  --peers A,B        these peers beside ours and the floor: ${[...PEERS, ...VARIANTS].map(({ name }) => name).join(', ')}
  --before FOLDER    also another build of Interdict, in turns with this one: the folder of its package
  --rounds N         turns of each server (5)
  --seconds N        of each run (3)
  --names N,M        list sizes of the scenario load (1000000,10000000)
  --corpus FILE      popular names, most popular first, for the scenario random
  --out FILE         where the page goes (bench/results.md, if all scenarios and peers were run)
  --without-ours     peers and floor only
`

export interface Options {
  readonly peers: readonly Peer[]
  readonly scenarios: readonly string[]
  readonly rounds: number
  readonly seconds: Seconds
  readonly sizes: readonly number[]
  readonly corpus: string | undefined
  readonly out: string | undefined
  /** All scenarios, all peers, at least five rounds: worth being kept. */
  readonly complete: boolean
}

const SCENARIOS = [...THROUGHPUTS.map(({ name }) => name), 'validated', 'load', 'start']
const QUICK = { only: 'mixed,miss,logged', peers: 'dnsdist,unbound', rounds: '3', seconds: '1' }
const FULL = { only: SCENARIOS.join(), peers: PEERS.map(({ name }) => name).join() }

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      before: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      names: { type: 'string', default: LIST_SIZES.join() },
      corpus: { type: 'string' },
      out: { type: 'string' },
      'without-ours': { type: 'boolean', default: false }
    }
  })
  const preset = values.quick ? QUICK : { ...FULL, rounds: '5', seconds: '3' }
  const scenarios = choose('scenario', SCENARIOS, values.only ?? preset.only)
  const all = [...PEERS, ...VARIANTS]
  const known = all.map(({ name }) => name)
  const named = choose('peer', known, values.peers ?? preset.peers)
  const always = values['without-ours'] ? [FLOOR] : [OURS, FLOOR]
  const chosen = new Set([...named.filter(name => name !== OURS), ...always])
  const rounds = positive('rounds', values.rounds ?? preset.rounds)
  return {
    peers: [
      ...(values.before === undefined ? [] : [buildBefore(resolve(values.before))]),
      ...all.filter(({ name }) => chosen.has(name))
    ],
    scenarios,
    rounds,
    seconds: positive('seconds', values.seconds ?? preset.seconds),
    sizes: values.names.split(',').map(size => positive('names', size)),
    corpus: values.corpus,
    out: values.out,
    complete: chosen.size === PEERS.length && scenarios.length === SCENARIOS.length && rounds >= 5
  }
}

function choose(what: string, known: readonly string[], given: string): string[] {
  const chosen = given.split(',')
  const wrong = chosen.find(name => !known.includes(name))
  if (wrong !== undefined) throw new Error(`unknown ${what} ${wrong}; known: ${known.join(', ')}`)
  return known.filter(name => chosen.includes(name))
}

function positive(what: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${what}: found ${text}, wanted a number above 0`)
  return value
}
