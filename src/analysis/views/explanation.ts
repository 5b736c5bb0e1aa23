import { showAddress } from '../../base/values/address.js'
import { epochSeconds, type Clock } from '../../base/time/clock.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { showMessage } from '../../wire/dns/message/decode-message.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { showName } from '../../wire/dns/name/name.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import type { Identification } from '../../wire/pki/identity.js'
import { matchedRule, type MatchedRule } from '../../policy/evaluate/matched-rule.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import {
  explainName,
  explainAddress,
  type Candidate,
  type ExplainContext
} from '../../policy/explain/explain.js'
import { explainPair } from '../../policy/explain/explain-pair.js'
import type { Claim } from '../../policy/tables/claim.js'
import {
  ECH,
  echOfClass,
  networkOfClass,
  type ClientTable
} from '../../policy/tables/client-table.js'
import { MATCH, VERDICT, type QueryEvent } from '../../lookups/event/query-event.js'
import type { RebindingGuard } from '../../resolver/stages/rebinding-guard.js'
import type { EchPolicy, NameSource } from '../../policy/rules/model/types.js'
import { showInstant } from '../../base/time/instant.js'
import type { NameMandate } from './mandate-view.js'
import type { Forwarder } from '../../resolver/upstream/forwarder.js'
import type { DnssecView } from './dnssec-view.js'

/** The query to explain. */
export interface ExplainedQuery {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly qtype: number
  readonly client: Uint32Array
  /** The client as the rules recognize it; undefined: by its address. */
  readonly identity?: Identification | undefined
  readonly clock: Clock
}

/** How the resolver answered it. */
export interface Resolution {
  readonly event: QueryEvent
  /** The reply; undefined: none is sent. */
  readonly reply: Uint8Array | undefined
  /** The answer of an upstream; its targets and addresses are explained as well. */
  readonly answer: Answer | undefined
  /** The query would have been forwarded, but upstreams were not to be queried. */
  readonly upstreamSkipped: boolean
  /** The rebinding guard, if it is enabled. */
  readonly guard: RebindingGuard | undefined
}

/** A rule that applies to a name or address. */
export interface RuleView {
  readonly kind: Claim['kind']
  readonly id: string
  /** `networks.yaml:12` */
  readonly rule: string
  readonly through: string
  readonly pattern: string
  readonly source: string
  readonly monitor: boolean
  readonly from?: string
  readonly until?: string
  /** Times of the week when it is in force. */
  readonly schedule?: string
  readonly facts: Readonly<Record<string, string>>
  /** Only of recognized clients: its network, since they are in two. */
  readonly network?: string
  /** Why its name is banned although others share it (`force`); only of the rule that decides. */
  readonly forced?: string
  /** The update of the catalogue that added the name; only of the rule that decides. */
  readonly added?: { readonly catalogue: number; readonly at: string; readonly enforced: string }
  /** The autonomous system that the rule names, and whose address this is; only of the rule that decides. */
  readonly asn?: number
  readonly outcome: string
}

/** A name or address of the answer, and the rules that apply to it. */
export interface Step {
  readonly subject: string
  readonly rules: readonly RuleView[]
  /** Present if the rebinding guard blocks this address as a private one. */
  readonly inside?: true
}

/** Everything that `interdict explain` shows; its JSON form is public. */
export interface Explanation {
  readonly name: string
  readonly type: string
  readonly client: string
  /** The client as the rules recognize it, and why its address alone counts all the same; null: by address. */
  readonly device: {
    readonly name: string
    readonly status: string
    readonly reason: string | null
  } | null
  readonly network: string | null
  /** The network of the address of a recognized client, whose bans apply as well; null: none, or the same. */
  readonly addressNetwork: string | null
  /** Of the network; of two, the stricter one. */
  readonly ech: EchPolicy
  readonly at: string
  /** Version of the rules. */
  readonly rules: { readonly sha256: string; readonly serial: number | null }
  readonly verdict: string
  readonly match: string
  /** The rule that decides, or in monitor mode would. */
  readonly rule: Omit<RuleView, 'outcome'> | null
  readonly upstream: string | null
  /** What DNSSEC validation says of the answer of an upstream; absent: it was not validated. */
  readonly dnssec?: DnssecView
  /** The query name, then each name and address in the answer. */
  readonly steps: readonly Step[]
  /** Mandates that order the query name to be banned for this client at that time. */
  readonly mandates: readonly NameMandate[]
  /** The reply as dig shows it; empty: none is sent; null: the answer of an upstream not queried. */
  readonly reply: readonly string[] | null
}

export function buildExplanation(
  query: ExplainedQuery,
  policy: Policy,
  { event, reply, answer, upstreamSkipped, guard }: Resolution,
  { upstreams }: Pick<Forwarder, 'upstreams'>
): Explanation {
  const { snapshot } = policy
  const { origin } = snapshot
  const { identity } = query
  const clientClass = classOfClient(policy, query)
  const addressClass = identity?.addressClass ?? 0
  const isForwarded = upstreamSkipped && event.verdict === VERDICT.failed
  const activeGuard = event.match === MATCH.rebinding ? guard : undefined
  const classes = { clientClass, addressClass }
  const steps = stepsOf(query, policy, classes, answer, activeGuard)
  const decided = event.claim === -1 ? undefined : decidedBy(policy, event, steps)
  return {
    name: showName(query.name),
    type: showRrtype(query.qtype),
    client: formatAddress(query.client, 0),
    device: identity === undefined ? null : deviceOf(identity),
    network: networkOfClass(snapshot.clients, clientClass) ?? null,
    addressNetwork: networkOfClass(snapshot.clients, addressClass) ?? null,
    ech: strictestEch(snapshot.clients, clientClass, addressClass),
    at: new Date(query.clock.wall()).toISOString(),
    rules: { sha256: origin.sha256, serial: origin.bundle?.serial ?? null },
    verdict: wordOf(VERDICT, isForwarded ? VERDICT.forwarded : event.verdict),
    match: wordOf(MATCH, event.match),
    rule: decided ?? null,
    upstream: upstreams[event.upstream] ?? null,
    steps,
    mandates: [],
    reply: upstreamSkipped ? null : reply === undefined ? [] : showMessage(reply)
  }
}

/** Of a client that is not recognized, the class of its address. */
export function classOfClient(policy: Policy, { identity, client }: ExplainedQuery): number {
  const ownClass = identity?.clientClass ?? 0
  return ownClass === 0 ? policy.classOf(client, 0) : ownClass
}

function deviceOf({ device = '', status, reason }: Identification): Explanation['device'] {
  return { name: device, status, reason: reason ?? null }
}

/** Adds when the catalogue got the name that decides, and the reason given by `force`, if there is one. */
export function withSourceFacts(
  explanation: Explanation,
  sources: readonly NameSource[]
): Explanation {
  return withAsn(withForceReason(withDate(explanation, sources), sources), sources)
}

function withAsn(explanation: Explanation, sources: readonly NameSource[]): Explanation {
  const { rule } = explanation
  if (rule === null) return explanation
  const [asn] = sources.flatMap(({ file, asns }) =>
    rule.source.startsWith(`${file}:`) ? (asns?.get(rule.pattern) ?? []) : []
  )
  return asn === undefined ? explanation : { ...explanation, rule: { ...rule, asn } }
}

function withDate(explanation: Explanation, sources: readonly NameSource[]): Explanation {
  const { rule } = explanation
  const [, file, line] = /^(.*):(\d+)$/.exec(rule?.source ?? '') ?? []
  const dates = sources.flatMap(source => {
    return source.file === file ? (source.added?.get(Number(line)) ?? []) : []
  })
  const [date] = dates
  if (rule === null || date === undefined) return explanation
  const { serial, added, enforced } = date
  const [at, from] = [added, enforced].map(time => showInstant(time, 'UTC'))
  return {
    ...explanation,
    rule: { ...rule, added: { catalogue: serial, at: at!, enforced: from! } }
  }
}

function withForceReason(explanation: Explanation, sources: readonly NameSource[]): Explanation {
  const { rule } = explanation
  const reasons = sources.flatMap(({ file, forced = [] }) =>
    [...forced].map(([line, why]) => [`${file}:${line}`, why] as const)
  )
  const forced = new Map<string, string>(reasons).get(rule?.source ?? '')
  return rule === null || forced === undefined
    ? explanation
    : { ...explanation, rule: { ...rule, forced } }
}

/** The rule of the event, and the line that matched. */
function decidedBy(
  policy: Policy,
  event: QueryEvent,
  steps: readonly Step[]
): Omit<RuleView, 'outcome'> {
  const { claim, entry, match, qnameLength } = event
  const first = matchedRule(policy.snapshot, claim, entry)
  const whole =
    match === MATCH.qname || match === MATCH.record ? first?.length === qnameLength : undefined
  const view = ruleView(policy, claim, matchedRule(policy.snapshot, claim, entry, whole))
  const network = steps
    .flatMap(({ rules }) => rules)
    .find(({ id, rule, outcome }) => {
      const isDecider = ['decides', 'answers', 'monitors'].includes(outcome)
      return isDecider && id === view.id && rule === view.rule
    })?.network
  return { ...view, ...(network === undefined ? {} : { network }) }
}

function stepsOf(
  query: ExplainedQuery,
  policy: Policy,
  classes: Pick<StepContext, 'clientClass' | 'addressClass'>,
  answer: Answer | undefined,
  guard: RebindingGuard | undefined
): Step[] {
  const { clock, qtype } = query
  const question = { ...classes, qtype, now: epochSeconds(clock) }
  const names = [query.name, ...(answer === undefined ? [] : namesIn(answer.targets))]
  const steps = names.map(name => ({
    subject: showName(name),
    rules: rulesForName(policy, name, question)
  }))
  for (let at = 0; at < (answer?.addresses.length ?? 0); at += 4) {
    const words = answer!.addresses
    steps.push({
      subject: formatAddress(words, at),
      rules: rulesFor(policy, question, context =>
        explainAddress(policy.snapshot, words, at, context)
      ),
      ...(guard?.isPrivate(words, at) === true ? { inside: true } : {})
    })
  }
  return steps
}

/** With an `addressClass`, the client is recognized, and the bans of the network of its address apply as well. */
interface StepContext extends ExplainContext {
  readonly addressClass: number
}

function rulesForName(policy: Policy, octets: Uint8Array, question: StepContext): RuleView[] {
  const name = new HashedName()
  name.set(octets, 0, policy.seed)
  return rulesFor(policy, question, context => explainName(policy.snapshot, name, context))
}

function rulesFor(
  policy: Policy,
  question: StepContext,
  explain: (context: ExplainContext) => readonly Candidate[]
): RuleView[] {
  const { clientClass, addressClass } = question
  const own = explain(question)
  if (addressClass === 0) return own.map(candidate => candidateView(policy, candidate))
  const ofAddress = explain({ ...question, clientClass: addressClass })
  const all = explainPair(own, ofAddress, claim => policy.claims.at(claim)!)
  return all.map(candidate => {
    const ofClass = candidate.isOfAddress ? addressClass : clientClass
    const network = networkOfClass(policy.snapshot.clients, ofClass)!
    return { ...candidateView(policy, candidate), network }
  })
}

/** Of class 0, which is in no network, it is the most lenient one. */
function strictestEch(clients: ClientTable, ...classes: readonly number[]): EchPolicy {
  const [strictest] = classes.map(one => echOfClass(clients, one)).sort((a, b) => ECH[b] - ECH[a])
  return strictest!
}

function candidateView(policy: Policy, { claim, matched, outcome: fate }: Candidate): RuleView {
  return { ...ruleView(policy, claim, matched), outcome: fate }
}

function ruleView(
  policy: Policy,
  number: number,
  matched?: MatchedRule
): Omit<RuleView, 'outcome'> {
  const claim = policy.claims.at(number)!
  const { kind, ruleId, ruleFile, ruleLine, source, monitor, from, until, timetable, facts } = claim
  return {
    kind,
    id: ruleId,
    rule: kind === 'local' ? (matched?.file ?? '') : `${ruleFile}:${ruleLine}`,
    through: throughOf(source),
    pattern: matched?.pattern ?? '',
    source: kind === 'local' ? (matched?.file ?? '') : `${source.file}:${matched?.sourceLine ?? 0}`,
    monitor,
    ...(Number.isFinite(from) ? { from: showInstant(from, 'UTC') } : {}),
    ...(Number.isFinite(until) ? { until: showInstant(until, 'UTC') } : {}),
    ...(timetable === undefined ? {} : { schedule: timetable.text }),
    facts
  }
}

function throughOf({ kind, id, part, title }: Claim['source']): string {
  if (kind === 'local') return title
  if (kind === 'inline' || kind === 'record') return 'its own names'
  return `${kind} ${id} (${part === '' ? title : part})`
}

/** The names in `Answer.targets`, which are concatenated. */
function namesIn(targets: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = []
  const name = new HashedName()
  for (let at = 0; at < targets.length; at += name.length) {
    name.set(targets, at, 0)
    names.push(targets.slice(at, at + name.length))
  }
  return names
}

function formatAddress(words: Uint32Array, at: number): string {
  const octets = new Uint8Array(16)
  const view = new DataView(octets.buffer)
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, words[at + i]!)
  return showAddress(octets)
}

function wordOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(table).find(word => table[word] === value) ?? String(value)
}
