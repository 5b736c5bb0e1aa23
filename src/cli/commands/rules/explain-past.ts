import { showAddress } from '../../../base/values/address.js'
import type { Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { withDecisiveSettings } from '../../../gateway/config/decisive-settings.js'
import { locallyAnsweredNames } from '../../../gateway/compiler/locally-answered.js'
import { createRebindingGuard } from '../../../gateway/workers/create-rebinding-guard.js'
import { showName } from '../../../wire/dns/name/name.js'
import { showRrtype } from '../../../wire/dns/registry/rrtype.js'
import { compile } from '../../../policy/compile/compile.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import type { InForce, RulesHistory } from '../../../policy/history/rules-history.js'
import { explainQuery } from '../../../analysis/views/explain-query.js'
import type { ExplainedQuery, Explanation } from '../../../analysis/views/explanation.js'
import { fixedClock } from '../../../analysis/views/one-query.js'
import { loadStored, type StoredRules } from '../../args/find-version.js'
import { pastOf } from '../../args/past.js'
import { contradictions, pastLookups } from '../../args/past-lookups.js'
import type { HistoryPlace } from '../../args/fleet-history.js'
import { failureOf } from '../../exit.js'
import { pastOrders } from '../analysis/mandates-in-force.js'
import type { Io } from '../../io.js'
import type {
  PastExplanation,
  PastFacts,
  PastLookups
} from '../../output/rules/past-explanation.js'

/** A question about the past. */
export interface PastQuestion extends Omit<ExplainedQuery, 'clock' | 'identity'> {
  readonly device: string | undefined
  /** The address as it was given; undefined: none. */
  readonly from: string | undefined
}

/** The decision then, by what was in force then; or why it is not known. */
export async function explainPast(
  history: RulesHistory,
  question: PastQuestion,
  at: Milliseconds,
  config: Config,
  options: HistoryPlace,
  io: Io
): Promise<{ readonly explanation: PastExplanation; readonly timeZone: string | undefined }> {
  const log = await lookupsOf(question, at, options, io)
  const { inForce, reasons, notes } = pastOf(history, at)
  const wrong = contradictions(log.lookups, history)
  const unknown = [...reasons, ...wrong.slice(0, 1).map(contradictionText)]
  const facts = { since: isoOf(inForce?.from), until: isoOf(inForce?.until), notes, log }
  const decided =
    inForce === undefined || unknown.length > 0
      ? unknown
      : await decide(inForce, question, at, { config, place: options, io })
  if (Array.isArray(decided)) {
    const explanation = notKnown(question, at, inForce, { ...facts, unknown: decided })
    return { explanation, timeZone: undefined }
  }
  const { explanation, timeZone } = decided
  const isForwarded = explanation.reply === null
  const more = isForwarded
    ? ['The answer of then is not known, nor whether a rule matched what it led to.']
    : []
  const past = { ...facts, unknown: [], notes: [...notes, ...more] }
  return { explanation: { ...explanation, past }, timeZone }
}

interface Decided {
  readonly explanation: Explanation
  readonly timeZone: string
}

/** @returns the reasons why it is not known */
async function decide(
  inForce: InForce,
  question: PastQuestion,
  at: Milliseconds,
  { config, place, io }: { readonly config: Config; readonly place: HistoryPlace; readonly io: Io }
): Promise<Decided | string[]> {
  const settings = await inForce.version.settings()
  if (settings === undefined) return ['the settings of then are not stored']
  const then = withDecisiveSettings(config, settings)
  let stored: StoredRules
  try {
    stored = await loadStored(inForce, config)
  } catch (error) {
    return [...failureOf(error)]
  }
  const { rules } = stored.loaded
  const { pauses } = inForce.event
  const snapshot = compile(rules, {
    ...{ generation: 1, random: () => 0, specialUse: locallyAnsweredNames(then), pauses }
  })
  const mandates = await pastOrders(rules, config, at, place, io)
  const parts = { settings: then, snapshot, sources: rules.sources, forwarder: undefined, mandates }
  const query = { ...question, clock: fixedClock(at) }
  const explanation = await explainQuery(query, { ...parts, guard: createRebindingGuard(then) })
  const lists = listsThatMatter(stored, explanation)
  if (lists.length > 0)
    return lists.map(list => `list ${list} of then is not stored, and might have decided`)
  return { explanation, timeZone: rules.timeZone }
}

/**
 * Unknown lists on which the decision may depend. A ban or an exception outranks lists that are only blocked or
 * allowed, whatever was in them.
 */
function listsThatMatter(
  { loaded: { rules }, unknownLists, placeholders }: StoredRules,
  { network, device, rule, verdict }: Explanation
): readonly string[] {
  if (unknownLists.length === 0) return []
  const outranks =
    (rule?.kind === 'ban' && verdict === 'blocked') ||
    (rule?.kind === 'exception' && verdict === 'allowed')
  // A recognized client may be under the rules of two networks.
  const isMeant = ({ id }: RuleSet['networks'][number]): boolean =>
    device !== null || id === network
  const matter = rules.networks.filter(isMeant).flatMap(one => one.rules)
  const used = matter.filter(({ kind }) => !outranks || kind === 'ban' || kind === 'exception')
  const sources = new Set(used.flatMap(one => one.sources))
  return unknownLists.filter(list => sources.has(placeholders.get(list)!))
}

function lookupsOf(
  { from, device, client, name }: PastQuestion,
  at: Milliseconds,
  options: HistoryPlace,
  io: Io
): Promise<PastLookups> {
  const octets = new Uint8Array(16)
  const view = new DataView(octets.buffer)
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, client[i]!)
  const shown = device ?? (from === undefined ? '' : showAddress(octets))
  return pastLookups({ client: shown, name, at }, options, io)
}

function notKnown(
  { name, qtype, from, device }: PastQuestion,
  at: Milliseconds,
  inForce: InForce | undefined,
  past: PastFacts
): PastExplanation {
  const { event } = inForce ?? {}
  return {
    name: showName(name),
    type: showRrtype(qtype),
    client: from ?? '::',
    device: device === undefined ? null : { name: device, status: 'unknown', reason: null },
    network: null,
    addressNetwork: null,
    ech: 'pass',
    at: new Date(at).toISOString(),
    rules: { sha256: event?.sha256 ?? null, serial: event?.bundle?.serial ?? null },
    ...{ verdict: 'unknown', match: 'none', rule: null, upstream: null, steps: [] },
    ...{ mandates: [], reply: null },
    past
  }
}

const isoOf = (time: Milliseconds | undefined): string | null =>
  time === undefined || time === Infinity ? null : new Date(time).toISOString()

const contradictionText = ({ time, sha256 }: PastLookups['lookups'][number]): string =>
  `the query log has a lookup at ${time} by rules ${sha256}, which were not in force then according to the history`
