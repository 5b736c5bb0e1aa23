import * as z from 'zod'
import type { Milliseconds } from '../../base/units.js'
import type { Counters } from '../channel/wire.js'

/** What the counters of reports add up to, and shares of them. */

export const NO_COUNTERS: Counters = {
  lookups: 0,
  blocked: 0,
  servfail: 0,
  durationSum: 0,
  responses: 0
}

/** Shares of lookups; null: there were none. */
export interface Shares {
  readonly lookups: number
  readonly blocked: number | null
  readonly servfail: number | null
  /** Mean response time. */
  readonly latency: Milliseconds | null
}

const share = (part: number, all: number): number | null => (all === 0 ? null : part / all)

export const sharesOf = ({
  lookups,
  blocked,
  servfail,
  durationSum,
  responses
}: Counters): Shares => ({
  lookups,
  blocked: share(blocked, lookups),
  servfail: share(servfail, responses),
  latency: share(durationSum, responses)
})

export function sum(a: Counters, b: Counters): Counters {
  return {
    lookups: a.lookups + b.lookups,
    blocked: a.blocked + b.blocked,
    servfail: a.servfail + b.servfail,
    durationSum: a.durationSum + b.durationSum,
    responses: a.responses + b.responses
  }
}

/** What as many lookups and responses as in `counts` would have been with the shares of `usual`. */
export function scaled(usual: Counters, counts: Counters): Counters {
  const lookups = usual.lookups === 0 ? 0 : counts.lookups / usual.lookups
  const responses = usual.responses === 0 ? 0 : counts.responses / usual.responses
  return {
    lookups: counts.lookups,
    blocked: usual.blocked * lookups,
    servfail: usual.servfail * responses,
    durationSum: usual.durationSum * responses,
    responses: counts.responses
  }
}

/** Counters in a file, in the order of `Counters`. */
export const countersRow = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()])
export type CountersRow = z.output<typeof countersRow>

export const rowOf = (counts: Counters): CountersRow => [
  counts.lookups,
  counts.blocked,
  counts.servfail,
  counts.durationSum,
  counts.responses
]

export const countersOf = ([
  lookups,
  blocked,
  servfail,
  durationSum,
  responses
]: CountersRow): Counters => ({ lookups, blocked, servfail, durationSum, responses })
