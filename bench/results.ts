import { spreadOf, type Spread } from './kit/numbers.js'
import { FLOOR, OURS, UNLOGGED } from './peers/index.js'
import { BEFORE } from './peers/interdict.js'
import type { LoadingRow } from './scenarios/loading.js'
import type { StartingRow } from './scenarios/starting.js'
import type { Row, Sample, Throughput } from './scenarios/throughput.js'
import type { TrapRow } from './scenarios/validated.js'

/** Everything that one run of the benchmark found. */
export interface Results {
  readonly throughput: Map<
    string,
    { readonly scenario: Pick<Throughput, 'title'>; readonly rows: readonly Row[] }
  >
  loading: LoadingRow[]
  starting: StartingRow[]
  traps: readonly TrapRow[]
}

/** The row of a server in a scenario, if it counts. */
export function rowOf(results: Results, scenario: string, peer: string): Row | undefined {
  const row = results.throughput.get(scenario)?.rows.find(row => row.peer === peer)
  return row?.problem === undefined && row?.samples.length ? row : undefined
}

export const spread = (row: Row, of: (sample: Sample) => number): Spread =>
  spreadOf(row.samples.map(of))

/** CPU per answer of one row over another's, round by round, so that a busy minute hits both. */
export function ratio(above: Row | undefined, below: Row | undefined): Spread | undefined {
  if (above === undefined || below === undefined) return undefined
  const rounds = Math.min(above.samples.length, below.samples.length)
  const ratios = above.samples.slice(0, rounds).map((s, i) => s.cpu / below.samples[i]!.cpu)
  return spreadOf(ratios)
}

/** The peer, our builds and the floor excepted, that has the smallest CPU per answer. */
export function bestPeer(results: Results, scenario: string): Row | undefined {
  const rows = results.throughput.get(scenario)?.rows ?? []
  const peers = rows
    .filter(({ peer }) => ![OURS, BEFORE, UNLOGGED.name, FLOOR].includes(peer))
    .flatMap(({ peer }) => rowOf(results, scenario, peer) ?? [])
  const cpu = (row: Row) => spread(row, sample => sample.cpu).median
  return peers.sort((a, b) => cpu(a) - cpu(b))[0]
}
