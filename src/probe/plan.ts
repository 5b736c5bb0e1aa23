import { addressWords, showAddress, type Address } from '../base/address.js'
import type { Octets, Seconds } from '../base/units.js'
import { showCanonical, showName, readName } from '../dns/name/name.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { representativeClients } from '../policy/diff/client-ranges.js'
import { Evaluator, type Decision } from '../policy/evaluate/decision.js'
import type { PreparedReply } from '../policy/tables/claim.js'
import type { Snapshot } from '../policy/tables/snapshot.js'
import { networkOfClass } from '../policy/tables/client-table.js'
import { COVER, type Ban, type NameSource, type RuleSet } from '../rules/model/types.js'

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

export interface PlanOptions {
  readonly namesPerBan: number
  /** Names that must resolve. */
  readonly control: readonly string[]
  /** Number of the round, so that all names have their turn. */
  readonly round: number
  readonly now: Seconds
  /** Only clients of this network. */
  readonly network?: string | undefined
  /** Only this client. */
  readonly client?: Address | undefined
}

export interface Plan {
  readonly probes: readonly Probe[]
  /** Bans in force that no client of a network would meet: the rules contradict themselves. */
  readonly lost: readonly {
    readonly network: string
    readonly rule: string
    readonly name: string
  }[]
}

/** Types that browsers and apps ask for. */
const QTYPES = [RRTYPE.A, RRTYPE.AAAA, RRTYPE.HTTPS] as const
/** The canary of browsers for DNS over HTTPS, relays, and the name for discovery (RFC 9462 §4). */
const AROUND = ['use-application-dns.net', 'mask.icloud.com', 'mask-h2.icloud.com', 'dns.google']
/** Names of one list that may be asked; the rest of a longer list is like them. */
const MOST_NAMES = 10_000

/**
 * What to ask in one round: for each client class and each ban in force, some names of the ban, in turn;
 * for each exception, names that are open for its clients; names around the resolver that are banned; and
 * control names. What has to come is decided by `snapshot`, which the prober has compiled itself.
 */
export function planOf(rules: RuleSet, snapshot: Snapshot, options: PlanOptions): Plan {
  const { now, round, namesPerBan, network: only } = options
  const evaluator = new Evaluator(snapshot)
  const probes: Probe[] = []
  const lost: Plan['lost'][number][] = []
  const names = new Map<NameSource, readonly string[]>()
  const bans = new Map(rules.networks.map(({ id, rules }) => [id, rules.filter(isEnforcedBan)]))
  for (const { client, clientClass } of clientsOf(rules, evaluator, options)) {
    const network = networkOfClass(snapshot.clients, clientClass)
    if (network === undefined || (only !== undefined && network !== only)) continue
    const add = (kind: ProbeKind, rule: string, text: string, qtype: number): Decision => {
      const name = readName(text)
      const decision = evaluator.evaluate({ kind: 'name', octets: name }, qtype, clientClass, now)
      const { verdict, claim } = decision
      const blocked = verdict === 'blocked' ? claim!.reply : undefined
      const isAllowed = verdict === 'allowed'
      if (kind === 'around' && blocked === undefined) return decision
      probes.push({
        kind: kind === 'ban' && isAllowed ? 'exception' : kind,
        network,
        client,
        clientText: showAddress(client),
        rule: blocked === undefined && !isAllowed ? rule : (claim?.ruleId ?? rule),
        name,
        nameText: showCanonical(showName(name)),
        qtype,
        blocked
      })
      return decision
    }
    for (const ban of bans.get(network)!) {
      if (!isActive(ban, now)) continue
      const all = ban.sources.flatMap(source => namesOf(source, names))
      for (let i = 0; i < Math.min(namesPerBan, all.length); i++) {
        const text = all[(round * namesPerBan + i) % all.length]!
        for (const qtype of QTYPES) {
          const { verdict } = add('ban', ban.id, text, qtype)
          const isLost = verdict === 'forwarded' || verdict === 'monitored'
          if (isLost && qtype === RRTYPE.A) lost.push({ network, rule: ban.id, name: text })
        }
      }
    }
    for (const text of AROUND) add('around', '', text, RRTYPE.A)
    for (const text of options.control) add('control', '', text, RRTYPE.A)
  }
  return { probes, lost }
}

function isEnforcedBan(rule: RuleSet['networks'][number]['rules'][number]): rule is Ban {
  return rule.kind === 'ban' && rule.mode === 'enforce'
}

/** Bans with weekly hours are left to the evaluation, which knows their hours. */
function isActive({ from, until, schedule }: Ban, now: Seconds): boolean {
  return from <= now && now < until && schedule === undefined
}

function clientsOf(
  rules: RuleSet,
  { policy }: Evaluator,
  { client }: PlanOptions
): { readonly client: Address; readonly clientClass: number }[] {
  const clients = client === undefined ? representativeClients(rules) : [client]
  const byClass = new Map<number, Address>()
  for (const address of clients) {
    const clientClass = policy.classOf(addressWords(address), 0)
    if (!byClass.has(clientClass)) byClass.set(clientClass, address)
  }
  return [...byClass].map(([clientClass, client]) => ({ client, clientClass }))
}

/** Names that a source covers; below a wildcard, one that an app might ask for. */
function namesOf(source: NameSource, known: Map<NameSource, readonly string[]>): readonly string[] {
  const before = known.get(source)
  if (before !== undefined) return before
  const found: string[] = []
  const { part } = source
  // What a list passes, or has for some clients or types only, is no name of the ban.
  if (part === undefined || (typeof part.effect !== 'object' && part.effect === 'rule')) {
    source.writeTo({
      name: (octets: Uint8Array, at: Octets, length: Octets, cover: number) => {
        if (found.length >= MOST_NAMES || length <= 1) return
        const name = showCanonical(showName(octets.subarray(at, at + length)))
        found.push(cover === COVER.below ? `probe.${name}` : name)
      },
      prefix: () => undefined
    })
  }
  known.set(source, found)
  return found
}
