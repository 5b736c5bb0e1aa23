import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { addressWords, readAddress } from '../../base/values/address.js'
import { MAX_DENIED, type DeniedTableWriter } from '../../policy/egress/denied-table.js'
import type { EgressAddress, EgressPorts } from '../../policy/egress/egress-addresses.js'
import type { EgressGroup } from './deny-plan.js'
import type { DenyGroup } from './helper-protocol.js'
import type { Helper, HelperListener } from './helper-client.js'

export interface SyncState {
  readonly inForce: boolean
  readonly error: string | null
  readonly overdue: number
  readonly restored: { readonly count: number; readonly last: string | null }
}

export interface SyncOptions {
  readonly table: DeniedTableWriter
  /** The addresses that are to be denied to a group now. */
  readonly desired: (group: EgressGroup) => readonly EgressAddress[]
  readonly clock: Clock
  readonly log: ServiceLog
  /** Undefined: the settings have no helper. */
  readonly openHelper: ((listener: HelperListener) => Helper) | undefined
  readonly release: (worker: number, ids: readonly number[]) => void
}

/** What the helper has of an address. */
interface Sent {
  readonly group: string
  readonly address: string
  readonly ports: EgressPorts
  readonly until: Seconds
}

/** A reply that waits for addresses of groups. */
interface Held {
  readonly worker: number
  readonly id: number
  readonly keys: readonly string[]
}

/** Workers know an address for so long before it is denied: a reply with it that is on its way leaves first. */
const PUBLISH_DELAY: Milliseconds = 500
/** How often everything is compared with what the helper has. */
const COMPARE_INTERVAL: Milliseconds = 2_000
/** An element is renewed when it would expire within this time. */
const RENEW: Seconds = 1800
/** Timeouts of elements that the helper accepts. */
const MOST_SECONDS: Seconds = 31 * 86_400

export const UNSET = 'the settings have no egress.firewall'

/**
 * Makes the table of the helper what it is to be, in an order that lets no answer leave while its address is denied: an address is
 * published to the workers first, then denied; and it is free first, then no longer published.
 */
export class DenySync {
  overdue = 0
  /** Addresses that are not denied, since there are too many. */
  excess = 0
  private readonly helper: Helper | undefined
  private groups: readonly EgressGroup[] = []
  private prefixesOf: (group: EgressGroup) => DenyGroup['prefixes'] = () => []
  /** By group and address. */
  private sent = new Map<string, Sent>()
  /** Addresses that the workers know, and since when. */
  private published = new Map<string, Milliseconds>()
  /** To be removed at once. */
  private readonly urgent = new Set<string>()
  private held: Held[] = []
  private isConnected = false
  /** Whether the helper has the groups of now. */
  private hasGroups = false
  /** The groups are sent from then on, once the workers know their addresses. */
  private replaceAt: Milliseconds | undefined
  /** What the helper is being asked to add. */
  private adding: ReadonlySet<string> = new Set()
  private isBusy = false
  private comparedAt: Milliseconds = -Infinity
  private error: string | null = null
  private logged: string | null = null
  private restored = 0
  private restoredAt: number | undefined

  constructor(private readonly options: SyncOptions) {
    this.helper = options.openHelper?.({
      connected: () => {
        this.isConnected = true
        this.beginAgain()
      },
      down: error => {
        this.isConnected = false
        this.hasGroups = false
        this.onError(`${error}; the table stays as it is`)
      },
      restored: what => {
        this.restored++
        this.restoredAt = options.clock.wall()
        const { code, message } = failure('EGRESS_RESTORED', what)
        options.log.warn({ code }, message)
      }
    })
    this.helper?.start()
  }

  get state(): SyncState {
    const { restored: count, restoredAt, overdue, groups } = this
    const last = restoredAt === undefined ? null : new Date(restoredAt).toISOString()
    const unset = this.helper === undefined && groups.length > 0 ? UNSET : null
    return {
      inForce: this.hasGroups,
      error: this.error ?? unset,
      overdue,
      restored: { count, last }
    }
  }

  /** The groups to which connections are denied, instead of those before. */
  setGroups(
    groups: readonly EgressGroup[],
    prefixesOf: (group: EgressGroup) => DenyGroup['prefixes']
  ): void {
    this.groups = groups
    this.prefixesOf = prefixesOf
    this.beginAgain()
  }

  private beginAgain(): void {
    this.hasGroups = false
    this.replaceAt = undefined
    this.comparedAt = -Infinity
  }

  /** Addresses that are denied to a group. */
  addresses(group: string): string[] {
    return [...this.sent.values()].flatMap(one => (one.group === group ? [one.address] : []))
  }

  /** Whether the address is denied to the group, or is about to be. */
  has(group: string, address: string): boolean {
    return this.sent.has(keyOf(group, address)) || this.published.has(address)
  }

  /** Lets a reply go once none of these addresses is denied to the groups. */
  free(
    worker: number,
    id: number,
    addresses: readonly { readonly key: string; readonly address: string }[]
  ): void {
    const keys = addresses.map(({ key, address }) => keyOf(key, address))
    const waits = keys.filter(key => this.isSent(key))
    if (waits.length === 0) {
      this.options.release(worker, [id])
      return
    }
    if (!this.isConnected) {
      // The address stays denied, whatever waits; and it is known that the helper is gone.
      this.overdue++
      this.options.release(worker, [id])
      return
    }
    for (const key of waits) this.urgent.add(key)
    this.held.push({ worker, id, keys: waits })
    void this.run()
  }

  /** Call it several times a second. */
  tick(): void {
    void this.run()
  }

  close(): void {
    this.helper?.close()
    this.letGo()
  }

  /** One request at a time: what comes meanwhile is done after it. */
  private async run(): Promise<void> {
    if (this.isBusy) return
    this.isBusy = true
    try {
      // Requests of one turn go together.
      await Promise.resolve()
      while (await this.step());
    } catch (error) {
      this.hasGroups = false
      this.onError(reasonOf(error))
    } finally {
      this.adding = new Set()
      this.isBusy = false
      this.letGo()
    }
  }

  /** @returns whether there may be more to do */
  private async step(): Promise<boolean> {
    const { helper, isConnected, hasGroups, urgent } = this
    const isDue = this.options.clock.now() - this.comparedAt >= COMPARE_INTERVAL
    if (urgent.size > 0 && helper !== undefined && isConnected && hasGroups) {
      const all = [...urgent].flatMap(key => this.sent.get(key) ?? [])
      urgent.clear()
      await helper.change({ remove: this.removals(all), add: [] })
      for (const { group, address } of all) this.sent.delete(keyOf(group, address))
      this.letGo()
      this.comparedAt = -Infinity
      return true
    }
    if (!isDue) return false
    const desired = this.desired()
    this.publish(desired)
    this.comparedAt = this.options.clock.now()
    if (helper === undefined || !isConnected) return false
    if (!hasGroups) {
      this.replaceAt ??= this.comparedAt + PUBLISH_DELAY
      if (this.comparedAt < this.replaceAt) {
        this.comparedAt = this.replaceAt - COMPARE_INTERVAL
        return false
      }
    }
    await (hasGroups ? this.change(helper, desired) : this.replace(helper, desired))
    this.onError(null)
    this.publish(this.desired())
    return urgent.size > 0
  }

  private desired(): Map<string, Sent> {
    const all = this.groups.flatMap(group =>
      this.options.desired(group).map(({ address, ports, until }) => {
        return { group: group.key, address, ports, until }
      })
    )
    this.excess = Math.max(0, all.length - MAX_DENIED)
    return new Map(all.slice(0, MAX_DENIED).map(one => [keyOf(one.group, one.address), one]))
  }

  /** Tells the workers which addresses are denied now, and which are about to be. */
  private publish(desired: ReadonlyMap<string, Sent>): void {
    const now = this.options.clock.now()
    const next = new Map<string, Milliseconds>()
    for (const { address } of [...this.sent.values(), ...desired.values()])
      next.set(address, this.published.get(address) ?? now)
    const isSame =
      next.size === this.published.size && [...next.keys()].every(one => this.published.has(one))
    if (isSame) return
    this.published = next
    const words = [...next.keys()].slice(0, MAX_DENIED).map(one => addressWords(readAddress(one)))
    this.options.table.replace(words)
    // What has just been published is denied soon.
    this.comparedAt = now - COMPARE_INTERVAL + PUBLISH_DELAY
  }

  private async replace(helper: Helper, desired: ReadonlyMap<string, Sent>): Promise<void> {
    // The table may have addresses of an earlier process: they stay until this one knows better.
    const ready = [...desired.values()].filter(one => this.isPublished(one))
    const { groups } = this
    const wanted = groups.map((group, i) => ({
      name: nameOf(group, i),
      sources: group.ranges.map(([first, last]): [string, string] => [first, last]),
      prefixes: this.prefixesOf(group),
      elements: ready.filter(one => one.group === group.key).map(one => this.element(one))
    }))
    this.adding = new Set(ready.map(one => keyOf(one.group, one.address)))
    await helper.replace(wanted)
    // The rules may have changed meanwhile.
    if (groups === this.groups) this.hasGroups = true
    this.sent = new Map(ready.map(one => [keyOf(one.group, one.address), one]))
    this.adding = new Set()
  }

  private async change(helper: Helper, desired: ReadonlyMap<string, Sent>): Promise<void> {
    const now = this.options.clock.wall() / MS_PER_SECOND
    const removed = [...this.sent].flatMap(([key, one]) => {
      const wanted = desired.get(key)
      return wanted?.ports !== one.ports ? [one] : []
    })
    const added = [...desired].flatMap(([key, one]) => {
      const known = this.sent.get(key)
      const isNew = known?.ports !== one.ports
      const isOld = known !== undefined && known.until < now + RENEW && one.until > known.until + 60
      return (isNew && this.isPublished(one)) || isOld ? [one] : []
    })
    if (removed.length > 0 || added.length > 0) {
      const add = added.map(one => ({ ...this.element(one), group: this.placeOf(one.group) }))
      this.adding = new Set(added.map(one => keyOf(one.group, one.address)))
      await helper.change({ remove: this.removals(removed), add })
      for (const { group, address } of removed) this.sent.delete(keyOf(group, address))
      for (const one of added) this.sent.set(keyOf(one.group, one.address), one)
      this.adding = new Set()
    }
  }

  private isPublished({ address }: Sent): boolean {
    const since = this.published.get(address) ?? Infinity
    return this.options.clock.now() - since >= PUBLISH_DELAY
  }

  /** Whether the helper has it, or is about to. */
  private isSent(key: string): boolean {
    return this.sent.has(key) || this.adding.has(key)
  }

  private removals(all: readonly Sent[]) {
    return all.map(({ group, address }) => ({ group: this.placeOf(group), address }))
  }

  private placeOf(group: string): number {
    return this.groups.findIndex(({ key }) => key === group)
  }

  private element({ address, ports, until }: Sent): DenyGroup['elements'][number] {
    const left = Math.ceil(until - this.options.clock.wall() / MS_PER_SECOND)
    return { address, ports, seconds: Math.min(MOST_SECONDS, Math.max(1, left)) }
  }

  /** Lets replies go whose addresses are free, or will not be. */
  private letGo(): void {
    const done = this.held.filter(
      ({ keys }) => !this.isConnected || keys.every(key => !this.isSent(key))
    )
    if (done.length === 0) return
    this.held = this.held.filter(one => !done.includes(one))
    if (!this.isConnected) this.overdue += done.length
    const workers = new Set(done.map(({ worker }) => worker))
    for (const worker of workers) {
      const own = done.filter(one => one.worker === worker)
      this.options.release(
        worker,
        own.map(({ id }) => id)
      )
    }
  }

  /** Logs once that addresses are not denied, and that they are. @param error null: they are */
  private onError(error: string | null): void {
    this.error = error
    if (error === this.logged) return
    const { log } = this.options
    if (error !== null) {
      const { code, message } = failure('EGRESS_UNDENIED', error)
      log.warn({ code }, message)
    } else if (this.logged !== null || this.hasGroups) log.info({}, 'egress: deny is in force')
    this.logged = error
  }
}

const keyOf = (group: string, address: string): string => `${group} ${address}`

/** For people who read the table. */
function nameOf({ network }: EgressGroup, place: number): string {
  const text = network.toLowerCase().replace(/[^a-z0-9-]/g, '-')
  return `${text.slice(0, 50)}-${place}`
}
