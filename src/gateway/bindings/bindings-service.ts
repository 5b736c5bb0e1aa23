import type { Clock } from '../../base/time/clock.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { addressWords, readAddress } from '../../base/values/address.js'
import { PrefixTable } from '../../base/values/prefix-table.js'
import { BindingHistory } from '../../lookups/bindings/binding-history.js'
import { modeOf } from '../../lookups/privacy/privacy-mode.js'
import { BindingStore } from '../../policy/bindings/binding-store.js'
import { clientKey, DeviceTableWriter } from '../../policy/bindings/device-table.js'
import { DeviceMatcher, deviceText } from '../../policy/bindings/match-device.js'
import type { ClientTable } from '../../policy/tables/client-table.js'
import type { IdentityEntry } from '../../policy/tables/identity-table.js'
import type { OpenFeed } from './feed-reporter.js'
import { openFeed } from './open-feed.js'
import type { BindingsInit, BindingsState, PushedBindings, PushResult } from './binding-messages.js'
import type { HttpFeed } from './http-feed.js'

/** If the thread hangs, devices are not known any more after this time. */
const TRUST: Milliseconds = 5000
const textEncoder = new TextEncoder()

/** What the bindings thread does, apart from being a thread. */
export class BindingsService {
  private readonly store: BindingStore
  private readonly history: BindingHistory | undefined
  private readonly table: DeviceTableWriter
  private readonly feeds: readonly OpenFeed[]
  private clients: ClientTable | undefined
  private prefixes: PrefixTable | undefined
  private matcher = new DeviceMatcher<IdentityEntry>([])
  private expiredAt: Milliseconds = -Infinity

  constructor(
    private readonly init: BindingsInit,
    private readonly clock: Clock,
    log: ServiceLog
  ) {
    const { config, folder, devices } = init
    this.table = new DeviceTableWriter(devices)
    this.history =
      folder === undefined
        ? undefined
        : new BindingHistory({
            ...{ folder, log },
            keeps: address => this.keeps(address),
            current: () => this.store.current(this.now),
            up: () => config.feeds.map(({ name }) => name).filter(name => this.store.isUp(name))
          })
    const { skew, limit } = config
    this.store = new BindingStore({ skew, limit, listener: this.history ?? NO_HISTORY })
    this.feeds = config.feeds.map(feed => openFeed(feed, this.store, clock, log))
    if (init.clients !== undefined) this.setRules(init.clients)
  }

  get state(): BindingsState {
    const feeds = this.feeds.map(({ name, error }) => {
      return { name, up: this.store.isUp(name), error: error ?? null }
    })
    return { feeds, bindings: this.store.size, refused: this.store.counts.refused }
  }

  start(): void {
    this.table.clear()
    this.history?.start(this.now)
    for (const feed of this.feeds) feed.start()
  }

  /** Other rules: devices may be other clients. */
  setRules(clients: ClientTable): void {
    this.clients = clients
    this.prefixes = new PrefixTable(clients.prefixes)
    this.matcher = new DeviceMatcher(clients.identities?.clients ?? [])
    this.store.touchAll()
  }

  /** Takes lines for a feed that the settings have, with `http`. */
  push(pushed: PushedBindings): PushResult {
    const feed = this.feeds.find(({ name }) => name === pushed.feed) as HttpFeed
    const result = feed.push(pushed)
    this.tick()
    return result
  }

  /** Takes what feeds report, and makes it known. */
  tick(): void {
    for (const feed of this.feeds) feed.poll()
    const { now } = this
    if (now - this.expiredAt >= MS_PER_SECOND) {
      this.store.expire(now)
      this.expiredAt = now
    }
    for (const address of this.store.takeChanged()) this.publish(address, now)
    this.table.trustUntil(Math.floor((now + TRUST) / MS_PER_SECOND))
    this.history?.flush(now)
  }

  close(): void {
    this.table.trustUntil(0)
    for (const feed of this.feeds) feed.close()
    this.history?.stop(this.now)
  }

  private get now(): Milliseconds {
    return this.clock.wall()
  }

  private publish(address: string, now: Milliseconds): void {
    const words = addressWords(readAddress(address))
    const certain = this.store.certainDevice(address, now)
    if (certain === undefined) return this.table.delete(words)
    const { device, from, until } = certain
    const rule = this.matcher.find(device)
    const text = textEncoder.encode(rule === undefined ? '' : deviceText(rule, device))
    const isWritten = this.table.set(words, {
      ...{ client: rule && clientKey(rule.id), text },
      from: Math.ceil(from / MS_PER_SECOND),
      until: until === Infinity ? Infinity : Math.floor(until / MS_PER_SECOND)
    })
    // As if it were not known, rather than as it was before.
    if (!isWritten) this.table.delete(words)
  }

  /** Whether the history may have bindings of an address: with another mode, the log does not show devices either. */
  private keeps(address: string): boolean {
    const { clients, prefixes, init } = this
    if (clients === undefined || prefixes === undefined) return false
    const clientClass = prefixes.find(addressWords(readAddress(address)), 0)
    return modeOf(init.privacy, clients.networks[clients.networkOf[clientClass]!]) === 'full'
  }
}

const nothing = (): void => undefined
const NO_HISTORY = { begin: nothing, end: nothing, feed: nothing }
