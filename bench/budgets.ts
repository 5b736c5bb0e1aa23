import { microseconds, showMegabytes, spreadOf } from './kit/numbers.js'
import { FLOOR, OURS, UNLOGGED } from './peers/index.js'
import { bestPeer, ratio, rowOf, spread, type Results } from './results.js'
import { slowedBy } from './scenarios/loading.js'

/** What a budget came to in one run. */
export interface Outcome {
  readonly measured: string
  readonly held: boolean
}

/** One line of DESIGN.md section 9. */
export interface Budget {
  readonly text: string
  /** Undefined where the run has no numbers for it. */
  readonly outcome: (results: Results) => Outcome | undefined
}

export const BUDGETS: readonly Budget[] = [
  {
    text: 'mixed: CPU per answer at most 1.35 x the floor',
    outcome: results => ratioTo(results, 'mixed', 'mixed', FLOOR, 1.35)
  },
  {
    text: 'mixed: CPU per answer less than the best peer',
    outcome: results => ratioTo(results, 'mixed', 'mixed', bestPeer(results, 'mixed')?.peer, 1)
  },
  {
    text: 'mixed: user part at most 1.0 µs',
    outcome(results) {
      const row = rowOf(results, 'mixed', OURS)
      const user = row && spread(row, sample => sample.user).median
      if (user === undefined) return undefined
      return { measured: `${user.toFixed(2)} µs`, held: user <= 1 }
    }
  },
  {
    text: 'logged: at most 15% more CPU per answer than without a log',
    outcome(results) {
      const change = ratio(rowOf(results, 'logged', OURS), rowOf(results, 'logged', UNLOGGED.name))
      return change && { measured: `x ${change.median.toFixed(2)}`, held: change.median <= 1.15 }
    }
  },
  {
    text: 'logged: CPU per answer less than the best peer with its log on',
    outcome: results => ratioTo(results, 'logged', 'logged', bestPeer(results, 'logged')?.peer, 1)
  },
  {
    text: 'logged: no record dropped',
    outcome(results) {
      const row = rowOf(results, 'logged', OURS)
      const share = row?.logged && row.logged.lines / row.logged.blocked
      if (share === undefined) return undefined
      return { measured: `${(share * 100).toFixed(2)}% written`, held: share >= 1 }
    }
  },
  {
    text: 'miss: CPU per answer at most the best peer',
    outcome: results => ratioTo(results, 'miss', 'miss', bestPeer(results, 'miss')?.peer, 1)
  },
  {
    text: 'tcp: CPU per answer at most the best peer',
    outcome: results => ratioTo(results, 'tcp', 'tcp', bestPeer(results, 'tcp')?.peer, 1)
  },
  {
    text: 'validated-miss: CPU per answer at most 1.2 x unbound',
    outcome: results => ratioTo(results, 'validated-miss', 'validated-miss', 'unbound', 1.2)
  },
  {
    text: 'keytrap: p99 of other clients at most 5 ms above quiet',
    outcome(results) {
      const row = results.traps.find(({ peer }) => peer === OURS)
      if (row === undefined || row.problem !== undefined || row.trapped.length === 0)
        return undefined
      const above = row.trapped.map(({ latency }, i) => latency.p99 - row.quiet[i]!.latency.p99)
      const { median } = spreadOf(above)
      return { measured: microseconds(median), held: median <= 5000 }
    }
  },
  { text: '1M names: ready in 1 s', outcome: results => readyIn(results, 1_000_000, 1) },
  { text: '1M names: 64 MB', outcome: results => heldIn(results, 1_000_000, 64) },
  { text: '1M names: no query lost in a reload', outcome: results => lostNone(results, 1_000_000) },
  {
    text: '1M names: p99.9 in a reload at most 5 ms above idle',
    outcome: results => slowed(results, 1_000_000)
  },
  { text: '10M names: ready in 10 s', outcome: results => readyIn(results, 10_000_000, 10) },
  { text: '10M names: 640 MB', outcome: results => heldIn(results, 10_000_000, 640) },
  {
    text: '10M names: no query lost in a reload',
    outcome: results => lostNone(results, 10_000_000)
  },
  {
    text: '10M names: p99.9 in a reload at most 5 ms above idle',
    outcome: results => slowed(results, 10_000_000)
  },
  {
    text: 'start to first answer with the shipped rules: under 0.5 s',
    outcome(results) {
      const times = results.starting.find(({ peer }) => peer === OURS)?.firstAnswer
      if (!times?.length) return undefined
      const { median } = spreadOf(times)
      return { measured: `${(median / 1000).toFixed(2)} s`, held: median < 500 }
    }
  },
  {
    text: 'resident memory of an idle one-worker gateway: under 120 MB',
    outcome(results) {
      const size = results.starting.find(({ peer }) => peer === OURS)?.idle
      if (size === undefined) return undefined
      return { measured: showMegabytes(size), held: size < 120 * 2 ** 20 }
    }
  }
]

/** Ours in one scenario over another server in the same or another one. */
function ratioTo(
  results: Results,
  ours: string,
  theirs: string,
  peer: string | undefined,
  limit: number
): Outcome | undefined {
  if (peer === undefined) return undefined
  const share = ratio(rowOf(results, ours, OURS), rowOf(results, theirs, peer))
  return (
    share && { measured: `x ${share.median.toFixed(2)} (${peer})`, held: share.median <= limit }
  )
}

const loaded = (results: Results, names: number) =>
  results.loading.find(row => row.peer === OURS && row.names === names)

function readyIn(results: Results, names: number, limit: number): Outcome | undefined {
  const took = loaded(results, names)?.readyAfter
  if (took === undefined) return undefined
  return { measured: `${(took / 1000).toFixed(2)} s`, held: took <= limit * 1000 }
}

function heldIn(results: Results, names: number, limit: number): Outcome | undefined {
  const above = loaded(results, names)?.aboveEmpty
  if (above === undefined) return undefined
  return { measured: showMegabytes(above), held: above <= limit * 2 ** 20 }
}

function lostNone(results: Results, names: number): Outcome | undefined {
  const tally = loaded(results, names)?.reload
  return tally && { measured: `${tally.lost} of ${tally.sent}`, held: tally.lost === 0 }
}

function slowed(results: Results, names: number): Outcome | undefined {
  const row = loaded(results, names)
  const above = row && slowedBy(row)
  return above === undefined ? undefined : { measured: microseconds(above), held: above <= 5000 }
}
