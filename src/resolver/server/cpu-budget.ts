import type { Clock } from '../../base/time/clock.js'
import type { Microseconds, Milliseconds } from '../../base/units.js'
import { ClientPrefix, networkBits, type ClientBits } from './client-prefix.js'
import { NETWORK_SHARE } from './connections-by-client.js'
import type { PrefixSet } from './query-limit.js'
import { UsageTable } from './usage-table.js'

/**
 * CPU time of what clients can have done without a query, in microseconds: figures of `npm run bench:micro -- --only
 * 'client costs'`, and for handshakes of `npm run bench:encrypted`, rounded up. They are fixed, since a measured time
 * would charge a client for garbage collection and for other programs.
 */
export const COST = {
  fullHandshake: 500,
  resumedHandshake: 400,
  /** More than the handshake, where a certificate identifies nobody: it is verified each time. */
  unknownIdentity: 300,
  /** A TLS record without data, such as a KeyUpdate with its answer. */
  emptyRecord: 23,
  /** HTTP/2: each frame, each octet of it, and each one that is to be decompressed. */
  frame: 1,
  frameOctet: 0.002,
  headerOctet: 0.02,
  /** HTTP/2: so much is free with each query. */
  freePerQuery: 10
} as const satisfies Record<string, Microseconds>

/** How long use counts: its weight falls to 37% in this time. */
const PERIOD: Milliseconds = 5000
/** A client that has used less is a newcomer, which is never shed: ten handshakes. */
const NEWCOMER: Microseconds = 5000

/** How often it is checked whether the thread is short of CPU time. */
const CHECK_INTERVAL: Milliseconds = 1000
/** It is, if it is busy for this part of its time, ... */
const BUSY = 0.9
/** ... and this part of its time goes into what is charged: else, closing connections would not help. */
const CHARGED = 0.25
/** Then limits are halved at each check, at most so often: to a 32nd. */
const MAX_HALVINGS = 5

/** What a client may use. */
export interface CpuLimits {
  /** Part of the time of a thread, on average over some seconds; 0: no limit. */
  readonly share: number
  /** What counts as one client. */
  readonly bits: ClientBits
  /** Clients without a limit. */
  readonly exempt: PrefixSet | undefined
}

/** What a client of the thread exceeds: its own limit, or that of its network. */
export interface CpuExcess {
  /** Four words. Valid during the call only. */
  readonly client: Uint32Array
  readonly isNetwork: boolean
  /** Parts of the time of the thread. */
  readonly used: number
  readonly allowed: number
}

/** Reports a connection that is closed, for the log. */
export type ReportExcess = (excess: CpuExcess) => void

/**
 * The CPU time that each client of a thread takes without queries: TLS handshakes, KeyUpdates, HTTP/2 frames. Above its
 * share, the connections that take more are closed, and new ones are refused until its use has decayed. The same holds for
 * the network around it, with four times the share, except for its clients that have hardly used anything.
 *
 * While the thread is short of CPU time for such work, the shares are halved each second: so the clients that use most
 * are shed first.
 */
export class CpuBudget {
  /** Connections closed, or refused. */
  readonly counts = { closed: 0 }
  private readonly usage: UsageTable
  private limits!: CpuLimits
  private client!: ClientPrefix
  private network!: ClientPrefix
  private halvings = 0
  private charged: Microseconds = 0
  private checked: Milliseconds

  /**
   * @param seed 32 random bits
   * @param utilization part of the time since the last call in which this thread was busy
   */
  constructor(
    limits: CpuLimits,
    seed: number,
    private readonly clock: Clock,
    private readonly utilization: () => number,
    private readonly report: ReportExcess
  ) {
    this.usage = new UsageTable(PERIOD, seed)
    this.checked = clock.now()
    this.configure(limits)
  }

  configure(limits: CpuLimits): void {
    this.limits = limits
    this.client = new ClientPrefix(limits.bits)
    this.network = new ClientPrefix(networkBits(limits.bits))
  }

  /**
   * Charges a client with work that was done.
   *
   * @param client its address: four words
   * @param cost 0: may it connect?
   * @returns false: above the limit, its connection has to be closed
   */
  charge(client: Uint32Array, cost: Microseconds): boolean {
    const { share, exempt } = this.limits
    if (share === 0 || (exempt !== undefined && exempt.find(client, 0) !== 0)) return true
    const now = this.clock.now()
    this.charged += cost
    if (now - this.checked >= CHECK_INTERVAL) this.check(now)
    this.client.read(client, 0)
    this.network.read(client, 0)
    const { usage } = this
    const own = usage.add(this.client.high, this.client.low, cost, now)
    // A key that no client has.
    const all = usage.add(~this.network.high, this.network.low, cost, now)
    const limit = (share / 2 ** this.halvings) * PERIOD * 1000
    const isNetwork = all > NETWORK_SHARE * limit
    if (own <= NEWCOMER || (own <= limit && !isNetwork)) return true
    this.counts.closed++
    this.reportExcess(client, own, all, limit)
    return false
  }

  private reportExcess(
    client: Uint32Array,
    own: Microseconds,
    all: Microseconds,
    limit: Microseconds
  ): void {
    const isNetwork = own <= limit
    const [used, allowed] = isNetwork ? [all, NETWORK_SHARE * limit] : [own, limit]
    const shareOf = (time: Microseconds): number => time / (PERIOD * 1000)
    this.report({ client, isNetwork, used: shareOf(used), allowed: shareOf(allowed) })
  }

  private check(now: Milliseconds): void {
    const elapsed = now - this.checked
    const isBusy = this.utilization() > BUSY
    const isShort = isBusy && this.charged > CHARGED * 1000 * elapsed
    if (isShort) this.halvings = Math.min(MAX_HALVINGS, this.halvings + 1)
    else this.halvings = Math.max(0, this.halvings - Math.floor(elapsed / CHECK_INTERVAL))
    this.charged = 0
    this.checked = now
  }
}
