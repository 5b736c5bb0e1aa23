import { addressWords, showAddress, type Address } from '../base/address.js'
import type { Milliseconds, Seconds } from '../base/units.js'
import { showCanonical, showName, readName } from '../dns/name/name.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { representativeClients } from '../policy/diff/client-ranges.js'
import { Evaluator, type Decision } from '../policy/evaluate/decision.js'
import type { PreparedReply } from '../policy/tables/claim.js'
import type { Snapshot } from '../policy/tables/snapshot.js'
import { networkOfClass } from '../policy/tables/client-table.js'
import type { Ban, RuleSet } from '../rules/model/types.js'
import { BanNames } from './ban-names.js'

/** Why a question is asked. `around`: a name by which apps find other resolvers. */
export type ProbeKind = 'ban' | 'exception' | 'around' | 'control'

/** One question, and what its answer has to be. */
export interface Probe {
  readonly kind: ProbeKind
  readonly network: string
  /** The client to be. */
  readonly client: Address
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
  readonly network: string
  readonly client: Address
  readonly clientClass: number
  readonly ban: Ban | undefined
}

export interface PlannerOptions {
  /** At least, see `BanNames`. */
  readonly namesPerBan: number
  /** Interval of the rounds; undefined: there is one. */
  readonly every?: Milliseconds | undefined
  /** Names that must resolve. */
  readonly control: readonly string[]
  /** Only clients of this network. */
  readonly network?: string | undefined
  /** Only this client. */
  readonly client?: Address | undefined
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

/** Types that browsers and apps ask for. */
const QTYPES = [RRTYPE.A, RRTYPE.AAAA, RRTYPE.HTTPS] as const
/** The canary of browsers for DNS over HTTPS, relays, and the name for discovery (RFC 9462 §4). */
const AROUND = ['use-application-dns.net', 'mask.icloud.com', 'mask-h2.icloud.com', 'dns.google']

/**
 * What to ask: for each client class and each ban in force, its main names and some others, in turn; for each exception,
 * names that are open for its clients; names around the resolver that are banned; and control names. What has to
 * come is decided by `snapshot`.
 */
export class Planner {
  /** In a stable order. */
  readonly subjects: readonly ProbeSubject[]
  private readonly evaluator: Evaluator
  private readonly names = new Map<Ban, BanNames>()

  constructor(
    rules: RuleSet,
    readonly snapshot: Snapshot,
    private readonly options: PlannerOptions
  ) {
    this.evaluator = new Evaluator(snapshot)
    const bans = new Map(rules.networks.map(({ id, rules }) => [id, rules.filter(isEnforcedBan)]))
    this.subjects = clientsOf(rules, this.evaluator, options).flatMap(
      ({ client, clientClass }): ProbeSubject[] => {
        const network = networkOfClass(snapshot.clients, clientClass)
        if (network === undefined || (options.network !== undefined && network !== options.network))
          return []
        const all = [...bans.get(network)!, undefined]
        return all.map(ban => ({ network, client, clientClass, ban }))
      }
    )
  }

  /** The questions about one subject. */
  questions(subject: ProbeSubject, round: number, now: Seconds): Plan {
    const { network, ban } = subject
    const probes: Probe[] = []
    const lost: LostName[] = []
    if (ban === undefined) {
      for (const text of AROUND) {
        const probe = this.probe('around', subject, '', text, RRTYPE.A, now)
        if (probe.blocked !== undefined) probes.push(probe)
      }
      for (const text of this.options.control)
        probes.push(this.probe('control', subject, '', text, RRTYPE.A, now))
    } else if (ban.from <= now && now < ban.until) {
      for (const { text, source } of this.namesOf(ban).ofRound(round)) {
        for (const qtype of QTYPES) {
          const { verdict } = this.decide(subject.clientClass, readName(text), qtype, now)
          const isLost = verdict === 'forwarded' || verdict === 'monitored'
          // A list may let names pass itself, and weekly hours may be over.
          const mayPass = source.kind === 'list' || ban.schedule !== undefined
          if (isLost && mayPass) continue
          probes.push(this.probe('ban', subject, ban.id, text, qtype, now))
          if (isLost && qtype === RRTYPE.A) lost.push({ network, rule: ban.id, name: text })
        }
      }
    }
    return { probes, lost }
  }

  /** A question, with what has to come now. */
  probe(
    kind: ProbeKind,
    { network, client, clientClass }: Omit<ProbeSubject, 'ban'>,
    rule: string,
    text: string,
    qtype: number,
    now: Seconds
  ): Probe {
    const name = readName(text)
    const { verdict, claim } = this.decide(clientClass, name, qtype, now)
    const blocked = verdict === 'blocked' ? claim!.reply : undefined
    const isAllowed = verdict === 'allowed'
    return {
      kind: kind === 'ban' && isAllowed ? 'exception' : kind,
      network,
      client,
      clientText: showAddress(client),
      rule: blocked === undefined && !isAllowed ? rule : (claim?.ruleId ?? rule),
      name,
      nameText: showCanonical(showName(name)),
      qtype,
      blocked
    }
  }

  /** As `probe`, under these rules, for a question of other rules; undefined: its client is in no network. */
  again({ kind, client, rule, nameText, qtype }: Probe, now: Seconds): Probe | undefined {
    const clientClass = this.evaluator.policy.classOf(addressWords(client), 0)
    const network = networkOfClass(this.snapshot.clients, clientClass)
    const subject = network && { network, client, clientClass }
    return subject ? this.probe(kind, subject, rule, nameText, qtype, now) : undefined
  }

  private decide(clientClass: number, octets: Uint8Array, qtype: number, now: Seconds): Decision {
    return this.evaluator.evaluate({ kind: 'name', octets }, qtype, clientClass, now)
  }

  private namesOf(ban: Ban): BanNames {
    const known = this.names.get(ban)
    if (known !== undefined) return known
    const names = new BanNames(ban, this.options.namesPerBan, this.options.every)
    this.names.set(ban, names)
    return names
  }
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

function isEnforcedBan(rule: RuleSet['networks'][number]['rules'][number]): rule is Ban {
  return rule.kind === 'ban' && rule.mode === 'enforce'
}

function clientsOf(
  rules: RuleSet,
  { policy }: Evaluator,
  { client }: PlannerOptions
): { readonly client: Address; readonly clientClass: number }[] {
  const clients = client === undefined ? representativeClients(rules) : [client]
  const byClass = new Map<number, Address>()
  for (const address of clients) {
    const clientClass = policy.classOf(addressWords(address), 0)
    if (!byClass.has(clientClass)) byClass.set(clientClass, address)
  }
  return [...byClass].map(([clientClass, client]) => ({ client, clientClass }))
}
