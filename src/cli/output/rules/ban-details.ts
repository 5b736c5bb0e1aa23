import type { Seconds } from '../../../base/units.js'
import type { BanFacts } from '../../../analysis/report/questions/ban.js'
import type { Fact } from '../../../analysis/report/report.js'
import type { Ban, Reply, Rule, RuleException, RuleSet } from '../../../policy/rules/model/types.js'
import { showEnd, showInstant } from '../../../base/time/instant.js'
import { CoverageIndex, sourceId } from '../../../analysis/enforcement/coverage.js'
import type { MandateOrder } from '../../../policy/rules/mandates/mandate-orders.js'

/**
 * Details of a ban for `report ban`; only "not in the rules" if the rules no longer have it.
 *
 * @param mandates orders of the mandates in force
 */
export function banDetails(
  id: string,
  rules: RuleSet,
  at: Seconds,
  mandates: readonly MandateOrder[]
): BanFacts {
  const { networks, timeZone } = rules
  const all = new Set(networks.flatMap(network => network.rules))
  const ban = [...all].find((rule): rule is Ban => rule.kind === 'ban' && rule.id === id)
  const exceptions = [...all].filter((rule): rule is RuleException => {
    return rule.kind === 'exception' && ban !== undefined && share(rule, ban)
  })
  const approvals = exceptions.map((rule): [string, string] => [rule.id, approval(rule, timeZone)])
  return {
    facts: ban === undefined ? [['Ban', 'not in the rules']] : factsOf(ban, timeZone),
    networks: ban === undefined ? [] : new CoverageIndex(rules, at, mandates).ofBan(ban),
    exceptions: new Map(approvals)
  }
}

function share(one: Rule, other: Rule): boolean {
  const ids = new Set(other.sources.map(sourceId))
  return one.sources.some(source => ids.has(sourceId(source)))
}

/** What clients get, for readers who do not know the action. */
const MEANING: Readonly<Record<Reply['action'], string>> = {
  nxdomain: 'the name does not exist',
  nodata: 'the name has no addresses',
  refused: 'the query is refused',
  'null-address': 'an address that leads nowhere',
  sinkhole: 'the address of another server',
  cname: 'an alias of another name',
  drop: 'no answer',
  truncate: 'only over TCP'
}

function factsOf(ban: Ban, zone: string): Fact[] {
  const { sources, authority, legalBasis, reference, referenceUrl, owner, review, reply } = ban
  const titles = [...new Set(sources.map(({ title }) => title))].join(', ')
  const facts: [string, string | undefined][] = [
    ['Bans', titles],
    ['Authority', authority],
    ['Legal basis', legalBasis],
    ['Reference', [reference, referenceUrl].filter(Boolean).join(', ') || undefined],
    ['Owner', owner],
    ['In force', term(ban, zone)],
    ['Review', review === undefined ? undefined : day(review, zone)],
    [
      'Answer',
      ban.mode === 'monitor'
        ? `none: monitored (${reply.action} if enforced)`
        : `${reply.action}: ${MEANING[reply.action]}`
    ],
    ['Rule', `${ban.position.file}:${ban.position.line}`]
  ]
  return facts.flatMap(([label, text]): Fact[] => (text === undefined ? [] : [[label, text]]))
}

function approval(rule: RuleException, zone: string): string {
  return `${rule.purpose}, approved by ${rule.approvedBy}, ${term(rule, zone)}`
}

function term({ from, until, schedule }: Rule, zone: string): string {
  const dates = [
    Number.isFinite(from) ? `from ${day(from, zone)}` : '',
    Number.isFinite(until) ? showEnd(until, zone) : ''
  ].filter(Boolean)
  return [dates.join(', ') || 'no end date', ...(schedule ? [schedule.text] : [])].join(', ')
}

/** The date alone, if the instant is midnight in the time zone of the rules. */
function day(instant: Seconds, zone: string): string {
  return showInstant(instant, zone).replace(/T00:00:00.*$/, '')
}
