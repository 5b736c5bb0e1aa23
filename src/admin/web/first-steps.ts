import type { List } from './api/types/rule-responses.js'
import type { Status, Trend } from './api/types/status-responses.js'

/** What a gateway needs until its first ban is in force and seen to be, in this order. */
export const STEPS = ['upstream', 'client', 'network', 'ban', 'list', 'log', 'block'] as const
export type StepId = (typeof STEPS)[number]

export interface Step {
  readonly id: StepId
  readonly isDone: boolean
  /** What the gateway has of it: a number, addresses, ids. */
  readonly state: string
}

export interface StepFacts {
  readonly status: Status
  readonly trend: Trend
  /** Undefined: not read. */
  readonly lists: readonly List[] | undefined
  /** Whether the log has a lookup, and a blocked one. */
  readonly isLogged: boolean
  readonly hasBlocked: boolean
}

/** Lists that match nothing, since they were never downloaded. */
const NOT_LOADED = 'missing'

/** The steps, each with its state as the gateway has it. */
export function firstSteps({ status, trend, lists = [], isLogged, hasBlocked }: StepFacts): Step[] {
  const { upstreams, rules, recorder } = status
  const up = upstreams.filter(({ state }) => state === 'up').map(({ address }) => address)
  const missing = lists.filter(({ state }) => state === NOT_LOADED).map(({ id }) => id)
  const all: Readonly<Record<StepId, readonly [isDone: boolean, state: string]>> = {
    upstream: [up.length > 0, (up.length > 0 ? up : upstreams.map(one => one.address)).join(', ')],
    client: [isLogged || counted(trend) > 0, `${counted(trend)}`],
    network: [rules.networks > 0, `${rules.networks}`],
    ban: [rules.bans > 0, `${rules.bans}`],
    list: [
      missing.length === 0,
      (missing.length > 0 ? missing : lists.map(one => one.id)).join(', ')
    ],
    log: [recorder?.writable === true, recorder === null ? '' : `${recorder.written}`],
    block: [hasBlocked || blocked(trend) > 0, `${blocked(trend)}`]
  }
  return STEPS.map(id => ({ id, isDone: all[id][0], state: all[id][1] }))
}

/**
 * True if the status alone shows that something is missing, or the trend leaves open whether it is. Then the log is
 * asked, which is not needed on a gateway in use.
 */
export function mayLackSteps(status: Status, trend: Trend): boolean {
  const { upstreams, rules, recorder } = status
  const isSetUp = rules.bans > 0 && rules.networks > 0 && recorder?.writable === true
  const isUp = upstreams.some(({ state }) => state !== 'down')
  return !isSetUp || !isUp || counted(trend) === 0 || blocked(trend) === 0
}

/** The one with more to show: of the last hour, which is read often, and of the last day. */
export function busier(one: Trend, other: Trend | undefined): Trend {
  if (other === undefined) return one
  return blocked(other) > blocked(one) || counted(other) > counted(one) ? other : one
}

const sum = (trend: Trend, of: (point: NonNullable<Trend['points'][number]>) => number): number =>
  trend.points.reduce((all, point) => all + (point === null ? 0 : of(point)), 0)

const blocked = (trend: Trend): number => sum(trend, point => point.blocked)
const counted = (trend: Trend): number =>
  sum(trend, point => point.answered + point.blocked + point.stale + point.failed)
