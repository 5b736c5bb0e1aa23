import type { Seconds } from '../../base/units.js'
import { HashedName } from '../../dns/name/hashed-name.js'
import { Verdict, type Claim, type Snapshot } from '../tables/snapshot.js'
import { Policy } from './policy.js'

/** What rules come to for one question on a name or address, of one client, at one instant. */
export interface Standing {
  /** As the query log has it. */
  readonly what: 'forwarded' | 'allowed' | 'monitored' | 'blocked'
  /** Through which a rule decides, or in monitor mode would; undefined: no rule speaks. */
  readonly claim: Claim | undefined
  /** TYPE, RDLENGTH and RDATA of the records that the client receives, hex; '': none of a list. */
  readonly data: string
  /** Equal where a client receives the same. */
  readonly answer: string
  /** Equal where the query log and the authorities behind it are the same too. */
  readonly whole: string
}

/** What is judged: a name in wire form, or an address. */
export type Subject =
  | { readonly kind: 'name'; readonly octets: Uint8Array }
  | { readonly kind: 'address'; readonly words: Uint32Array }

/** Judges by what serves, and keeps each standing once. */
export class Standings {
  readonly policy: Policy
  private readonly name = new HashedName()
  private readonly verdict = new Verdict()
  private readonly known = new Map<string, Standing>()

  constructor(readonly snapshot: Snapshot) {
    this.policy = new Policy(snapshot)
  }

  of(subject: Subject, qtype: number, clientClass: number, now: Seconds): Standing {
    const verdict = this.verdict
    verdict.clear()
    if (subject.kind === 'name') {
      this.name.take(subject.octets, 0, this.snapshot.seed)
      this.policy.judge(this.name, qtype, clientClass, now, verdict)
    } else this.policy.judgeAddress(subject.words, 0, qtype, clientClass, now, verdict)
    const { claim, monitor } = verdict
    const data = this.data(verdict)
    const key = `${claim} ${monitor} ${data}`
    const known = this.known.get(key) ?? standingOf(this.policy, claim, monitor, data)
    this.known.set(key, known)
    return known
  }

  /** The records that the client receives, where a list has them. */
  private data(verdict: Verdict): string {
    if (this.policy.claims[verdict.claim]?.reply?.action !== 'data') return ''
    const { octets, from, to } = this.policy.findData(verdict)
    return Buffer.from(octets.subarray(from, to)).toString('hex')
  }
}

function standingOf({ claims }: Policy, claim: number, monitor: number, data: string): Standing {
  const decider = claims[claim]
  const watcher = claims[monitor]
  if (decider?.reply !== undefined) return said('blocked', decider, data)
  if (watcher !== undefined) return said('monitored', watcher)
  return said(decider === undefined ? 'forwarded' : 'allowed', decider)
}

function said(what: Standing['what'], claim: Claim | undefined, data = ''): Standing {
  const answer = what === 'blocked' ? contentOf(claim!.reply) + data : ''
  return { what, claim, data, answer, whole: `${what} ${answer} ${groundsOf(claim)}` }
}

/** All that a claim says, except what it is called and where it is written. */
function groundsOf(claim: Claim | undefined): string {
  if (claim === undefined) return ''
  const { kind, source, reply, facts } = claim
  const through = source.kind === 'inline' ? [] : [source.kind, source.id]
  return contentOf([kind, through, reply, facts])
}

/** Equal text for equal values. */
export function contentOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part
  )
}
