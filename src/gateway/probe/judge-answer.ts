import type { Seconds } from '../../base/units.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import type { Answer } from './channels.js'
import { problemOf } from './answer-problem.js'
import type { Target } from './probe-exchange.js'
import type { Planner, Probe } from './probe-plan.js'

/** One question over one way. */
export interface Question {
  readonly probe: Probe
  readonly target: Target
  readonly worker: number
  readonly isLogged: boolean
}

/** `skip`: the answer says nothing, as rules began, ended or changed meanwhile. */
export type Judgement = 'good' | 'skip' | { readonly problem: string }

/** The clocks of two threads are read at different times. */
const CLOCK_TOLERANCE: Seconds = 2

/** Compares an answer, undefined if none came, with the rules now in force. */
export function judge(
  { probe, target }: Question,
  answer: Answer | undefined,
  planner: Planner,
  now: Seconds
): Judgement {
  const { generation } = planner.snapshot
  const origin = answer?.origin
  // Other rules are about to be known here.
  if (origin !== undefined && origin.generation > generation) return 'skip'
  if (!planner.expects(probe, now)) return 'skip'
  if (answer === undefined)
    return probe.blocked?.action === 'drop' ? 'good' : { problem: 'no answer' }
  if (origin === undefined) return { problem: 'the listener does not recognize probes' }
  const { worker, time } = origin
  if (origin.generation < generation) {
    const problem = `worker ${worker} answers by generation ${origin.generation} of the rules, not ${generation}`
    return { problem }
  }
  if (Math.abs(time - now) > CLOCK_TOLERANCE)
    return { problem: `the clock of worker ${worker} is ${time - now} s off` }
  // An upstream that does not answer is reported as such.
  if (probe.kind === 'control' && isServfail(answer.message)) return 'skip'
  const problem = problemOf(probe, answer.message, target.transport === 'udp', true)
  return problem === undefined ? 'good' : { problem }
}

/** RFC 1035 §4.1.1. */
const isServfail = (message: Uint8Array): boolean => (message[3]! & 0x0f) === RCODE.SERVFAIL
