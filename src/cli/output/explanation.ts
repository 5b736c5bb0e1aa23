import { showAddress } from '../../base/address.js'
import { epochSeconds, type Clock } from '../../base/clock.js'
import type { Answer } from '../../dns/message/answer.js'
import { showMessage } from '../../dns/message/decode-message.js'
import { HashedName } from '../../dns/name/hashed-name.js'
import { showName } from '../../dns/name/name.js'
import { showRrtype } from '../../dns/registry/rrtype.js'
import { matchedRule, type MatchedRule } from '../../policy/evaluate/matched-rule.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import {
  explainName,
  explainAddress,
  type Candidate,
  type ExplainContext
} from '../../policy/explain/explain.js'
import type { Claim } from '../../policy/tables/claim.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import { MATCH, VERDICT, type QueryEvent } from '../../querylog/record/query-event.js'
import type { RebindingGuard } from '../../resolver/rebinding-guard.js'
import type { NameSource } from '../../rules/model/types.js'
import { showInstant } from '../../rules/time/instant.js'
import type { Forwarder } from '../../upstream/forwarder.js'

/** What is asked, read from the command line. */
export interface Asked {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly qtype: number
  readonly client: Uint32Array
  readonly clock: Clock
}

/** What the resolver did with it. */
export interface Resolved {
  readonly event: QueryEvent
  /** The reply; undefined: none is sent. */
  readonly reply: Uint8Array | undefined
  /** The upstream's answer, if one was asked: where it leads is looked at as well. */
  readonly answer: Answer | undefined
  /** An upstream would have been asked, but was not to be: the reply is not what a client gets. */
  readonly unasked: boolean
  /** What looked for addresses inside, if anything did. */
  readonly guard: RebindingGuard | undefined
}

/** One rule that has a say, as people read it. */
export interface Said {
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
  /** When of the week it is in force, in words. */
  readonly schedule?: string
  readonly facts: Readonly<Record<string, string>>
  /** Why its name is right though many share it; only of the rule that decides. */
  readonly forced?: string
  readonly fate: string
}

/** What one name or address along the way met. */
export interface Stop {
  readonly what: string
  readonly said: readonly Said[]
  /** There only where it is so: an address that the rebinding guard keeps from this name. */
  readonly inside?: true
}

/** Everything that `interdict explain` shows; its JSON form is public. */
export interface Explanation {
  readonly name: string
  readonly type: string
  readonly client: string
  readonly network: string | null
  readonly at: string
  /** Which rules were asked. */
  readonly rules: { readonly sha256: string; readonly serial: number | null }
  readonly verdict: string
  readonly match: string
  /** The rule that decided, or in monitor mode would have. */
  readonly rule: Omit<Said, 'fate'> | null
  readonly upstream: string | null
  /** The name asked, then each name and address that the answer leads to. */
  readonly stops: readonly Stop[]
  /** What the client receives, as dig shows it; empty: nothing; null: what an upstream says. */
  readonly reply: readonly string[] | null
}

export function gather(
  asked: Asked,
  policy: Policy,
  { event, reply, answer, unasked, guard }: Resolved,
  { upstreams }: Pick<Forwarder, 'upstreams'>
): Explanation {
  const { snapshot } = policy
  const { origin } = snapshot
  const clientClass = policy.classOf(asked.client, 0)
  const isOpen = unasked && event.verdict === VERDICT.failed
  const guarding = event.match === MATCH.rebinding ? guard : undefined
  const decided = event.claim === -1 ? undefined : decidedBy(policy, event)
  return {
    name: showName(asked.name),
    type: showRrtype(asked.qtype),
    client: showWords(asked.client, 0),
    network: networkOfClass(snapshot.clients, clientClass) ?? null,
    at: new Date(asked.clock.wall()).toISOString(),
    rules: { sha256: origin.sha256, serial: origin.bundle?.serial ?? null },
    verdict: wordOf(VERDICT, isOpen ? VERDICT.forwarded : event.verdict),
    match: wordOf(MATCH, event.match),
    rule: decided ?? null,
    upstream: upstreams[event.upstream] ?? null,
    stops: stopsOf(asked, policy, clientClass, answer, guarding),
    reply: unasked ? null : reply === undefined ? [] : showMessage(reply)
  }
}

/** With the reason for which the name that decides was forced, if it was. */
export function withReason(explanation: Explanation, sources: readonly NameSource[]): Explanation {
  const { rule } = explanation
  const reasons = sources.flatMap(({ file, forced = [] }) =>
    [...forced].map(([line, why]) => [`${file}:${line}`, why] as const)
  )
  const forced = new Map<string, string>(reasons).get(rule?.source ?? '')
  return rule === null || forced === undefined
    ? explanation
    : { ...explanation, rule: { ...rule, forced } }
}

/** The rule that the event points at, and the line that matched. */
function decidedBy(policy: Policy, event: QueryEvent): Omit<Said, 'fate'> {
  const { claim, entry: record, match, qnameLength } = event
  const first = matchedRule(policy.snapshot, claim, record)
  const whole = match === MATCH.qname ? first?.length === qnameLength : undefined
  return said(policy, claim, matchedRule(policy.snapshot, claim, record, whole))
}

export function toJson(explanation: Explanation): string {
  return `${JSON.stringify(explanation, undefined, 2)}\n`
}

function stopsOf(
  asked: Asked,
  policy: Policy,
  clientClass: number,
  answer: Answer | undefined,
  guard: RebindingGuard | undefined
): Stop[] {
  const { clock, qtype } = asked
  const question = { clientClass, qtype, now: epochSeconds(clock) }
  const names = [asked.name, ...(answer === undefined ? [] : namesIn(answer.targets))]
  const stops = names.map(name => ({
    what: showName(name),
    said: sayName(policy, name, question)
  }))
  for (let at = 0; at < (answer?.addresses.length ?? 0); at += 4) {
    const words = answer!.addresses
    const candidates = explainAddress(policy.snapshot, words, at, question)
    stops.push({
      what: showWords(words, at),
      said: candidates.map(one => sayCandidate(policy, one)),
      ...(guard?.isPrivate(words, at) === true ? { inside: true } : {})
    })
  }
  return stops
}

function sayName(policy: Policy, octets: Uint8Array, question: ExplainContext): Said[] {
  const name = new HashedName()
  name.set(octets, 0, policy.seed)
  const candidates = explainName(policy.snapshot, name, question)
  return candidates.map(one => sayCandidate(policy, one))
}

function sayCandidate(policy: Policy, { claim, matched, outcome: fate }: Candidate): Said {
  return { ...said(policy, claim, matched), fate }
}

function said(policy: Policy, number: number, matched?: MatchedRule): Omit<Said, 'fate'> {
  const claim = policy.claims[number]!
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
  if (kind === 'inline') return 'its own names'
  return `${kind} ${id} (${part === '' ? title : part})`
}

/** The names of `Answer.targets`, which stand one after the other. */
function namesIn(targets: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = []
  const name = new HashedName()
  for (let at = 0; at < targets.length; at += name.length) {
    name.set(targets, at, 0)
    names.push(targets.slice(at, at + name.length))
  }
  return names
}

function showWords(words: Uint32Array, at: number): string {
  const octets = new Uint8Array(16)
  const view = new DataView(octets.buffer)
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, words[at + i]!)
  return showAddress(octets)
}

function wordOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(table).find(word => table[word] === value) ?? String(value)
}
