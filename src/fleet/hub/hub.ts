import { join } from 'node:path'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { AccountSync } from './account-sync.js'
import { Authority } from './authority.js'
import { Countersigner } from './countersigner.js'
import { Delivery } from './delivery.js'
import { Enrolment } from './enrolment.js'
import { HubAlerts, hubConditions } from './hub-alerts.js'
import type { HubConfig } from './hub-config.js'
import { HubNats } from './hub-nats.js'
import { hubRoutes } from './hub-routes.js'
import { HubServer } from './hub-server.js'
import { StateStore } from './hub-state.js'
import { Inventory, type Known } from './inventory.js'
import { LogIntake } from './log-intake.js'
import { Leadership } from './pair/leadership.js'
import { NatsBucket } from './pair/shared-bucket.js'
import { Rollouts } from './rollouts.js'
import { rootFile, Roots } from './roots/roots.js'
import { Traffic } from './judge/traffic.js'
import { isLive, type Sources } from './views.js'

const CHECK_INTERVAL: Milliseconds = 1_000
const SAVE_INTERVAL: Milliseconds = 60_000
/** In `silent-after`: for so long no network is interrupted in the ordinary course of things. */
const LOST_AFTER = 5
/** A NATS server that restarts is not worth an alert. */
const ALERT_AFTER: Milliseconds = 10_000
const CHANNEL_FILE = /^\d+-[0-9a-f]{16}\.(bundle|root)$/
/** What a hub that was cut off sent late may have replaced the JWT of an account after this one took over. */
const RECONCILE_AGAIN: Milliseconds = 60_000

/**
 * The hub of a fleet: publishes bundles to rings, watches and promotes, keeps the inventory, enrols gateways. Gateways
 * do not need it: without it they keep what they have.
 */
export class Hub {
  private readonly store: StateStore
  private readonly inventory: Inventory
  private readonly traffic: Traffic
  private readonly rollouts: Rollouts
  private readonly nats: HubNats
  private readonly server: HubServer
  private readonly leadership: Leadership
  private readonly timer: NodeJS.Timeout
  private readonly leaseTimer: NodeJS.Timeout
  private checking: Promise<void> = Promise.resolve()
  private isClosed = false
  /** Whether NATS has been compared with the state since the last connection. */
  private isCompared = false
  private leading: Promise<void> | undefined
  private readonly delivery: Delivery
  private readonly accounts: AccountSync
  private readonly intake: LogIntake | undefined
  private readonly alerts: HubAlerts
  private readonly created: Milliseconds
  /** Wall-clock time since which reports can arrive. */
  private listeningSince: Milliseconds
  private savedAt: Milliseconds
  /** When accounts are compared once more. */
  private reconcileAt: Milliseconds = Infinity

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
    const authority = Authority.open(folder)
    const store = (this.store = new StateStore(folder))
    const traffic = new Traffic({ folder, clock, log, rings: () => store.state.rings })
    this.traffic = traffic
    const inventory = (this.inventory = new Inventory(clock, counted => traffic.add(counted)))
    this.listeningSince = clock.wall()
    const roots = new Roots({ config, store, log, clock, deliver: () => this.deliver() })
    this.leadership = new Leadership({
      ...{ name: config.name, store, clock, log },
      seal: text => authority.seal(text),
      watches: () => traffic.undecided,
      onAdopted: (previous, watches) => {
        inventory.follow(previous.gateways, store.state.gateways)
        traffic.continue(watches)
      },
      onBundles: () => this.writePull(),
      onLead: () => {
        this.isCompared = false
        this.listeningSince = clock.wall()
      }
    })
    const rollouts = (this.rollouts = new Rollouts({
      ...{ config, store, log, clock },
      gateways: () => inventory.all,
      ...{ traffic, roots },
      contact: {
        isLive: one => isLive(one, config, clock.wall()),
        isLost: one => this.isLost(one)
      },
      deliver: () => this.deliver()
    }))
    const enrolment = new Enrolment({
      ...{ config, authority, store, inventory, roots, clock, log },
      push: async account => {
        await this.leadership.commit()
        await this.accounts.push(account)
      },
      revokeTokens: () => this.accounts.pushTokens()
    })
    this.intake = config.logs && new LogIntake(config.logs, log)
    this.nats = this.openNats(authority, enrolment)
    const { nats, alerts } = this
    this.delivery = new Delivery({ store, nats, rollouts, clock, log })
    this.accounts = new AccountSync({
      ...{ authority, store, nats, clock, log },
      onRevoked: name => inventory.remove(name)
    })
    const sources = (): Sources => this.sources()
    this.server = new HubServer(
      hubRoutes({
        ...{ store, inventory, rollouts, roots, enrolment, nats, sources, alerts },
        leadership: this.leadership,
        problem: () => this.problem
      }),
      log
    )
    this.leaseTimer = setInterval(() => void this.leadership.tick(), CHECK_INTERVAL)
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
    clearInterval(this.leaseTimer)
    this.traffic.save()
    await this.leadership.close()
    await this.alerts.close()
    this.server.close()
    await this.nats.close()
    await this.intake?.close()
  }

  private sources(): Sources {
    const { config, store, inventory, traffic, clock } = this
    const watchOf: Sources['watchOf'] = ring => traffic.watchOf(ring)
    const namesOf: Sources['namesOf'] = ring => this.rollouts.namesOf(ring)
    const now = clock.wall()
    return { config, state: store.state, gateways: inventory.all, watchOf, namesOf, now }
  }

  /** A gateway that is silent because the hub is deaf is not lost. */
  private isLost({ contact }: Known): boolean {
    const { config, clock, listeningSince, nats } = this
    const since = Math.max(contact ?? 0, listeningSince)
    return nats.isConnected && clock.wall() - since > LOST_AFTER * config.silentAfter
  }

  /** Connections to NATS, which `start` opens. */
  private openNats(authority: Authority, enrolment: Enrolment): HubNats {
    const { config, inventory, log, clock } = this
    const { hubCredentials: hub, systemCredentials: system, enrolmentKey } = authority
    const countersigner = new Countersigner(config.folder, log, clock)
    return new HubNats(
      config,
      { hub, system, enrolment: enrolmentKey },
      {
        connected: async connection => {
          this.isCompared = false
          this.listeningSince = clock.wall()
          const bucket = await NatsBucket.open(connection, config.replicas)
          await this.leadership.connected(bucket)
          if (this.leadership.isLeader) await this.lead()
        },
        disconnected: () => this.leadership.disconnected(),
        leads: () => this.leadership.mayChange,
        nameOf: account => inventory.nameOf(account),
        report: (gateway, octets) => void inventory.onReport(octets, 'nats', gateway),
        enrol: async octets => {
          const reply = await enrolment.enrol(octets)
          await this.leadership.commit()
          return reply
        },
        countersign: (gateway, octets) => countersigner.countersign(gateway, octets)
      },
      log,
      this.intake,
      clock
    )
  }

  /** Gives NATS what the state says, as far as it has something else. @throws InterdictError HUB_NATS */
  private lead(): Promise<void> {
    this.leading ??= this.compareAll().finally(() => {
      this.leading = undefined
    })
    return this.leading
  }

  private async compareAll(): Promise<void> {
    await this.delivery.connected(await this.nats.openStreams())
    await this.accounts.reconcile()
    this.isCompared = true
    this.reconcileAt = this.clock.now() + RECONCILE_AGAIN
  }

  /** Why NATS does not have what it should; undefined: it does. */
  private get problem(): string | undefined {
    if (!this.isCompared) return 'not compared with the state yet'
    const accounts = this.accounts.isPending ? 'not all accounts are delivered' : undefined
    return this.delivery.problem ?? accounts
  }

  private async check(): Promise<void> {
    if (this.isClosed) return
    try {
      this.saveTraffic()
      if (this.leadership.mayChange) await this.checkAsLeader()
    } catch (error) {
      this.log.error({ error: reasonOf(error, '') }, 'rings not checked')
    }
    if (this.leadership.status.role !== 'standby') this.checkAlerts()
  }

  private async checkAsLeader(): Promise<void> {
    const { nats, leadership, accounts, clock } = this
    if (leadership.isLeader && nats.isConnected && !this.isCompared) await this.lead()
    await this.rollouts.check()
    await leadership.commit()
    await this.delivery.check()
    await accounts.check()
    if (!nats.isConnected) return
    if (clock.now() < this.reconcileAt) return
    this.reconcileAt = Infinity
    await accounts.reconcile()
  }

  private saveTraffic(): void {
    const now = this.clock.now()
    if (now - this.savedAt < SAVE_INTERVAL) return
    this.savedAt = now
    this.traffic.save()
    this.leadership.touch()
  }

  private checkAlerts(): void {
    const { alerts, nats, delivery, clock } = this
    const now = clock.now()
    const health = {
      nats: nats.failingFor(ALERT_AFTER),
      altered: delivery.altered,
      undelivered: delivery.problemFor(ALERT_AFTER),
      missing: this.leadership.status.missing,
      uptime: now - this.created
    }
    alerts.check(() => hubConditions(this.sources(), health), now)
  }

  /**
   * Writes the wanted bundles to both channels. If NATS does not take them now, it gets them later.
   *
   * @returns whether NATS has them
   */
  private async deliver(): Promise<boolean> {
    // Gateways get nothing that could get lost with this hub.
    await this.leadership.commit()
    this.writePull()
    return this.delivery.deliver()
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
        const isNew = files.has(bundle.file) && !present.includes(bundle.file)
        if (isNew && store.has(bundle))
          writeFileAtomic(join(pullFolder, bundle.file), store.loadSync(bundle))
      }
      const root = rootFile(store.state)
      if (root !== undefined && !present.includes(root.file))
        writeFileAtomic(join(pullFolder, root.file), store.state.roots)
      const channel = { version: 1, rings: Object.fromEntries(wanted) }
      writeFileAtomic(
        join(pullFolder, 'channel.json'),
        `${JSON.stringify(channel, undefined, 2)}\n`
      )
      const kept = new Set([...store.state.bundles.map(({ file }) => file), root?.file])
      for (const file of present.filter(one => CHANNEL_FILE.test(one) && !kept.has(one)))
        rmSync(join(pullFolder, file), { force: true })
    } catch (error) {
      if (error instanceof InterdictError) throw error
      throw failure('HUB_STATE', pullFolder, reasonOf(error, pullFolder))
    }
  }
}
