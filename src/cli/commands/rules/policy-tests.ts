import { addressWords } from '../../../base/values/address.js'
import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { MS_PER_SECOND, type Seconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { showName } from '../../../wire/dns/name/name.js'
import { BAN_EDE } from '../../../wire/dns/registry/ede.js'
import { showRrtype } from '../../../wire/dns/registry/rrtype.js'
import type { Policy } from '../../../policy/evaluate/policy.js'
import { networkOfClass } from '../../../policy/tables/client-table.js'
import { PROTOCOL, VERDICT, type QueryEvent } from '../../../lookups/event/query-event.js'
import type { Expectation } from '../../../policy/rules/schema/policy-tests-schema.js'
import type { PolicyTest } from '../../../policy/rules/tests/policy-table.js'
import { showInstant } from '../../../base/time/instant.js'
import { NoUpstreams, resolveOnce, fixedClock } from '../../../analysis/views/one-query.js'

/** The outcome of a query, in the words of policy tests. */
type Outcome = Readonly<Record<'action' | OutcomeKey, string | undefined>> & {
  /** As in the query log. */
  readonly verdict: string
}
type OutcomeKey = Exclude<keyof Expectation, 'expect'>

/**
 * Resolves the query of each test with the resolver of the server, without upstreams.
 *
 * @param when `now`: for tests without a time; `timeZone`: of the rules, for failure messages
 * @returns an error for each failed test
 */
export async function runPolicyTests(
  tests: readonly PolicyTest[],
  policy: Policy,
  config: Config,
  when: { readonly now: Seconds; readonly timeZone: string }
): Promise<InterdictError[]> {
  const { now, timeZone } = when
  const failures: InterdictError[] = []
  for (const test of tests) {
    const at = test.at ?? now
    const outcome = await resolveTest(test, at, policy, config)
    const [mismatch] = mismatches(test.expected, outcome)
    if (mismatch === undefined) continue
    failures.push(
      failureAt(
        test.positionOf(mismatch),
        'POLICY_TEST',
        test.path,
        describe(outcome.action ?? outcome.verdict, outcome),
        describe(test.expected.expect, test.expected),
        describeQuery(test, showInstant(at, timeZone))
      )
    )
  }
  return failures
}

async function resolveTest(
  { client, name, qtype, protocol }: PolicyTest,
  at: Seconds,
  policy: Policy,
  config: Config
): Promise<Outcome> {
  const words = addressWords(client)
  const clock = fixedClock(at * MS_PER_SECOND)
  const upstreams = new NoUpstreams()
  const query = { name, qtype, client: words, clock }
  const { event } = await resolveOnce(
    query,
    PROTOCOL[protocol],
    policy,
    config,
    upstreams,
    undefined
  )
  const { claims, snapshot } = policy
  const claim = claims.at(event.claim)
  const rule = claim === undefined || claim.kind === 'local' ? undefined : claim
  return {
    verdict: verdictOf(event, upstreams.wasAsked),
    action: event.verdict === VERDICT.blocked ? claim?.reply?.action : undefined,
    rule: rule?.ruleId,
    app: rule?.source.kind === 'app' ? rule.source.id : undefined,
    list: rule?.source.kind === 'list' ? rule.source.id : undefined,
    ede: wordOf(BAN_EDE, rule?.reply?.ede),
    network: networkOfClass(snapshot.clients, policy.classOf(words, 0))
  }
}

function verdictOf({ verdict, qnameLength }: QueryEvent, wasForwarded: boolean): string {
  // Queries that are never looked up, such as zone transfers, are refused without a log record.
  if (qnameLength === 0) return 'refused'
  return wordOf(VERDICT, wasForwarded && verdict === VERDICT.failed ? VERDICT.forwarded : verdict)!
}

/** Expectations of a test that the outcome does not meet. */
function mismatches({ expect, ...others }: Expectation, outcome: Outcome): (keyof Expectation)[] {
  const keys = Object.keys(others) as (keyof typeof others)[]
  const unequal = keys.filter(key => others[key] !== outcome[key])
  return meets(expect, outcome) ? unequal : ['expect', ...unequal]
}

function meets(expect: Expectation['expect'], { verdict, action }: Outcome): boolean {
  if (expect === 'passes') return ['forwarded', 'allowed', 'monitored'].includes(verdict)
  return expect === verdict || expect === action
}

/** `nxdomain (rule be-federal-tiktok, app tiktok, ede censored, network phones)` */
function describe(what: string, facts: Partial<Record<OutcomeKey, string | undefined>>): string {
  const { rule, app, list, ede, network } = facts
  const parts = Object.entries({ rule, app, list, ede, network })
  const shown = parts.flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]))
  return shown.length === 0 ? what : `${what} (${shown.join(', ')})`
}

const PROTOCOL_NAMES = { tcp: 'TCP', dot: 'TLS', doh: 'HTTPS' } as const

function describeQuery({ clientText, name, qtype, protocol }: PolicyTest, at: string): string {
  const transport = protocol === 'udp' ? '' : ` over ${PROTOCOL_NAMES[protocol]}`
  return `${clientText} asks for ${showName(name)} ${showRrtype(qtype)}${transport} at ${at}`
}

function wordOf(table: Readonly<Record<string, number>>, value?: number): string | undefined {
  return Object.keys(table).find(word => table[word] === value)
}
