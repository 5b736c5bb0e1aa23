import type { Clock } from '../../base/time/clock.js'
import { epochSeconds } from '../../base/time/clock.js'
import { MS_PER_SECOND } from '../../base/units.js'
import {
  encodeProbeReply,
  PROBE_CLIENT_WORDS,
  PROBE_FLAG,
  PROBE_REPLY_OPEN,
  probeServerName,
  verifyProbeOption
} from '../../wire/dns/edns/probe-option.js'
import type { Query } from '../../wire/dns/message/query.js'
import { HEADER_SIZE } from '../../wire/dns/registry/sizes.js'
import { addressClassOf } from '../../policy/evaluate/client-pair.js'
import type { Policy } from '../../policy/evaluate/policy.js'

export interface ProbeRecognition {
  /** Of this process. */
  readonly key: Uint8Array
  /** Four words for each address, other than loopback, from which the gateway asks itself: its own. */
  readonly sources: readonly Uint32Array[]
  readonly worker: number
}

/**
 * Recognizes probes of the gateway itself, which it answers as if another client had asked. Both must be right: the
 * address that the query came from, and the code that only this process can compute. Whatever else has the option
 * is a query with an unknown option, which is ignored (RFC 6891 §6.1.2).
 */
export class ProbeRecognizer {
  /** The client to be, see `ProbeClaim`. */
  readonly client = new Uint32Array(PROBE_CLIENT_WORDS)
  /** Whether the settings have the probe; otherwise nothing is recognized. */
  isEnabled = false
  private readonly serverName: string
  /** Where the option begins in `Query.replyOptions`. */
  private replyAt = 0

  constructor(
    private readonly recognition: ProbeRecognition,
    private readonly clock: Clock
  ) {
    this.serverName = probeServerName(recognition.key)
  }

  /** Whether a connection over TLS is one of the probe. @param address four words: where it came from */
  isConnection(servername: string | false | null, address: Uint32Array): boolean {
    if (!this.isEnabled || typeof servername !== 'string') return false
    const isOwn = servername === this.serverName || servername.endsWith(`.${this.serverName}`)
    return isOwn && this.isOwnAddress(address, 0)
  }

  /**
   * @param words four at `at`: where the query came from
   * @returns bits of `PROBE_FLAG`; 0: not a probe
   */
  recognize(query: Query, octets: Uint8Array, words: Uint32Array, at: number): number {
    if (!this.isEnabled) return 0
    if (!this.isOwnAddress(words, at)) return 0
    const { key } = this.recognition
    const question = octets.subarray(query.at + HEADER_SIZE, query.questionEnd)
    const now = Math.floor(this.clock.now() / MS_PER_SECOND)
    return verifyProbeOption(key, octets, query.probeAt, question, now, this.client)
  }

  /** The class of the client to be. */
  classIn(policy: Policy): number {
    const { client } = this
    const own = client[4]!
    return own !== 0 && client[5] === policy.snapshot.generation ? own : policy.classOf(client, 0)
  }

  /** The class of its address, if that adds bans to those of its own class: see `addressClassOf`. */
  addressClassIn(policy: Policy, own: number): number {
    return addressClassOf(policy.snapshot.clients, own, policy.classOf(this.client, 0))
  }

  /** Adds the option for the reply. @param generation of the rules in force */
  prepareReply(query: Query, generation: number): void {
    const { worker } = this.recognition
    this.replyAt = query.replyOptionsLength
    const time = epochSeconds(this.clock)
    query.addReplyOption(encodeProbeReply({ worker, isOpen: false, generation, time }))
  }

  /** The query would have been forwarded. */
  markOpen(query: Query): void {
    query.replyOptions[this.replyAt + PROBE_REPLY_OPEN] = 1
  }

  private isOwnAddress(words: Uint32Array, at: number): boolean {
    return (
      isLoopback(words, at) || this.recognition.sources.some(source => isSame(source, words, at))
    )
  }
}

/** Whether a probe may be forwarded. */
export const isResolved = (probe: number): boolean => (probe & PROBE_FLAG.resolve) !== 0

/** 127.0.0.0/8 and ::1. RFC 6890 §2.2.2 and §2.2.3. */
function isLoopback(words: Uint32Array, at: number): boolean {
  if (words[at] !== 0 || words[at + 1] !== 0) return false
  const last = words[at + 3]!
  return words[at + 2] === 0xffff ? last >>> 24 === 127 : words[at + 2] === 0 && last === 1
}

function isSame(source: Uint32Array, words: Uint32Array, at: number): boolean {
  return source.every((word, i) => word === words[at + i])
}
