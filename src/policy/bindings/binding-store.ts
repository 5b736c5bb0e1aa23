import type { Milliseconds } from '../../base/units.js'
import { attribute, hasConflict, type Attribution } from './attribution.js'
import {
  hasSameFacts,
  isOtherDevice,
  mergeFacts,
  type Binding,
  type DeviceFacts
} from './binding.js'

/** What happens to bindings, as the history records it. */
export interface BindingListener {
  /** A binding begins, or its facts have changed. */
  begin(binding: Binding, now: Milliseconds): void
  /** A binding ends at `at`. */
  end(binding: Binding, at: Milliseconds, now: Milliseconds): void
  /** A feed works, or no longer does. */
  feed(source: string, isUp: boolean, now: Milliseconds): void
}

export interface StoreOptions {
  readonly skew: Milliseconds
  /** Bindings in force at most; more are refused. */
  readonly limit: number
  readonly listener: BindingListener
}

/** A device, and when it is certain that it has the address. */
export interface CertainDevice {
  readonly device: DeviceFacts
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/** Numbers since the start. */
export interface StoreCounts {
  /** Changes: bindings that began, ended or changed. */
  changes: number
  /** Older than what is in force. */
  late: number
  /** Above the limit. */
  refused: number
}

const SECOND: Milliseconds = 1000

/** The bindings in force, of all feeds, and those that ended a moment ago. */
export class BindingStore {
  readonly counts: StoreCounts = { changes: 0, late: 0, refused: 0 }
  /** Addresses whose device may be another one since `takeChanged`. */
  private changed = new Set<string>()
  private readonly byAddress = new Map<string, Binding[]>()
  private readonly up = new Set<string>()
  /** Addresses with something to do in a second. */
  private readonly due = new Map<number, Set<string>>()
  private doneUntil = -Infinity
  /** The bindings in force. */
  private readonly open = new Set<Binding>()

  constructor(private readonly options: StoreOptions) {}

  /** The number of bindings in force. */
  get size(): number {
    return this.open.size
  }

  isUp(source: string): boolean {
    return this.up.has(source)
  }

  /** A feed says that a device has an address. */
  begin(binding: Binding, now: Milliseconds): void {
    if (binding.until <= now) return
    const all = this.byAddress.get(binding.address) ?? []
    const before = all.find(one => one.source === binding.source && this.open.has(one))
    if (before === undefined) return this.add(all, binding, now)
    if (!isOtherDevice(before, binding)) return this.renew(all, before, binding, now)
    if (binding.from < before.from) {
      this.counts.late++
      return
    }
    this.close(all, before, Math.min(before.until, binding.from), now)
    this.add(all, binding, now)
  }

  /** A feed says that a device no longer has an address. @param facts of the device: another one keeps it; undefined: any */
  end(
    source: string,
    address: string,
    at: Milliseconds,
    now: Milliseconds,
    facts?: DeviceFacts
  ): void {
    const all = this.byAddress.get(address)
    const found = all?.find(one => one.source === source && this.open.has(one))
    if (all === undefined || found === undefined) return
    const other = facts && { ...facts, address, source, from: at, until: at }
    if (other !== undefined && isOtherDevice(found, other)) return
    this.close(all, found, Math.min(Math.max(at, found.from), now), now)
  }

  /** Everything that a feed knows: other bindings of it end. */
  replace(source: string, bindings: readonly Binding[], now: Milliseconds): void {
    const present = new Set(bindings.map(({ address }) => address))
    for (const [address, all] of this.byAddress) {
      const gone = all.find(one => one.source === source && this.open.has(one))
      if (gone !== undefined && !present.has(address)) this.close(all, gone, now, now)
    }
    for (const binding of bindings) this.begin(binding, now)
  }

  /** All bindings of a feed that `isOf` selects end. */
  endAll(source: string, now: Milliseconds, isOf: (binding: Binding) => boolean): void {
    for (const all of [...this.byAddress.values()])
      for (const one of all.filter(it => it.source === source && this.open.has(it) && isOf(it)))
        this.close(all, one, now, now)
  }

  /** A feed works and its bindings are known, or it no longer does: what it said is not known then. */
  setUp(source: string, isUp: boolean, now: Milliseconds): void {
    if (isUp === this.up.has(source)) return
    if (isUp) this.up.add(source)
    else this.up.delete(source)
    for (const [address, all] of this.byAddress)
      if (all.some(one => one.source === source)) this.changed.add(address)
    this.options.listener.feed(source, isUp, now)
  }

  /** Ends what has expired. Call it about once a second. */
  expire(now: Milliseconds): void {
    const last = Math.floor(now / SECOND)
    for (const [second, addresses] of this.due) {
      if (second >= last) continue
      this.due.delete(second)
      for (const address of addresses) this.expireAddress(address, now)
    }
    this.doneUntil = last
  }

  /** The addresses that changed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const { changed } = this
    this.changed = new Set()
    return changed
  }

  /** Marks all addresses as changed: the rules are others. */
  touchAll(): void {
    for (const address of this.byAddress.keys()) this.changed.add(address)
  }

  /** Which device has an address now. */
  deviceOf(address: string, now: Milliseconds): Attribution {
    return attribute(this.byAddress.get(address) ?? [], {
      at: now,
      skew: this.options.skew,
      knownUntil: now,
      isUp: source => this.up.has(source)
    })
  }

  /**
   * When, as far as known now, it is certain which device has the address. The result stays right as time passes, until
   * the address changes.
   */
  certainDevice(address: string, now: Milliseconds): CertainDevice | undefined {
    const { skew } = this.options
    const all = this.byAddress.get(address) ?? []
    const covering = all.filter(({ until }) => until > now)
    if (covering.length === 0 || hasConflict(covering)) return undefined
    const others = all.filter(
      one => one.until <= now && covering.some(other => isOtherDevice(one, other))
    )
    if ([...covering, ...others].some(({ source }) => !this.up.has(source))) return undefined
    const starts = covering.map(({ from }) => from)
    const from = Math.max(...starts, ...others.map(({ until }) => until + skew + 1))
    const until = Math.min(...covering.map(one => one.until)) - skew
    return { device: mergeFacts(covering), from, until }
  }

  /** What is in force. */
  *current(now: Milliseconds): Generator<Binding> {
    for (const one of this.open) if (one.until > now) yield one
  }

  private add(all: Binding[], binding: Binding, now: Milliseconds): void {
    if (this.open.size >= this.options.limit) {
      this.counts.refused++
      return
    }
    all.push(binding)
    this.byAddress.set(binding.address, all)
    this.open.add(binding)
    this.onChange(binding)
    this.options.listener.begin(binding, now)
  }

  private renew(all: Binding[], before: Binding, { until, ...facts }: Binding, now: number): void {
    const renewed = { ...before, ...facts, from: before.from, until }
    all[all.indexOf(before)] = renewed
    this.open.delete(before)
    this.open.add(renewed)
    if (hasSameFacts(before, renewed)) {
      if (until === before.until) return
      this.changed.add(before.address)
      return this.schedule(renewed)
    }
    this.onChange(renewed)
    this.options.listener.begin(renewed, now)
  }

  private close(all: Binding[], binding: Binding, at: Milliseconds, now: Milliseconds): void {
    const until = Math.min(at, now)
    const closed = { ...binding, until }
    all[all.indexOf(binding)] = closed
    this.open.delete(binding)
    this.onChange(closed)
    this.options.listener.end(closed, until, now)
  }

  private onChange(binding: Binding): void {
    this.counts.changes++
    this.changed.add(binding.address)
    this.schedule(binding)
  }

  /** When it expires, and when it may be forgotten. */
  private schedule({ address, until }: Binding): void {
    if (until === Infinity) return
    for (const time of [until, until + 3 * this.options.skew]) {
      const second = Math.max(Math.floor(time / SECOND), this.doneUntil)
      const addresses = this.due.get(second) ?? new Set()
      addresses.add(address)
      this.due.set(second, addresses)
    }
  }

  private expireAddress(address: string, now: Milliseconds): void {
    const all = this.byAddress.get(address)
    if (all === undefined) return
    for (const one of all.filter(it => it.until <= now && this.open.delete(it))) {
      this.counts.changes++
      this.changed.add(address)
      this.options.listener.end(one, one.until, now)
    }
    const left = all.filter(({ until }) => until + 2 * this.options.skew >= now)
    if (left.length === all.length) return
    if (left.length === 0) this.byAddress.delete(address)
    else this.byAddress.set(address, left)
  }
}
