import { addressWords } from '../../base/address.js'
import { failureAt, type InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import { showName } from '../../dns/name/name.js'
import { BAN_EDE } from '../../dns/registry/ede.js'
import { showRrtype } from '../../dns/registry/rrtype.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import { PROTOCOL, VERDICT, type QueryEvent } from '../../querylog/record/query-event.js'
import type { Expectation } from '../../rules/schema/policy-tests-schema.js'
import type { PolicyTest } from '../../rules/tests/policy-table.js'
import { showInstant } from '../../rules/time/instant.js'
import { Nobody, resolve, standingClock } from './one-query.js'

/** What became of a query, in the words of policy tests. */
type Found = Readonly<Record<'action' | Told, string | undefined>> & {
  /** As the query log has it. */
  readonly verdict: string
}
type Told = Exclude<keyof Expectation, 'expect'>

/**
 * Puts the question of each row to the resolver that serves, with nobody upstream.
 *
 * @param when `now`: for rows that say no time; `timeZone`: that of the rules, for failures
 * @returns an error for each row that fails
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
    const found = await ask(test, at, policy, config)
    const [wrong] = wrongIn(test.expected, found)
    if (wrong === undefined) continue
    failures.push(
      failureAt(
        test.positionOf(wrong),
        'POLICY_TEST',
        test.path,
        show(found.action ?? found.verdict, found),
        show(test.expected.expect, test.expected),
        questionOf(test, showInstant(at, timeZone))
      )
    )
  }
  return failures
}

async function ask(
  { client, name, qtype, protocol }: PolicyTest,
  at: Seconds,
  policy: Policy,
  config: Config
): Promise<Found> {
  const words = addressWords(client)
  const clock = standingClock(at * MS_PER_SECOND)
  const nobody = new Nobody()
  const asked = { name, qtype, client: words, clock }
  const { event } = await resolve(asked, PROTOCOL[protocol], policy, config, nobody, undefined)
  const { claims, snapshot } = policy
  const claim = claims[event.claim]
  const rule = claim === undefined || claim.kind === 'local' ? undefined : claim
  return {
    verdict: verdictOf(event, nobody.missed),
    action: event.verdict === VERDICT.blocked ? claim?.reply?.action : undefined,
    rule: rule?.ruleId,
    app: rule?.source.kind === 'app' ? rule.source.id : undefined,
    list: rule?.source.kind === 'list' ? rule.source.id : undefined,
    ede: wordOf(BAN_EDE, rule?.reply?.ede),
    network: networkOfClass(snapshot.clients, policy.classOf(words, 0))
  }
}

function verdictOf({ verdict, qnameLength }: QueryEvent, missed: boolean): string {
  // What is never looked up, a zone transfer say, is refused without a record.
  if (qnameLength === 0) return 'refused'
  return wordOf(VERDICT, missed && verdict === VERDICT.failed ? VERDICT.forwarded : verdict)!
}

/** What a row wants and has not got. */
function wrongIn({ expect, ...others }: Expectation, found: Found): (keyof Expectation)[] {
  const keys = Object.keys(others) as (keyof typeof others)[]
  const wrong = keys.filter(key => others[key] !== found[key])
  return meets(expect, found) ? wrong : ['expect', ...wrong]
}

function meets(expect: Expectation['expect'], { verdict, action }: Found): boolean {
  if (expect === 'passes') return ['forwarded', 'allowed', 'monitored'].includes(verdict)
  return expect === verdict || expect === action
}

/** `nxdomain (rule be-federal-tiktok, app tiktok, ede censored, network phones)` */
function show(what: string, told: Partial<Record<Told, string | undefined>>): string {
  const { rule, app, list, ede, network } = told
  const parts = Object.entries({ rule, app, list, ede, network })
  const said = parts.flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]))
  return said.length === 0 ? what : `${what} (${said.join(', ')})`
}

function questionOf({ clientText, name, qtype, protocol }: PolicyTest, at: string): string {
  const over = protocol === 'udp' ? '' : ' over TCP'
  return `${clientText} asks for ${showName(name)} ${showRrtype(qtype)}${over} at ${at}`
}

function wordOf(table: Readonly<Record<string, number>>, value?: number): string | undefined {
  return Object.keys(table).find(word => table[word] === value)
}
