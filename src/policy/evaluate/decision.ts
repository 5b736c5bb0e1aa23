import type { Seconds } from '../../base/units.js'
import { HashedName } from '../../dns/name/hashed-name.js'
import { Verdict, type Claim, type Snapshot } from '../tables/snapshot.js'
import { Policy } from './policy.js'

/** What rules come to for one question on a name or address, of one client, at one instant. */
export interface Decision {
  /** As the query log has it. */
  readonly verdict: 'forwarded' | 'allowed' | 'monitored' | 'blocked'
  /** Through which a rule decides, or in monitor mode would; undefined: no rule speaks. */
  readonly claim: Claim | undefined
  /** TYPE, RDLENGTH and RDATA of the records that the client receives, hex; '': none of a list. */
  readonly data: string
  /** Equal where a client receives the same. */
  readonly answerKey: string
  /** Equal where the query log and the authorities behind it are the same too. */
  readonly key: string
}

/** What is judged: a name in wire form, or an address. */
export type Subject =
  | { readonly kind: 'name'; readonly octets: Uint8Array }
  | { readonly kind: 'address'; readonly words: Uint32Array }

/** Judges by what serves, and keeps each standing once. */
export class Evaluator {
  readonly policy: Policy
  private readonly name = new HashedName()
  private readonly verdict = new Verdict()
  private readonly known = new Map<string, Decision>()

  constructor(readonly snapshot: Snapshot) {
    this.policy = new Policy(snapshot)
  }

  evaluate(subject: Subject, qtype: number, clientClass: number, now: Seconds): Decision {
    const verdict = this.verdict
    verdict.clear()
    if (subject.kind === 'name') {
      this.name.set(subject.octets, 0, this.snapshot.seed)
      this.policy.evaluateName(this.name, qtype, clientClass, now, verdict)
    } else this.policy.evaluateAddress(subject.words, 0, qtype, clientClass, now, verdict)
    const { claim, monitorClaim: monitor } = verdict
    const data = this.data(verdict)
    const key = `${claim} ${monitor} ${data}`
    const known = this.known.get(key) ?? decisionOf(this.policy, claim, monitor, data)
    this.known.set(key, known)
    return known
  }

  /** The records that the client receives, where a list has them. */
  private data(verdict: Verdict): string {
    if (this.policy.claims[verdict.claim]?.reply?.action !== 'data') return ''
    const { octets, from, to } = this.policy.findLocalData(verdict)
    return Buffer.from(octets.subarray(from, to)).toString('hex')
  }
}

function decisionOf({ claims }: Policy, claim: number, monitor: number, data: string): Decision {
  const decider = claims[claim]
  const watcher = claims[monitor]
  if (decider?.reply !== undefined) return decision('blocked', decider, data)
  if (watcher !== undefined) return decision('monitored', watcher)
  return decision(decider === undefined ? 'forwarded' : 'allowed', decider)
}

function decision(what: Decision['verdict'], claim: Claim | undefined, data = ''): Decision {
  const answer = what === 'blocked' ? stableJson(claim!.reply) + data : ''
  return {
    verdict: what,
    claim,
    data,
    answerKey: answer,
    key: `${what} ${answer} ${reasonKey(claim)}`
  }
}

/** All that a claim says, except what it is called and where it is written. */
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
