import type { Milliseconds, Seconds } from '../../base/units.js'
import { containsPrefix, readPrefix, type Prefix } from '../../base/values/address.js'
import { readName, showCanonical, showName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { Evaluator } from '../../policy/evaluate/evaluator.js'
import type { PreparedReply } from '../../policy/tables/claim.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { MandatedNames } from '../../policy/rules/mandates/mandated-names.js'
import type { Ban, NameSource, RuleSet } from '../../policy/rules/model/types.js'
import { BanNames, type AskedName } from './ban-names.js'
import {
  enforcedBans,
  probeClients,
  showClient,
  underRules,
  type ProbeClient
} from './probe-clients.js'

/** Why a question is asked. `around`: a name by which apps find other resolvers. */
export type ProbeKind = 'ban' | 'exception' | 'around' | 'control'

/** One question, and what its answer has to be. */
export interface Probe {
  readonly kind: ProbeKind
  readonly network: string
  /** The client to be. */
  readonly client: ProbeClient
  readonly clientText: string
  /** Id of the ban or exception; '' for control names. */
  readonly rule: string
  /** Wire form. */
  readonly name: Uint8Array
  readonly nameText: string
  readonly qtype: number
  /** Undefined: it must not be blocked; for control names there must be an answer as well. */
  readonly blocked: PreparedReply | undefined
}

/** A ban that names are asked of as one client; undefined: what is asked of every client. */
export interface ProbeSubject {
  readonly client: ProbeClient
  readonly ban: Ban | undefined
}

export interface PlannerOptions {
  /** At least, see `BanNames`. */
  readonly namesPerBan: number
  /** Interval of the rounds; undefined: there is one. */
  readonly every?: Milliseconds | undefined
  /** Names that must resolve, besides `must-resolve` in the rules. */
  readonly control: readonly string[]
  /** Only this client. */
  readonly client?: ProbeClient | undefined
  /** Names that mandates list. */
  readonly mandated?: readonly MandatedNames[] | undefined
}

export interface PlanOptions extends PlannerOptions {
  /** Number of the round, so that all names have their turn. */
  readonly round: number
  readonly now: Seconds
}

/** A name of a ban in force that no client of a network would be refused: the rules contradict themselves. */
export interface LostName {
  readonly network: string
  readonly rule: string
  readonly name: string
}

export interface Plan {
  readonly probes: readonly Probe[]
  readonly lost: readonly LostName[]
}

/** Something that is not probed. */
export interface ProbeGap {
  /** `ban be-federal-tiktok` */
  readonly what: string
  readonly why: string
}

/** What of the rules is probed. */
export interface Coverage {
  /** Bans in force that are enforced, and how many of them are asked. */
  readonly bans: { readonly all: number; readonly probed: number }
  readonly gaps: readonly ProbeGap[]
}

const ADDRESS_BITS = 128
/** Types that browsers and apps ask for. */
const QTYPES = [RRTYPE.A, RRTYPE.AAAA, RRTYPE.HTTPS] as const
const named = (written: string): AskedName => {
  const name = readName(written)
  return { name, text: showCanonical(showName(name)) }
}
/** The canary of browsers for DNS over HTTPS, relays, and the name for discovery (RFC 9462 §4). */
const AROUND = [
  'use-application-dns.net',
  'mask.icloud.com',
  'mask-h2.icloud.com',
  'dns.google'
].map(named)

/**
 * What to ask: for each client class and each ban in force, its main names and some others, in turn; for each
 * exception, names that are open for its clients; names around the resolver that are banned; and control names. What
 * has to come is decided by `snapshot`.
 */
export class Planner {
  /** In a stable order. */
  readonly subjects: readonly ProbeSubject[]
  private readonly evaluator: Evaluator
  private readonly bans: ReadonlySet<Ban>
  private readonly names = new Map<Ban, BanNames>()
  private readonly control: readonly AskedName[]
  private readonly mandated: readonly MandatedProbe[]

  constructor(
    private readonly rules: RuleSet,
    readonly snapshot: Snapshot,
    private readonly options: PlannerOptions
  ) {
    this.evaluator = new Evaluator(snapshot)
    const control = [...(rules.mustResolve ?? []).map(({ text }) => text), ...options.control]
    this.control = [...new Map(control.map(named).map(name => [name.text, name])).values()]
    const bans = new Map(rules.networks.map(network => [network.id, enforcedBans(network)]))
    this.bans = new Set([...bans.values()].flat())
    const clients = options.client && [options.client]
    const all = clients ?? probeClients(rules, this.evaluator.policy)
    this.subjects = all.flatMap(client => {
      // A recognized client is under the bans of both networks.
      const other = networkOfClass(snapshot.clients, client.addressClass)
      const both = [...bans.get(client.network)!, ...(bans.get(other ?? '') ?? [])]
      return [...new Set(both), undefined].map(ban => ({ client, ban }))
    })
    this.mandated = (options.mandated ?? []).map(ordered => ({
      ordered,
      names: ordered.names.map(askedName),
      prefixes: ordered.prefixes.map(readPrefix)
    }))
  }

  /** The questions about one subject. */
  questions({ client, ban }: ProbeSubject, round: number, now: Seconds): Plan {
    if (ban === undefined) {
      const around = AROUND.map(name => this.probe('around', client, '', name, RRTYPE.A, now))
      const control = this.control.map(name =>
        this.probe('control', client, '', name, RRTYPE.A, now)
      )
      const open = [...around.filter(({ blocked }) => blocked), ...control]
      return { probes: [...this.mandatedQuestions(client, now), ...open], lost: [] }
    }
    const probes: Probe[] = []
    const lost: LostName[] = []
    if (!isInForce(ban, now)) return { probes, lost }
    for (const name of this.namesOf(ban).ofRound(round)) {
      const all = QTYPES.map(qtype => this.probe('ban', client, ban.id, name, qtype, now))
      // A list may let names pass itself, and weekly hours may be over.
      if (name.source.kind === 'list' || ban.schedule !== undefined)
        probes.push(...all.filter(probe => !isOpen(probe)))
      else {
        probes.push(...all)
        if (isOpen(all[0]!)) lost.push({ network: client.network, rule: ban.id, name: name.text })
      }
    }
    return { probes, lost }
  }

  /** Names that a mandate lists, where the rules ban them: what they leave open is a problem of its own. */
  private mandatedQuestions(client: ProbeClient, now: Seconds): Probe[] {
    const inScope = this.mandated.filter(one => isOrdered(one, client, now))
    const names = inScope.flatMap(({ names }) => names)
    const all = names.map(name => this.probe('ban', client, '', name, RRTYPE.A, now))
    return all.filter(probe => !isOpen(probe))
  }

  /** Whether the answer to a question of these rules is still the same. */
  expects({ client, name, qtype, blocked }: Probe, now: Seconds): boolean {
    return this.decide(client, name, qtype, now).blocked === blocked
  }

  /** A question of other rules under these; undefined: its client is in no network. */
  again({ kind, client, rule, name, nameText, qtype }: Probe, now: Seconds): Probe | undefined {
    const moved = underRules(this.evaluator.policy, client)
    if (moved === undefined) return undefined
    return this.probe(kind, moved, rule, { name, text: nameText }, qtype, now)
  }

  /** What of the rules is asked in the rounds. */
  coverage(now: Seconds): Coverage {
    const asked = new Set(this.subjects.map(({ ban }) => ban))
    const bans = [...this.bans].filter(ban => isInForce(ban, now))
    const gaps: ProbeGap[] = []
    const counts = new Map<NameSource, number>()
    for (const ban of bans) {
      const names = this.namesOf(ban)
      for (const [source, count] of names.counts) counts.set(source, count)
      const why = !asked.has(ban)
        ? 'no client is in a network that has it'
        : 'it has no names, or only names under conditions'
      if (!asked.has(ban) || names.isEmpty) gaps.push({ what: `ban ${ban.id}`, why })
    }
    const probed = bans.length - gaps.length
    for (const [{ kind, id, bounds }, count] of counts)
      if (count > 0 && count < bounds.names)
        gaps.push({ what: `${kind} ${id}`, why: `${count} of its ${bounds.names} names are asked` })
    return { bans: { all: bans.length, probed }, gaps: [...gaps, ...recognitionGaps(this.rules)] }
  }

  /** A question, with what has to come now. */
  private probe(
    kind: ProbeKind,
    client: ProbeClient,
    rule: string,
    { text, name }: AskedName,
    qtype: number,
    now: Seconds
  ): Probe {
    const { blocked, exception, ruleId } = this.decide(client, name, qtype, now)
    return {
      kind: kind === 'ban' && exception ? 'exception' : kind,
      network: client.network,
      client,
      clientText: showClient(client),
      rule: blocked === undefined && !exception ? rule : (ruleId ?? rule),
      name,
      nameText: text,
      qtype,
      blocked
    }
  }

  private decide(client: ProbeClient, octets: Uint8Array, qtype: number, now: Seconds) {
    const subject = { kind: 'name', octets } as const
    const { clientClass, addressClass } = client
    const ruleVerdict = this.evaluator.evaluate(subject, qtype, clientClass, now, addressClass)
    const { verdict, claim } = ruleVerdict
    return {
      blocked: verdict === 'blocked' ? claim!.reply : undefined,
      exception: verdict === 'allowed',
      ruleId: claim?.ruleId
    }
  }

  private namesOf(ban: Ban): BanNames {
    const known = this.names.get(ban)
    if (known !== undefined) return known
    const names = new BanNames(ban, this.options.namesPerBan, this.options.every)
    this.names.set(ban, names)
    return names
  }
}

/** What the gateway would need to be a client that is recognized by it. */
const RECOGNITION = {
  certificates: ['certificate', 'the gateway does not have their keys'],
  tokens: ['token', 'the gateway has hashes of them only'],
  labels: ['server name', 'a connection with it would look as if the client had been there']
} as const

/** How clients are recognized. */
function recognitionGaps({ clients }: RuleSet): ProbeGap[] {
  const keys = ['certificates', 'tokens', 'labels'] as const
  return keys.flatMap(key => {
    const [by, why] = RECOGNITION[key]
    const all = clients?.clients.filter(client => client[key].length > 0) ?? []
    return all.length === 0 ? [] : [{ what: `clients by ${by}`, why: `${all.length}: ${why}` }]
  })
}

/** All questions of one round. */
export function planOf(rules: RuleSet, snapshot: Snapshot, options: PlanOptions): Plan {
  const { now, round } = options
  const planner = new Planner(rules, snapshot, options)
  const plans = planner.subjects.map(subject => planner.questions(subject, round, now))
  return {
    probes: plans.flatMap(({ probes }) => probes),
    lost: plans.flatMap(({ lost }) => lost)
  }
}

/** Names of a mandate, and the clients for whom it orders them to be banned. */
interface MandatedProbe {
  readonly ordered: MandatedNames
  readonly names: readonly AskedName[]
  readonly prefixes: readonly Prefix[]
}

function isOrdered(
  { ordered: { from, until, networks }, prefixes }: MandatedProbe,
  { network, address, isRecognized }: ProbeClient,
  now: Seconds
): boolean {
  if (now < from || until <= now) return false
  if (networks === 'all' || networks.includes(network)) return true
  const own = { address, length: ADDRESS_BITS }
  return !isRecognized && prefixes.some(prefix => containsPrefix(prefix, own))
}

/** @param written a pattern; below a wildcard, a name that an app might ask for */
function askedName(written: string): AskedName {
  return named(written.replace(/^=/, '').replace(/^\*\./, 'probe.'))
}

const isInForce = ({ from, until }: Ban, now: Seconds): boolean => from <= now && now < until

/** A name of a ban that neither the ban nor an exception decides. */
const isOpen = ({ kind, blocked }: Probe): boolean => kind === 'ban' && blocked === undefined
