import { randomInt } from 'node:crypto'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { showInstant } from '../../base/time/instant.js'
import type { Seconds } from '../../base/units.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { compile } from '../compile/compile.js'
import { Evaluator } from '../evaluate/evaluator.js'
import type { MustResolve, RuleSet } from '../rules/model/types.js'
import { isTimed, type Claim } from '../tables/claim.js'
import type { Snapshot } from '../tables/snapshot.js'
import { timeSegments } from './time-segments.js'

const QTYPES = [RRTYPE.A, RRTYPE.AAAA]
/** About half a second, however many networks and dates the rules have. */
const MAX_EVALUATIONS = 500_000

/** A name of `must-resolve` that rules block. */
export interface BlockedName {
  readonly name: MustResolve
  readonly error: InterdictError
}

/**
 * The names of `must-resolve` that a network's rules block by name, now or later: each in the first network and at the
 * first time. What blocks an alias or an address in the answer is known only when somebody asks; the probe does.
 */
export function blockedMustResolve(
  names: readonly MustResolve[],
  snapshot: Snapshot,
  now: Seconds,
  timeZone: string
): readonly BlockedName[] {
  if (names.length === 0) return []
  const evaluator = new Evaluator(snapshot)
  const classes = oneClassPerGroup(snapshot)
  const most = MAX_EVALUATIONS / (names.length * QTYPES.length * Math.max(1, classes.length))
  const times = timesFrom(evaluator.policy.claims.all, now).slice(0, Math.max(1, most))
  return names.flatMap(name => {
    for (const at of times) {
      for (const clientClass of classes) {
        const claim = blockingClaim(evaluator, name, clientClass, at)
        if (claim === undefined) continue
        const { networks, networkOf } = snapshot.clients
        const network = networks[networkOf[clientClass]!]!
        const rule = `${claim.kind} ${claim.ruleId} (${claim.ruleFile}:${claim.ruleLine})`
        const when = at === now ? '' : ` from ${showInstant(at, timeZone)}`
        const { position, path, text } = name
        const detail = [path, text, rule, network, when] as const
        return [{ name, error: failureAt(position, 'RULES_MUST_RESOLVE', ...detail) }]
      }
    }
    return []
  })
}

/** The same for a rule set that is not compiled yet. */
export function mustResolveErrors(rules: RuleSet, now: Seconds): readonly InterdictError[] {
  const { mustResolve = [], timeZone } = rules
  if (mustResolve.length === 0) return []
  const snapshot = compile(rules, { generation: 1, random: () => randomInt(2 ** 32) })
  return blockedMustResolve(mustResolve, snapshot, now, timeZone).map(({ error }) => error)
}

/** Client classes to which the same rules apply are one group. */
function oneClassPerGroup({ clients }: Snapshot): readonly number[] {
  const byGroup = new Map<number, number>()
  clients.groupOf.forEach((group, clientClass) => {
    if (clients.networkOf[clientClass] !== -1 && !byGroup.has(group))
      byGroup.set(group, clientClass)
  })
  return [...byGroup.values()]
}

/** Now, and whenever a rule starts or ends. */
function timesFrom(claims: readonly Claim[], now: Seconds): readonly Seconds[] {
  const timed = claims.filter(isTimed)
  const times = timeSegments(timed, now).flatMap(segment => segment.times)
  return [...new Set(times)].sort((a, b) => a - b)
}

/** The claim that keeps a name from being resolved. Local data and truncated answers do not. */
function blockingClaim(
  evaluator: Evaluator,
  { name }: MustResolve,
  clientClass: number,
  at: Seconds
): Claim | undefined {
  const subject = { kind: 'name', octets: name } as const
  for (const qtype of QTYPES) {
    const { verdict, claim } = evaluator.evaluate(subject, qtype, clientClass, at)
    const action = claim?.reply?.action
    if (verdict === 'blocked' && action !== 'data' && action !== 'truncate') return claim
  }
  return undefined
}
