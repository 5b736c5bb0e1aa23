import { isDeepStrictEqual } from 'node:util'
import type { NatsConnection } from '@nats-io/transport-node'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { BundleSource } from '../../sources/bundle/choose-bundle.js'
import type { Report, Wanted } from './wire.js'
import { BundleOffer, type FetchFile } from './bundle-offer.js'
import { NO_STATE, type ChannelState } from './channel-state.js'
import { NatsChannel, type CountersignRequest } from './nats-channel.js'
import type { Countersignature } from '../../lookups/witness/countersignature.js'
import { OfferRetries } from './offer-retries.js'
import { PullChannel } from './pull-channel.js'
import { ReportSender } from './report-sender.js'
import { RootOffer } from './root-offer.js'

/** How often a connected gateway asks what it should run, in case a notification was lost. */
const REFRESH: Milliseconds = 60_000
/** Random part of the time before a bundle is fetched. */
const SPREAD: Milliseconds = 300

export interface ChannelOptions {
  readonly fleet: FleetConfig
  readonly source: BundleSource
  readonly lookup: LookupFunction
  readonly clock: Clock
  readonly log: ServiceLog
  /** The state has changed. */
  readonly onState: (state: ChannelState) => void
}

interface LatestWanted {
  readonly wanted: Wanted
  readonly fetch: FetchFile
}

const isSame = (known: Wanted | undefined, wanted: Wanted): boolean =>
  known?.sha256 === wanted.sha256 &&
  known.serial === wanted.serial &&
  known.root?.sha256 === wanted.root?.sha256

/**
 * The channel of a gateway: which bundle its ring should run, from NATS or by pull. It only replaces the file of
 * the bundle on offer; everything that decides what is in force is where it would be without a fleet. When
 * nothing can be reached, nothing changes.
 */
export class Channel {
  private state: ChannelState = NO_STATE
  private readonly offers: BundleOffer
  private readonly roots: RootOffer
  private readonly nats: NatsChannel | undefined
  private readonly pull: PullChannel | undefined
  private readonly sender: ReportSender | undefined
  private latest: LatestWanted | undefined
  private isOffering = false
  private isClosed = false
  private readonly retries = new OfferRetries()
  private retryTimer: NodeJS.Timeout | undefined
  private refreshTimer: NodeJS.Timeout | undefined
  /** Message of the last error that was logged. */
  private logged = ''
  /** Why the last root of trust was not accepted. */
  private rootFailure = ''
  /** Why the last report was not sent. */
  private reportFailure = ''

  constructor(private readonly options: ChannelOptions) {
    const { fleet, source, clock, lookup } = options
    this.offers = new BundleOffer(source, clock)
    this.roots = new RootOffer(source.trust)
    const events = {
      wanted: (wanted: Wanted, fetch: FetchFile): void => this.onWanted(wanted, fetch),
      contact: (): void => this.update({ contact: clock.wall() }),
      dropped: (error: InterdictError): void => {
        this.update({ dropped: this.state.dropped + 1 })
        this.fail(error)
      },
      failed: (error: InterdictError): void => this.fail(error)
    }
    if (fleet.nats !== undefined) {
      this.nats = new NatsChannel(fleet, fleet.nats, {
        ...events,
        connected: server => this.onConnected(server),
        disconnected: () => this.onDisconnected()
      })
    }
    if (fleet.pull !== undefined)
      this.pull = new PullChannel(fleet.pull, fleet.ring, lookup, events)
    if (fleet.reports !== undefined) this.sender = new ReportSender(fleet.reports, lookup)
  }

  start(): void {
    void this.readTrust()
    void this.nats?.run()
    void this.pull?.run(() => !this.state.connected)
    const refresh = (): void => {
      void this.nats?.refresh()
      // Files of keys may have been replaced.
      void this.readTrust()
      this.refreshTimer = setTimeout(refresh, REFRESH * (0.75 + Math.random() / 2))
    }
    this.refreshTimer = setTimeout(refresh, REFRESH)
  }

  async close(): Promise<void> {
    this.isClosed = true
    clearTimeout(this.retryTimer)
    clearTimeout(this.refreshTimer)
    this.pull?.close()
    await this.nats?.close()
  }

  /** The connection to NATS; undefined: not connected. */
  get connection(): NatsConnection | undefined {
    return this.nats?.current
  }

  /** Rejects with an error that says why the hub did not. */
  async countersign(request: CountersignRequest): Promise<Countersignature> {
    if (this.nats === undefined) throw new Error('fleet.nats is not set')
    return this.nats.countersign(request)
  }

  /** Sends the state of the gateway to the hub, over NATS or by HTTPS. Never throws. */
  async report(report: Report): Promise<void> {
    try {
      const isSent =
        this.nats?.report(report) === true || (await this.sender?.send(report)) === true
      if (!isSent) return
      this.update({ reports: this.state.reports + 1 })
      this.reportFailure = ''
    } catch (error) {
      const { code, message } = error as InterdictError
      if (message !== this.reportFailure) this.options.log.warn({ code }, `${message}; retrying`)
      this.reportFailure = message
    }
  }

  private onConnected(server: string): void {
    this.logged = ''
    this.update({ connected: true, server, error: null })
    this.options.log.info({ server }, 'connected to the fleet')
    if (this.retries.reconnected()) this.schedule(Math.random() * SPREAD)
  }

  private onDisconnected(): void {
    this.update({ connected: false, server: null })
    this.options.log.warn({}, 'disconnected from the fleet; the rules in force remain')
  }

  private onWanted(wanted: Wanted, fetch: FetchFile): void {
    const { serial, sha256, at } = wanted
    const known = this.latest?.wanted
    const isKnown = isSame(known, wanted)
    this.latest = { wanted, fetch }
    if (isKnown && this.retries.isWaiting) return
    if (!isKnown) {
      this.retries.reset()
      if (known?.sha256 !== sha256)
        this.options.log.info(
          { serial, ring: this.options.fleet.ring },
          'bundle wanted by the fleet'
        )
    }
    this.update({ wanted: { serial, sha256, at } })
    this.schedule(Math.random() * SPREAD)
  }

  /** Offers the latest wanted bundle, one at a time, and retries after failures that may pass. */
  private async offer(): Promise<void> {
    const { latest } = this
    if (this.isOffering || latest === undefined) return
    this.isOffering = true
    try {
      await this.updateRoot(latest)
      const isNew = await this.offers.offer(latest.wanted, latest.fetch)
      this.retries.reset()
      this.logged = ''
      this.update({ error: null, offered: latest.wanted.serial })
      if (isNew) this.options.log.info({ serial: latest.wanted.serial }, 'bundle offered')
    } catch (error) {
      const { serial } = latest.wanted
      const known =
        error instanceof InterdictError
          ? (error as InterdictError)
          : failure('FLEET_BUNDLE', serial, reasonOf(error, ''))
      this.fail(known)
      this.schedule(this.retries.failed(known.code) * (0.5 + Math.random()))
    } finally {
      this.isOffering = false
    }
    if (!isSame(this.latest?.wanted, latest.wanted)) void this.offer()
  }

  /** Before the bundle, whose keys it may name. A root that is refused changes nothing. */
  private async updateRoot({ wanted, fetch }: LatestWanted): Promise<void> {
    try {
      const version = await this.roots.update(wanted.root, fetch)
      if (version !== undefined) this.options.log.info({ version }, 'root of trust accepted')
    } catch (error) {
      const { code, message } = error as InterdictError
      if (message !== this.rootFailure)
        this.options.log.warn({ code }, `${message}; the trusted keys remain`)
      this.rootFailure = message
      return this.readTrust()
    }
    this.rootFailure = ''
    await this.readTrust()
  }

  private async readTrust(): Promise<void> {
    const [trust, hubKeys] = [await this.roots.current(), await this.roots.hubKeys()]
    const { state } = this
    if (!isDeepStrictEqual([trust, hubKeys], [state.trust, state.hubKeys]))
      this.update({ trust, hubKeys })
  }

  /** Offers the latest wanted bundle after a delay, in place of any offer that is scheduled. */
  private schedule(delay: Milliseconds): void {
    clearTimeout(this.retryTimer)
    if (!this.isClosed) this.retryTimer = setTimeout(() => void this.offer(), delay)
  }

  /** Keeps the error for the status, and logs it once until something succeeds. */
  private fail({ code, message }: InterdictError): void {
    this.update({ error: { code, message } })
    if (message === this.logged) return
    this.logged = message
    this.options.log.warn({ code }, `${message}; the rules in force remain`)
  }

  private update(change: Partial<ChannelState>): void {
    this.state = { ...this.state, ...change }
    this.options.onState(this.state)
  }
}
