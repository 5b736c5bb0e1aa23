import { join } from 'node:path'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { Authority } from './authority.js'
import { Countersigner } from './countersigner.js'
import { Enrolment } from './enrolment.js'
import { HubAlerts, hubConditions } from './hub-alerts.js'
import type { HubConfig } from './hub-config.js'
import { HubNats } from './hub-nats.js'
import { hubRoutes } from './hub-routes.js'
import { HubServer } from './hub-server.js'
import { StateStore } from './hub-state.js'
import { Inventory, type Known } from './inventory.js'
import { LogIntake } from './log-intake.js'
import { Rollouts } from './rollouts.js'
import { Traffic } from './traffic.js'
import { isLive, type Sources } from './views.js'

const CHECK_INTERVAL: Milliseconds = 1_000
const SAVE_INTERVAL: Milliseconds = 60_000
/** In `silent-after`: for so long no network is interrupted in the ordinary course of things. */
const LOST_AFTER = 5
/** A NATS server that restarts is not worth an alert. */
const ALERT_AFTER: Milliseconds = 10_000
const BUNDLE_NAME = /^\d+-[0-9a-f]{16}\.bundle$/

/**
 * The hub of a fleet: publishes bundles to rings, watches and promotes, keeps the inventory, enrols gateways. Gateways
 * do not need it: without it they keep what they have.
 */
export class Hub {
  private readonly store: StateStore
  private readonly authority: Authority
  private readonly inventory: Inventory
  private readonly traffic: Traffic
  private readonly rollouts: Rollouts
  private readonly enrolment: Enrolment
  private readonly nats: HubNats
  private readonly server: HubServer
  private readonly timer: NodeJS.Timeout
  private checking: Promise<void> = Promise.resolve()
  private isClosed = false
  /** Monotonic time since which NATS still has to get something; undefined: it has everything. */
  private pendingSince: Milliseconds | undefined
  private readonly alerts: HubAlerts
  private readonly created: Milliseconds
  /** Wall-clock time since which reports can arrive. */
  private listeningSince: Milliseconds
  private savedAt: Milliseconds

  /** @throws InterdictError HUB_STATE */
  constructor(
    private readonly config: HubConfig,
    private readonly log: ServiceLog,
    private readonly clock: Clock = systemClock
  ) {
    const { folder } = config
    this.created = clock.now()
    this.savedAt = clock.now()
    this.alerts = new HubAlerts(config.alerts, log)
    this.authority = Authority.open(folder)
    const store = (this.store = new StateStore(folder))
    const traffic = new Traffic({ folder, clock, log, rings: () => store.state.rings })
    this.traffic = traffic
    const inventory = (this.inventory = new Inventory(clock, counted => traffic.add(counted)))
    this.listeningSince = clock.wall()
    this.rollouts = new Rollouts({
      ...{ config, store, log, clock },
      gateways: () => inventory.all,
      traffic,
      contact: {
        isLive: one => isLive(one, config, clock.wall()),
        isLost: one => this.isLost(one)
      },
      deliver: () => this.deliver()
    })
    this.enrolment = new Enrolment({
      ...{ config, authority: this.authority, store, inventory, clock, log },
      revoke: () => this.pushRevocations()
    })
    const { hubCredentials: hub, systemCredentials: system } = this.authority
    const intake = config.logs && new LogIntake(config.logs, log)
    const countersigner = new Countersigner(folder, log, clock)
    this.nats = new HubNats(
      config,
      { hub, system },
      {
        connected: () => this.onConnected(),
        report: octets => void inventory.onReport(octets),
        enrol: octets => this.enrolment.enrol(octets),
        countersign: (gateway, octets) => countersigner.countersign(gateway, octets)
      },
      log,
      intake,
      clock
    )
    const { rollouts, enrolment, nats, alerts } = this
    const sources = (): Sources => this.sources()
    this.server = new HubServer(
      hubRoutes({
        ...{ store, inventory, rollouts, enrolment, nats, sources, alerts },
        isPending: () => this.pendingSince !== undefined
      }),
      log
    )
    this.timer = setInterval(() => {
      this.checking = this.checking.then(() => this.check())
    }, CHECK_INTERVAL)
  }

  /** Where it serves metrics and the API; undefined: nowhere. */
  get endpoint() {
    return this.server.endpoint
  }

  /** @throws InterdictError ADMIN_SOCKET, HUB_LISTEN */
  async start(): Promise<void> {
    const { socket, http } = this.config
    await this.server.open(socket, http)
    this.writePull()
    void this.nats.run()
  }

  async close(): Promise<void> {
    this.isClosed = true
    clearInterval(this.timer)
    await this.checking
    this.traffic.save()
    await this.alerts.close()
    this.server.close()
    await this.nats.close()
  }

  private sources(): Sources {
    const { config, store, inventory, traffic, clock } = this
    const watchOf: Sources['watchOf'] = ring => traffic.watchOf(ring)
    return { config, state: store.state, gateways: inventory.all, watchOf, now: clock.wall() }
  }

  /** A gateway that is silent because the hub is deaf is not lost. */
  private isLost({ contact }: Known): boolean {
    const { config, clock, listeningSince, nats } = this
    const since = Math.max(contact ?? 0, listeningSince)
    return nats.isConnected && clock.wall() - since > LOST_AFTER * config.silentAfter
  }

  private async check(): Promise<void> {
    if (this.isClosed) return
    try {
      await this.rollouts.check()
      this.saveTraffic()
      if (this.pendingSince !== undefined && this.nats.isConnected) await this.deliver()
      this.checkAlerts()
    } catch (error) {
      this.log.error({ error: reasonOf(error, '') }, 'rings not checked')
    }
  }

  private saveTraffic(): void {
    const now = this.clock.now()
    if (now - this.savedAt < SAVE_INTERVAL) return
    this.savedAt = now
    this.traffic.save()
  }

  private checkAlerts(): void {
    const { alerts, nats, pendingSince, clock } = this
    const now = clock.now()
    const health = {
      nats: nats.failingFor(ALERT_AFTER),
      isPending: pendingSince !== undefined && now - pendingSince >= ALERT_AFTER,
      uptime: now - this.created
    }
    alerts.check(() => hubConditions(this.sources(), health), now)
  }

  /** NATS may have lost everything: what it should hold is written again. */
  private async onConnected(): Promise<void> {
    this.listeningSince = this.clock.wall()
    await this.fillNats()
    this.pendingSince = undefined
    if (Object.keys(this.store.state.revocations).length > 0) await this.pushRevocations()
  }

  /**
   * Writes the wanted bundles to both channels. If NATS does not take them now, it gets them later.
   *
   * @returns whether NATS has them
   */
  private async deliver(): Promise<boolean> {
    this.writePull()
    try {
      if (!this.nats.isConnected) throw failure('HUB_NATS', 'not connected')
      await this.fillNats()
      this.pendingSince = undefined
    } catch (error) {
      const { code, message } = error as InterdictError
      if (this.pendingSince === undefined) this.log.warn({ code }, `${message}; retrying`)
      this.pendingSince ??= this.clock.now()
    }
    return this.pendingSince === undefined
  }

  private async fillNats(): Promise<void> {
    const { store, nats, rollouts } = this
    const wanted = rollouts.wanted()
    const files = new Set([...wanted.values()].map(({ file }) => file))
    for (const bundle of store.state.bundles) {
      if (files.has(bundle.file)) await nats.putBundle(bundle.file, () => store.load(bundle))
    }
    for (const [ring, one] of wanted) await nats.want(ring, one)
    // A gateway may still be reading one that was wanted until now.
    await nats.keepBundles(new Set(store.state.bundles.map(({ file }) => file)))
  }

  private async pushRevocations(): Promise<void> {
    const { authority, store, nats } = this
    const jwt = await authority.accountJwt(store.state.revocations)
    await nats.updateAccount(authority.accountKey, jwt)
  }

  /** Writes `channel.json` and the bundles for a web server. */
  private writePull(): void {
    const { config, store, rollouts } = this
    const { pullFolder } = config
    if (pullFolder === undefined) return
    const wanted = rollouts.wanted()
    const files = new Set([...wanted.values()].map(({ file }) => file))
    try {
      mkdirSync(pullFolder, { recursive: true })
      const present = readdirSync(pullFolder)
      for (const bundle of store.state.bundles) {
        if (files.has(bundle.file) && !present.includes(bundle.file))
          writeFileAtomic(join(pullFolder, bundle.file), store.loadSync(bundle))
      }
      const channel = { version: 1, rings: Object.fromEntries(wanted) }
      writeFileAtomic(
        join(pullFolder, 'channel.json'),
        `${JSON.stringify(channel, undefined, 2)}\n`
      )
      const kept = new Set(store.state.bundles.map(({ file }) => file))
      for (const file of present.filter(one => BUNDLE_NAME.test(one) && !kept.has(one)))
        rmSync(join(pullFolder, file), { force: true })
    } catch (error) {
      if (error instanceof InterdictError) throw error
      throw failure('HUB_STATE', pullFolder, reasonOf(error, pullFolder))
    }
  }
}
