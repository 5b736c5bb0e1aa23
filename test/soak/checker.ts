import type { Milliseconds } from '../../src/base/units.js'
import { faultOf } from '../fuzz/fault.js'
import { word } from '../fuzz/landmarks.js'
import { shown, type Shown } from '../resolver/shown.js'
import type { History } from './history.js'
import { LONGEST_TTL, recordsOf, rightFor, type Kind, type Right } from './world.js'

/** INFO-CODEs that a SERVFAIL of ours has, if the query has an OPT: nobody answers; the network refuses. RFC 8914. */
const NOBODY = [22, 23]

/** One query and what has to be known to judge its answer. */
export interface Question {
  readonly kind: Kind
  readonly number: number
  readonly message: Uint8Array
  readonly overTcp: boolean
  readonly sent: Milliseconds
}

/** What was seen since the last look. */
export interface Counts {
  answered: number
  banned: number
  failed: number
  lost: number
  wrong: number
}

/** Judges each answer by what the rules and the upstream allowed when it was given. */
export class Checker {
  readonly counts: Counts = { answered: 0, banned: 0, failed: 0, lost: 0, wrong: 0 }
  /** The first ones that were wrong. */
  readonly wrongs: string[] = []
  /** The longest time that rules answered after they were replaced. */
  latest: Milliseconds = 0

  constructor(private readonly history: History) {}

  answered(question: Question, reply: Uint8Array, now: Milliseconds): void {
    this.counts.answered++
    const limit = question.overTcp ? 65_535 : 1232
    const fault = faultOf(question.message, reply, limit) ?? this.judge(question, shown(reply), now)
    if (fault !== undefined) this.wrong(question, `${fault}: ${JSON.stringify(shown(reply))}`)
  }

  /** @param why what made the wait hopeless: time, or a closed connection */
  unanswered(question: Question, why: string): void {
    this.counts.lost++
    if (!this.history.mayBeLost(question.sent)) this.wrong(question, `no answer: ${why}`)
  }

  wrong(question: Question, what: string): void {
    this.counts.wrong++
    const { kind, number, sent, overTcp } = question
    const when = (sent / 1000).toFixed(3)
    if (this.wrongs.length < 50)
      this.wrongs.push(`${when} s, ${overTcp ? 'TCP' : 'UDP'}, n${number}.${kind}: ${what}`)
  }

  private judge(question: Question, reply: Shown, now: Milliseconds): string | undefined {
    const { history } = this
    const { kind, number, sent } = question
    if (reply.truncated) return 'truncated'
    if (reply.rcode === 'SERVFAIL') return this.judgeFailure(question, reply, now)
    const given = rightOf(reply)
    if (given === undefined) return 'neither an answer nor a ban'
    const possible = history.possible(sent, now)
    if (!possible.some(generation => rightFor(kind, generation) === given)) {
      return `not right for generations ${possible.join(', ')}`
    }
    if (given !== 'answer') return this.judgeBan(question, reply, given, possible)
    const records = reply.answers.map(withoutTtl).sort()
    if (records.join() !== recordsOf(kind, number).sort().join()) return 'not what the upstream has'
    return reply.answers.some(record => ttlOf(record) > LONGEST_TTL) ? 'too long a TTL' : undefined
  }

  /** Our own SOA says which generation answered. */
  private judgeBan(
    { kind, sent }: Question,
    reply: Shown,
    given: Right,
    possible: readonly number[]
  ): string | undefined {
    this.counts.banned++
    const generation = serialOf(reply)
    if (generation === undefined) return 'no SOA of ours'
    this.latest = Math.max(this.latest, this.history.lateness(generation, sent))
    if (rightFor(kind, generation) !== given) return `not what generation ${generation} says`
    return possible.includes(generation) ? undefined : `by generation ${generation}`
  }

  private judgeFailure(
    { kind, message, sent }: Question,
    reply: Shown,
    now: Milliseconds
  ): string | undefined {
    this.counts.failed++
    if (kind === 'banned') return 'a ban needs no upstream'
    const says = word(message, 10) > 0
    if (says && !NOBODY.includes(reply.ede)) return 'SERVFAIL that does not say why'
    return this.history.mayFail(sent, now) ? undefined : 'SERVFAIL with an upstream there'
  }
}

function rightOf({ rcode, answers, authorities }: Shown): Right | undefined {
  if (rcode === 'NXDOMAIN') return 'nxdomain'
  if (rcode !== 'NOERROR') return undefined
  if (answers.length > 0) return 'answer'
  return authorities.length > 0 ? 'nodata' : undefined
}

/** `owner TTL SOA mname rname serial …` */
function serialOf({ authorities }: Shown): number | undefined {
  const words = authorities[0]?.split(' ') ?? []
  return words[2] === 'SOA' && words[3] === 'interdict.invalid' ? Number(words[5]) : undefined
}

function ttlOf(record: string): number {
  return Number(record.split(' ')[1])
}

function withoutTtl(record: string): string {
  const [owner, , ...rest] = record.split(' ')
  return [owner?.toLowerCase(), ...rest].join(' ')
}
