import type { Deviation, Failing } from '../../analysis/enforcement/rules-enforcement.js'
import { FLEET_PATIENCE, firstError, type FoundProblem } from './found-problem.js'
import { probeProblems } from './probe-health.js'
import type { ProblemCode } from './problems.js'
import type { Status } from './status.js'

/**
 * What is not enforced against orders: pauses and uncovered scopes of the rules in force, and what keeps the gateway from
 * having or applying what was ordered. The one list from which health, metrics, alerts and pages take it.
 */
export function notEnforced(status: Status): Failing<ProblemCode>[] {
  const found = CHECKS.flatMap(([kind, check]) =>
    check(status).map(([code, message, subject = null]): Failing<ProblemCode> => {
      return { kind, code, subject, networks: [], by: null, reason: null, until: null, message }
    })
  )
  return [...status.enforcement.against, ...found]
}

const NO_UPSTREAM = 'no upstream is configured, and resolv.conf has none that can be used'

type Check = (status: Status) => readonly FoundProblem[]

const RULES: readonly Check[] = [
  ({ workers, rules: { generation: active } }) =>
    workers.flatMap(({ number, state, generation }) => {
      if (state !== 'listening' || generation >= active) return []
      const message = `worker ${number} answers by generation ${generation} of the rules, not ${active}`
      return [['WORKER_OUTDATED', message, String(number)] as const]
    }),
  ({ rules: { reload } }) =>
    reload?.outcome === 'refused'
      ? [['RULES_REFUSED', `rules rejected, previous rules remain active: ${firstError(reload)}`]]
      : [],
  ({ rules: { reloadStuckSince: since } }) =>
    since === null ? [] : [['RELOAD_STUCK', `a reload that began at ${since} has not ended`]],
  ({ rules: { tests } }) => {
    if (tests.failed === 0) return []
    const which = firstError({ errors: tests.failed, first: tests.first })
    return [['POLICY_TESTS_FAILING', `policy tests fail under the rules in force: ${which}`]]
  },
  ({ rules: { removedBans } }) =>
    removedBans.map(({ id, since }) => {
      const message = `ban ${id} was in force until ${since}, when a change of the rules ended it`
      return ['BAN_REMOVED', message, id] as const
    }),
  ({ fleet, rules: { bundle } }) => {
    const since = fleet?.wantedSince ?? null
    if (fleet === null || since === null || fleet.wanted === bundle?.serial) return []
    if (Date.now() - Date.parse(since) < FLEET_PATIENCE) return []
    const why = fleet.error === null ? '' : `: ${fleet.error.message}`
    const active = bundle?.serial ?? 'none'
    return [['FLEET_BEHIND', `the fleet wants bundle ${fleet.wanted}, in force is ${active}${why}`]]
  }
]

const MANDATES: readonly Check[] = [
  ({ rules: { mandates } }) => {
    const { shortfalls, first, problems } = mandates
    const unmet = firstError({ errors: shortfalls, first })
    const invalid = firstError({ errors: problems.length, first: problems })
    return [
      ...(shortfalls === 0
        ? []
        : [['MANDATE_UNMET', `the rules in force do not satisfy all mandates: ${unmet}`] as const]),
      ...(problems.length === 0
        ? []
        : [['MANDATE_INVALID', `mandates are missing or invalid: ${invalid}`] as const])
    ]
  }
]

const LISTS: readonly Check[] = [
  ({ remoteLists }) =>
    remoteLists.flatMap(({ list, state, isQuarantined, confirmed }): readonly FoundProblem[] => {
      const held = `${list}: a much shorter version awaits interdict lists confirm`
      const expired = `${list}: no download has succeeded since ${confirmed}`
      return [
        ...(state === 'missing'
          ? [['LIST_MISSING', `${list} was never downloaded`, list] as const]
          : []),
        ...(state === 'expired' ? [['LIST_EXPIRED', expired, list] as const] : []),
        ...(isQuarantined ? [['LIST_QUARANTINED', held, list] as const] : [])
      ]
    }),
  ({ rules: { shrunkLists } }) =>
    shrunkLists.map(({ id, before, now, since }) => {
      const message = `${id}: shrank from ${before} to ${now} entries at ${since}; restore its file, or run interdict lists confirm ${id}`
      return ['LIST_SHRUNK', message, id] as const
    }),
  ({ zones }) =>
    zones.flatMap(({ list, zone, state, copy }): readonly FoundProblem[] => {
      const missing = `${list}: ${zone} was never transferred`
      if (state === 'missing') return [['ZONE_MISSING', missing, list]]
      const expired = `${list}: ${zone} expired at ${copy?.expires}`
      return state === 'expired' ? [['ZONE_EXPIRED', expired, list]] : []
    })
]

const PROBE: readonly Check[] = [
  ({ probe }) => (probe === null ? [] : probeProblems(probe, Date.now()))
]

const UPSTREAMS: readonly Check[] = [
  ({ upstreams }) => {
    if (upstreams.length === 0) return [['UPSTREAMS_DOWN', NO_UPSTREAM]]
    const defaults = upstreams.filter(({ isDefault }) => isDefault)
    const areDown = [defaults, upstreams].some(
      all => all.length > 0 && all.every(({ state }) => state === 'down')
    )
    const used = defaults.length > 0 ? defaults : upstreams
    const areUnknown =
      used.some(({ state, probed }) => state === 'unknown' && probed) &&
      used.every(({ state }) => state !== 'up')
    const all: readonly FoundProblem[] = areDown
      ? [['UPSTREAMS_DOWN', 'no upstream answers']]
      : areUnknown
        ? [['UPSTREAMS_UNKNOWN', 'no upstream has answered yet since the start']]
        : []
    if (upstreams.length === 1) return all
    const down = upstreams.filter(({ state }) => state === 'down')
    const each = down.map(({ address }) => {
      return ['UPSTREAM_DOWN', `upstream ${address} does not answer`, address] as const
    })
    return [...all, ...each]
  },
  ({ upstreams }) => {
    const networks = new Set(upstreams.flatMap(upstream => upstream.networks))
    return [...networks].flatMap(network => {
      const own = upstreams.filter(upstream => upstream.networks.includes(network))
      const message = `no upstream of network ${network} answers`
      return own.every(({ state }) => state === 'down')
        ? [['UPSTREAM_DOWN', message, network] as const]
        : []
    })
  },
  ({ upstreams }) =>
    upstreams.flatMap(({ address, loopsFor }) =>
      loopsFor.map(domain => {
        const message = `upstream ${address} forwards ${domain} back to this gateway`
        return ['FORWARDING_LOOP', message, `${address} ${domain}`] as const
      })
    )
]

const CHECKS: readonly (readonly [Deviation['kind'], Check])[] = (
  [
    ['rules', RULES],
    ['mandate', MANDATES],
    ['list', LISTS],
    ['probe', PROBE],
    ['upstream', UPSTREAMS]
  ] as const
).flatMap(([kind, checks]) => checks.map(check => [kind, check] as const))
