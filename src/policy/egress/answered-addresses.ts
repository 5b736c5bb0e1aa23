import { MS_PER_DAY, MS_PER_SECOND, type Seconds } from '../../base/units.js'

/**
 * Whether an answer led to an address.
 *
 * `yes`     an answer to a client of the network had it
 * `no`      none did
 * `unknown` it cannot be said: answers of the time before are not known
 */
export type Answered = 'yes' | 'no' | 'unknown'

/** How long an answer leads to its addresses, from its last use: applications keep addresses longer than TTLs allow. */
export const ANSWER_LIFE: Seconds = MS_PER_DAY / MS_PER_SECOND
/** Without all answers of this time, no connection is reported as led by none. */
export const LEAST_KNOWN: Seconds = 3600
const MAX_ADDRESSES = 262_144

/**
 * The addresses that answers to the clients of a network had. By network, not by client: a device queries over IPv4 and connects
 * over IPv6, and behind a forwarder or NAT it has another address for each.
 */
export class AnsweredAddresses {
  /** When an answer had it or a connection used it, the least recent first. */
  private readonly lastUse = new Map<string, Seconds>()

  /** @param knownSince all answers since are known */
  constructor(
    private knownSince: Seconds,
    private readonly limit = MAX_ADDRESSES
  ) {}

  get size(): number {
    return this.lastUse.size
  }

  add(network: string, address: string, now: Seconds): void {
    const key = `${network} ${address}`
    this.lastUse.delete(key)
    this.lastUse.set(key, now)
    if (this.lastUse.size > this.limit) this.evict()
  }

  /** Some answers are not known: a worker had more than it could hand over, or none were handed over. */
  miss(now: Seconds): void {
    this.knownSince = Math.max(this.knownSince, now)
  }

  /** Whether an answer led a connection there. */
  find(network: string, address: string, now: Seconds): Answered {
    const last = this.lastUse.get(`${network} ${address}`)
    if (last !== undefined && now - last < ANSWER_LIFE) return 'yes'
    return this.isKnownAt(now) ? 'no' : 'unknown'
  }

  /** Whether connections that no answer led to can be told from others. */
  isKnownAt(now: Seconds): boolean {
    return now - this.knownSince >= LEAST_KNOWN
  }

  expire(now: Seconds): void {
    for (const [key, last] of this.lastUse) {
      if (now - last < ANSWER_LIFE) return
      this.lastUse.delete(key)
    }
  }

  private evict(): void {
    const [oldest] = this.lastUse
    this.lastUse.delete(oldest![0])
    this.miss(oldest![1])
  }
}
