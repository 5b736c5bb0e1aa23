import type { Seconds } from '../../base/units.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import type { Claim } from '../tables/claim.js'
import type { Snapshot } from '../tables/snapshot.js'
import type { LocalDataTable } from '../tables/local-data-table.js'
import { Decision } from '../tables/decision.js'
import { addBans, isBanned } from './client-pair.js'
import { Policy } from './policy.js'

/** The outcome of the rules for one query by one client at one time. */
export interface RuleVerdict {
  /** As in the query log. */
  readonly verdict: 'forwarded' | 'allowed' | 'monitored' | 'blocked' | 'local'
  /** The claim that decides, or would if it were enforced; of `local` the records. Undefined: no rule matches. */
  readonly claim: Claim | undefined
  /** TYPE, RDLENGTH and RDATA of the list's records for the client, in hex; '' if none. */
  readonly data: string
  /** Equal if clients receive the same. */
  readonly answerKey: string
  /** Equal if the query log and the authorities behind the rule are the same as well. */
  readonly key: string
}

/** What is evaluated: a name in wire form, or an address. */
export type Subject =
  | { readonly kind: 'name'; readonly octets: Uint8Array }
  | { readonly kind: 'address'; readonly words: Uint32Array }

/** Evaluates subjects with the `Policy` that answers queries; equal verdicts are one object. */
export class Evaluator {
  readonly policy: Policy
  private readonly name = new HashedName()
  private readonly decision = new Decision()
  private readonly bans = new Decision()
  private readonly known = new Map<string, RuleVerdict>()

  constructor(readonly snapshot: Snapshot) {
    this.policy = new Policy(snapshot)
  }

  /** @param addressClass of a recognized client: see `addressClassOf` */
  evaluate(
    subject: Subject,
    qtype: number,
    clientClass: number,
    now: Seconds,
    addressClass = 0
  ): RuleVerdict {
    const { decision, bans, policy } = this
    decision.clear()
    this.addDecision(subject, qtype, clientClass, now, decision)
    if (addressClass !== 0) {
      bans.clearForBans()
      this.addDecision(subject, qtype, addressClass, now, bans)
      addBans(policy, decision, bans)
    }
    const { claim, monitorClaim } = decision
    const records = isBanned(policy, decision) ? undefined : policy.findRecords(decision)
    const data = records === undefined ? this.localData(decision) : hexOf(records)
    const local = records === undefined ? -1 : decision.recordClaim
    const key = `${claim} ${monitorClaim} ${local} ${data}`
    const known = this.known.get(key) ?? ruleVerdictOf(policy, claim, monitorClaim, local, data)
    this.known.set(key, known)
    return known
  }

  private addDecision(
    subject: Subject,
    qtype: number,
    clientClass: number,
    now: Seconds,
    decision: Decision
  ): void {
    const { name, policy } = this
    if (subject.kind === 'name') {
      name.set(subject.octets, 0, policy.seed)
      policy.evaluateName(name, qtype, clientClass, now, decision)
    } else policy.evaluateAddress(subject.words, 0, qtype, clientClass, now, decision)
  }

  /** The DNS records that the client receives from a list. */
  private localData(decision: Decision): string {
    if (this.policy.claims.at(decision.claim)?.reply?.action !== 'data') return ''
    return hexOf(this.policy.findLocalData(decision))
  }
}

type Found = Pick<LocalDataTable, 'octets' | 'from' | 'to'>

function hexOf({ octets, from, to }: Found): string {
  return Buffer.from(octets.subarray(from, to)).toString('hex')
}

function ruleVerdictOf(
  { claims }: Policy,
  claim: number,
  monitor: number,
  local: number,
  data: string
): RuleVerdict {
  const decider = claims.at(claim)
  const monitored = claims.at(monitor)
  if (local !== -1) return ruleVerdict('local', claims.at(local), data)
  if (decider?.reply !== undefined) return ruleVerdict('blocked', decider, data)
  if (monitored !== undefined) return ruleVerdict('monitored', monitored)
  return ruleVerdict(decider === undefined ? 'forwarded' : 'allowed', decider)
}

function ruleVerdict(
  verdict: RuleVerdict['verdict'],
  claim: Claim | undefined,
  data = ''
): RuleVerdict {
  const answerKey = verdict === 'blocked' ? stableJson(claim!.reply) + data : data
  return { verdict, claim, data, answerKey, key: `${verdict} ${answerKey} ${reasonKey(claim)}` }
}

/** The content of a claim, without the rule's id and position. */
function reasonKey(claim: Claim | undefined): string {
  if (claim === undefined) return ''
  const { kind, source, reply, facts } = claim
  const through = source.kind === 'inline' ? [] : [source.kind, source.id]
  return stableJson([kind, through, reply, facts])
}

/** Equal text for equal values. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part
  )
}
