import { addressWords } from '../../base/values/address.js'
import { systemClock } from '../../base/time/clock.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { EmptyCache } from '../../resolver/cache/empty-cache.js'
import { showName } from '../../wire/dns/name/name.js'
import { BAN_EDE } from '../../wire/dns/registry/ede.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { NO_TIER, TIER } from '../../policy/tables/claim.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import { PROTOCOL, VERDICT, type QueryEvent } from '../../lookups/event/query-event.js'
import type { RuleWithoutList } from '../../policy/rules/tests/absent-lists.js'
import type { Expectation } from '../../policy/rules/schema/policy-tests-schema.js'
import type { PolicyTest } from '../../policy/rules/tests/policy-table.js'
import { showInstant } from '../../base/time/instant.js'
import { NoUpstreams, SingleQueries, type ResolverSettings } from './one-query.js'

/** The outcome of a query, in the words of policy tests. */
type TestedReply = Readonly<Record<'action' | ReplyKey, string | undefined>> & {
  /** As in the query log. */
  readonly verdict: string
  /** Of the rule that decides. */
  readonly tier: number
}
type ReplyKey = Exclude<keyof Expectation, 'expect'>

export interface TestRunOptions {
  /** For tests without a time. */
  readonly now: Seconds
  /** Of the rules, for messages. */
  readonly timeZone: string
  /** The rules of each network that use lists without content, by network id. */
  readonly withoutLists: ReadonlyMap<string, readonly RuleWithoutList[]>
}

/** A test that did not simply pass. */
export interface TestFinding {
  readonly test: PolicyTest
  /** POLICY_TEST, or POLICY_TEST_UNDECIDED. */
  readonly error: InterdictError
  /** Whether the outcome is the expected one now; only of an undecided test. */
  readonly isMet: boolean
}

export interface TestRun {
  readonly passed: number
  readonly failed: readonly TestFinding[]
  /** The outcome depends on a list whose content is not known. */
  readonly undecided: readonly TestFinding[]
}

/** Resolves the query of each test with the resolver of the server, without upstreams. */
export async function runPolicyTests(
  tests: readonly PolicyTest[],
  policy: Policy,
  config: ResolverSettings,
  options: TestRunOptions
): Promise<TestRun> {
  const runner = new TestRunner(policy, config, options)
  const failed: TestFinding[] = []
  const undecided: TestFinding[] = []
  for (const test of tests) {
    const finding = await runner.run(test)
    if (finding?.error.code === 'POLICY_TEST') failed.push(finding)
    else if (finding !== undefined) undecided.push(finding)
  }
  return { passed: tests.length - failed.length - undecided.length, failed, undecided }
}

/** Runs tests one after the other with one resolver, since making one takes longer than a test. */
class TestRunner {
  private readonly upstreams = new NoUpstreams()
  private time: Milliseconds = 0
  private readonly queries: SingleQueries

  constructor(
    private readonly policy: Policy,
    config: ResolverSettings,
    private readonly options: TestRunOptions
  ) {
    const clock = { now: () => systemClock.now(), wall: () => this.time }
    // No test may see what another one has left.
    const caches = { cache: new EmptyCache(), failures: new EmptyCache() }
    const parts = { forwarder: this.upstreams, guard: undefined, clock, ...caches }
    this.queries = new SingleQueries(policy, config, parts)
  }

  /** Undefined: the test passes. */
  async run(test: PolicyTest): Promise<TestFinding | undefined> {
    const { now, timeZone } = this.options
    const at = test.at ?? now
    const outcome = await this.resolve(test, at)
    const [mismatch] = mismatches(test.expected, outcome)
    const isMet = mismatch === undefined
    const list = this.listThatDecides(test.expected, outcome, isMet)
    if (isMet && list === undefined) return undefined
    const position = test.positionOf(mismatch ?? 'expect')
    const query = describeQuery(test, showInstant(at, timeZone))
    if (list !== undefined) {
      const error = failureAt(position, 'POLICY_TEST_UNDECIDED', test.path, list, query)
      return { test, error, isMet }
    }
    const found = describe(outcome.action ?? outcome.verdict, outcome)
    const expected = describe(test.expected.expect, test.expected)
    const error = failureAt(position, 'POLICY_TEST', test.path, found, expected, query)
    return { test, error, isMet }
  }

  private async resolve(
    { client, name, qtype, protocol }: PolicyTest,
    at: Seconds
  ): Promise<TestedReply> {
    const { policy, upstreams } = this
    const words = addressWords(client)
    this.time = at * MS_PER_SECOND
    upstreams.wasAsked = false
    const query = { name, qtype, client: words }
    const { event } = await this.queries.resolve(query, PROTOCOL[protocol])
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
      network: networkOfClass(snapshot.clients, policy.classOf(words, 0)),
      // In monitor mode a rule leaves the decision to those behind it.
      tier: rule === undefined || rule.monitor ? NO_TIER : rule.tier
    }
  }

  /** The list without content that may change the outcome; undefined: none, so it is known. */
  private listThatDecides(
    expected: Expectation,
    { network, tier }: TestedReply,
    isMet: boolean
  ): string | undefined {
    const rules = this.options.withoutLists.get(network ?? '') ?? []
    return rules.find(one => TIER_OF[one.rule.kind] <= tier && (isMet || mayMeet(one, expected)))
      ?.list
  }
}

/** The highest tier of a rule's claims by a list. */
const TIER_OF = {
  exception: TIER.sourceException,
  ban: TIER.ban,
  record: TIER.record,
  allow: TIER.allow,
  block: TIER.block
} as const

/** Whether a rule may have the expected outcome, once its list has content. */
function mayMeet({ rule, list }: RuleWithoutList, { expect, ...others }: Expectation): boolean {
  if (expect === 'forwarded' || expect === 'local' || others.app !== undefined) return false
  const isLifting = expect === 'allowed' || expect === 'passes'
  if (isLifting !== (rule.kind === 'exception' || rule.kind === 'allow')) return false
  return (others.rule ?? rule.id) === rule.id && (others.list ?? list) === list
}

function verdictOf({ verdict, qnameLength }: QueryEvent, wasForwarded: boolean): string {
  // Queries that are never looked up, such as zone transfers, are refused without a log record.
  if (qnameLength === 0) return 'refused'
  return wordOf(VERDICT, wasForwarded && verdict === VERDICT.failed ? VERDICT.forwarded : verdict)!
}

/** Expectations of a test that the outcome does not meet. */
function mismatches(
  { expect, ...others }: Expectation,
  outcome: TestedReply
): (keyof Expectation)[] {
  const keys = Object.keys(others) as (keyof typeof others)[]
  const unequal = keys.filter(key => others[key] !== outcome[key])
  return meets(expect, outcome) ? unequal : ['expect', ...unequal]
}

function meets(expect: Expectation['expect'], { verdict, action }: TestedReply): boolean {
  if (expect === 'passes') return ['forwarded', 'allowed', 'monitored'].includes(verdict)
  return expect === verdict || expect === action
}

/** `nxdomain (rule be-federal-tiktok, app tiktok, ede censored, network phones)` */
function describe(what: string, facts: Partial<Record<ReplyKey, string | undefined>>): string {
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
