import { lastDayBefore } from '../../../base/time/instant.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { RuleDate, RuleFacts } from '../../../analysis/report/questions/rule-facts.js'
import type { MandateOrder } from '../../../policy/rules/mandates/mandate-orders.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import {
  listBans,
  type ListedBan,
  type ListedException
} from '../../../analysis/views/bans-list.js'

/**
 * What reports on a day, week or month say about the rules.
 *
 * @param at the time of states
 * @param mandates orders of the mandates in force
 */
export function ruleFacts(
  rules: RuleSet,
  at: Milliseconds,
  mandates: readonly MandateOrder[]
): RuleFacts {
  const list = listBans(rules, { at: at / MS_PER_SECOND, within: 0 }, mandates)
  const { networks, bans, exceptions, coverage } = list
  const lacks = networks.map(network => ({
    network,
    lacks: coverage.filter(({ uncovered }) => uncovered.includes(network)).map(({ title }) => title)
  }))
  const isDeclared = coverage.some(({ scope }) => scope !== null)
  const isInForce = ({ state, mode }: ListedBan): boolean =>
    mode === 'enforce' && (state === 'in force' || state === 'outside its hours')
  return {
    rules: list.rules,
    networks: networks.length,
    bansInForce: bans.filter(isInForce).length,
    uncovered: isDeclared ? lacks.filter(network => network.lacks.length > 0) : null,
    dates: [
      ...bans.flatMap(ban => datesOf(rules.timeZone, 'ban', ban, ban.authority ?? '', ban.review)),
      ...exceptions.flatMap(rule => {
        const by = `${rule.purpose}, approved by ${rule.approvedBy}`
        return datesOf(rules.timeZone, 'exception', rule, by, null)
      })
    ].sort((a, b) => Number(a.at) - Number(b.at))
  }
}

function datesOf(
  timeZone: string,
  kind: RuleDate['kind'],
  { id, from, until, networks }: ListedBan | ListedException,
  by: string,
  review: string | null
): RuleDate[] {
  const lastDayOf = (at: string, what: RuleDate['what']): string | null =>
    what === 'ends' ? (lastDayBefore(Date.parse(at) / MS_PER_SECOND, timeZone) ?? null) : null
  const date = (at: string | null, what: RuleDate['what']): RuleDate[] =>
    at === null
      ? []
      : [{ at: new Date(at), lastDay: lastDayOf(at, what), kind, id, what, networks, by }]
  return [...date(from, 'starts'), ...date(until, 'ends'), ...date(review, 'review')]
}
