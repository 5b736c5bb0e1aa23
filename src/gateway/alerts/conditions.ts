import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { ALERT_EVENTS, type AlertEvent } from '../config/alert-config.js'
import type { StatusReply } from '../status/health.js'
import { PROBLEMS, type ProblemCode } from '../status/problems.js'
import type { RuleEnding } from '../reload/rule-expiry.js'

/** Something that an alert is raised for as long as it is so. */
export interface Condition {
  readonly event: AlertEvent
  /** What of several it is about; null: the gateway. */
  readonly subject: string | null
  readonly severity: 'critical' | 'warning'
  readonly message: string
}

/** A worker that was restarted counts as unstable for this long. */
const RESTART_MEMORY: Milliseconds = 600_000

/** Rules that the message about their end names. */
const MAX_NAMED = 10

export interface ConditionSources {
  readonly status: StatusReply
  /** Bans and exceptions that end within a time. */
  readonly rulesEndingWithin: (time: Seconds) => readonly RuleEnding[]
  /** Wall-clock time. */
  readonly now: Milliseconds
}

/**
 * What there is to alert of: the problems of the gateway's health, and what will become one.
 *
 * @param endingWithin how long before an end
 */
export function conditionsOf(sources: ConditionSources, endingWithin: Milliseconds): Condition[] {
  return [...healthConditions(sources), ...endingConditions(sources, endingWithin)]
}

function healthConditions({ status: { health, workers }, now }: ConditionSources): Condition[] {
  const problems = health.problems.flatMap(({ code, subject, message }): Condition[] => {
    const event = eventOf(code)
    if (event === undefined) return []
    return [{ event, subject, severity: PROBLEMS[code].fails ? 'critical' : 'warning', message }]
  })
  const restarted = workers.flatMap(({ number, restarts, since }): Condition[] => {
    const isRecent = since === null || now - Date.parse(since) < RESTART_MEMORY
    if (restarts === 0 || !isRecent) return []
    const message = `worker ${number} was restarted: see the service log`
    return [warning('worker-restarted', String(number), message)]
  })
  return [...problems, ...restarted]
}

function endingConditions(
  { status, rulesEndingWithin, now }: ConditionSources,
  endingWithin: Milliseconds
): Condition[] {
  const isEnding = (at: string): boolean => {
    const left = Date.parse(at) - now
    return left > 0 && left <= endingWithin
  }
  const { bundle } = status.rules
  const bundles = bundle !== null && isEnding(bundle.expires) ? [bundle] : []
  const { root = null } = bundle ?? {}
  const roots = root !== null && isEnding(root.expires) ? [root] : []
  const certificates = status.certificates.filter(({ expires }) => isEnding(expires))
  return [
    ...rulesEnding(rulesEndingWithin(endingWithin / MS_PER_SECOND)),
    ...bundles.map(({ serial, expires }) =>
      warning('bundle-ending', null, `bundle ${serial} expires at ${expires}`)
    ),
    ...roots.map(({ version, expires }) =>
      warning('root-ending', null, `root of trust ${version} expires at ${expires}`)
    ),
    ...certificates.map(({ name, expires }) =>
      warning('certificate-ending', name, `certificate of ${name} expires at ${expires}`)
    )
  ]
}

/** One condition for each time at which rules end: a decree may be thousands of them. */
function rulesEnding(rules: readonly RuleEnding[]): Condition[] {
  const byEnd = new Map<Seconds, string[]>()
  const lastDays = new Map(rules.map(({ until, lastDay }) => [until, lastDay]))
  for (const { ruleId, kind, until } of rules) {
    const names = byEnd.get(until)
    if (names === undefined) byEnd.set(until, [`${kind} ${ruleId}`])
    else names.push(`${kind} ${ruleId}`)
  }
  return [...byEnd].map(([until, names]) => {
    const end = new Date(until * MS_PER_SECOND).toISOString()
    const named = names.slice(0, MAX_NAMED).join(', ')
    const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : ''
    const verb = names.length === 1 ? 'ends' : 'end'
    const day = lastDays.get(until)
    const when = day === undefined ? `${verb} at ${end}` : `${verb} soon: the last day is ${day}`
    return warning('rule-ending', end, `${named}${more} ${when}`)
  })
}

const warning = (event: AlertEvent, subject: string | null, message: string): Condition => {
  return { event, subject, severity: 'warning', message }
}

/** The event of a problem; undefined: it is none. */
export function eventOf(code: ProblemCode): AlertEvent | undefined {
  const name = code.toLowerCase().replaceAll('_', '-')
  return ALERT_EVENTS.find(event => event === name)
}
