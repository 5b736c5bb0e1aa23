import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import type { Clock } from '../../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { HubState, StateStore } from '../hub-state.js'
import type { StoredWatch } from '../judge/ring-watch.js'
import type { HubStatus } from '../views.js'
import { adoptState, keepDropped, keepOwn } from './adopt-state.js'
import { HubLease } from './hub-lease.js'
import { Members } from './members.js'
import { compareVersions, type Register, type Seal } from './register.js'
import type { SharedBucket } from './shared-bucket.js'
import { SharedState } from './shared-state.js'

/** How often the hub that leads renews its lease. */
const RENEW: Milliseconds = 2_000
/** How often the hub that leads looks for other hubs, and whether the bucket is whole. */
const COMPARE: Milliseconds = 5_000
const MAX_TRIES = 5

export interface LeadershipOptions {
  /** Of this hub. */
  readonly name: string
  readonly store: StateStore
  readonly seal: Seal
  readonly clock: Clock
  readonly log: ServiceLog
  readonly watches: () => Record<string, StoredWatch>
  /** The state of the other hub has replaced that of this one. */
  readonly onAdopted: (previous: HubState, watches: Readonly<Record<string, StoredWatch>>) => void
  /** Bundles of the other hub have arrived. */
  readonly onBundles: () => void
  /** This hub has taken the lead. */
  readonly onLead: () => void
}

/**
 * Decides which of the hubs of a fleet leads, and gives the other one the state. The lease and the state are one value at
 * NATS, the register: each renewal and each change replaces the revision that this hub has seen last, so that a hub which
 * was cut off or stopped cannot write once another one has.
 */
export class Leadership {
  private role: HubStatus['role'] = 'unknown'
  private readonly lease: HubLease
  private readonly shared: SharedState
  private readonly members: Members
  private bucket: SharedBucket | undefined
  private last: Promise<unknown> = Promise.resolve()
  private isStepping = false
  private comparedAt: Milliseconds = -Infinity
  private other: string | null = null
  private isFirst = true
  private isTouched = false
  private isComplete = false

  constructor(private readonly options: LeadershipOptions) {
    const { store, log, name, seal, watches } = options
    this.shared = new SharedState({ store, log, watches })
    this.lease = new HubLease(options)
    this.members = new Members({ store, name, seal })
    store.guard = () => this.guard()
  }

  get status(): Omit<HubStatus, 'hubs'> {
    const { other, options } = this
    const role = this.isLeader && !this.mayChange ? 'unknown' : this.role
    const leads = role === 'leader'
    const missing = leads ? this.members.missing : []
    return { role, name: options.name, leader: leads ? options.name : other, missing }
  }

  get isLeader(): boolean {
    return this.role === 'leader'
  }

  /** True if this hub may change the state now. A hub without another one may, also while NATS is away. */
  get mayChange(): boolean {
    if (this.role === 'standby') return false
    return (this.isLeader && this.lease.isValid) || this.isAlone
  }

  /** @throws InterdictError HUB_STANDBY */
  guard(): void {
    if (!this.mayChange) throw failure('HUB_STANDBY', this.role === 'standby' ? this.other : null)
  }

  /** Uses a new connection. Throws errors of NATS. */
  async connected(bucket: SharedBucket): Promise<void> {
    this.bucket = bucket
    await this.alone(() => this.step())
  }

  disconnected(): void {
    this.bucket = undefined
    this.lease.forget()
    this.role = 'unknown'
  }

  /** Each second. Never throws. */
  async tick(): Promise<void> {
    if (this.isStepping) return
    this.isStepping = true
    try {
      await this.alone(() => this.step())
    } catch (error) {
      // Time in which NATS does not answer is not counted against the other hub.
      this.lease.forget()
      this.options.log.warn({ error: reasonOf(error, '') }, 'lease not checked; retrying')
    } finally {
      this.isStepping = false
    }
  }

  /** What the gateways have counted belongs to the state that is stored next. */
  touch(): void {
    this.isTouched = true
  }

  /**
   * Resolves when what was changed is stored at NATS; at once, if this hub is the only one and NATS is away.
   *
   * @throws InterdictError HUB_STANDBY, HUB_NATS
   */
  async commit(): Promise<void> {
    const target = this.options.store.state
    this.guard()
    try {
      for (let i = 0; i < MAX_TRIES && this.isPending(target); i++) {
        const { bucket } = this
        if (bucket === undefined || !this.isLeader) break
        await this.shared.uploadBundles(bucket)
        await this.alone(() => this.save(bucket))
      }
    } catch (error) {
      if (!this.isAlone) throw failure('HUB_NATS', reasonOf(error, ''))
    }
    this.guard()
    if (this.isLeader && this.isPending(target) && !this.isAlone)
      throw failure('HUB_NATS', 'the state is not stored yet')
  }

  /** Lets another hub take over at once. Never throws. */
  async close(): Promise<void> {
    try {
      await this.alone(async () => {
        const { bucket, lease } = this
        if (!this.isLeader || bucket === undefined) return
        await this.save(bucket)
        const { register, revision } = lease.written!
        await lease.write(bucket, { ...register, holder: null }, revision)
      })
    } catch (error) {
      this.options.log.warn({ error: reasonOf(error, '') }, 'lease not given back: it expires')
    }
    this.disconnected()
  }

  private get isAlone(): boolean {
    const { store, name } = this.options
    return store.state.hubs.every(one => one === name)
  }

  /** True if a state has not been stored at NATS. */
  private isPending(state: HubState): boolean {
    const { written } = this.lease
    return written === undefined || compareVersions(state, written.register) > 0
  }

  private async alone<T>(act: () => Promise<T>): Promise<T> {
    const run = this.last.then(act)
    this.last = run.catch(() => undefined)
    return run
  }

  private async step(): Promise<void> {
    const { bucket, options } = this
    if (bucket === undefined) return
    const now = options.clock.now()
    if (this.isLeader) {
      const isDue = this.lease.age >= RENEW || this.isPending(options.store.state)
      if (isDue) await this.save(bucket)
      if (now - this.comparedAt >= COMPARE) await this.compare(bucket)
      return
    }
    await this.members.announce(bucket, now)
    const { register: found, revision } = await this.lease.read(bucket)
    const isOlder = found === undefined || compareVersions(found, options.store.state) < 0
    if (!isOlder) await this.follow(bucket, found)
    if (!isOlder && !this.isComplete) await this.fetchBundles(bucket)
    if (this.mayTake(isOlder ? undefined : found, revision))
      await this.take(bucket, found, revision)
    else this.standBy(found)
  }

  /** @param found undefined: NATS has lost the register, or has an older one than this hub */
  private mayTake(found: Register | undefined, revision: number): boolean {
    const { name, store } = this.options
    // Whoever writes an older one is not to be waited for.
    if (this.lease.hasExpired(found && revision)) return true
    if (found === undefined) return [null, name].includes(store.state.leader)
    const isOwn = found.holder === name && (found.run === this.lease.run || this.isFirst)
    return found.holder === null || isOwn
  }

  private standBy(found: Register | undefined): void {
    const { log } = this.options
    this.isFirst = false
    const leader = found?.holder ?? null
    if (this.role !== 'standby' || leader !== this.other)
      log.info({ leader }, 'this hub is on standby')
    this.role = 'standby'
    this.other = leader
  }

  /** Takes the lead, unless another hub does at this moment. */
  private async take(
    bucket: SharedBucket,
    found: Register | undefined,
    revision: number
  ): Promise<void> {
    const { store, name, log } = this.options
    const base = store.state
    const epoch = Math.max(found?.epoch ?? 0, base.epoch) + 1
    const hubs = [...new Set([...base.hubs, name])].toSorted()
    const state: HubState = { ...base, epoch, number: base.number + 1, leader: name, hubs }
    const packed = await this.shared.upload(bucket, state)
    const register = this.lease.registerOf({ ...state, ...packed })
    if (!(await this.lease.write(bucket, register, revision))) {
      this.lease.forget()
      this.standBy(found)
      return
    }
    // A hub without another one may have changed something meanwhile.
    const number = state.number + Number(store.state !== base)
    store.replace({ ...store.state, epoch, number, leader: name, hubs })
    this.role = 'leader'
    this.isFirst = false
    this.comparedAt = -Infinity
    log.info({ epoch, previous: found?.holder ?? null }, 'this hub leads the fleet')
    this.options.onLead()
    await this.compare(bucket)
  }

  /** Renews the lease, with the state if it has changed and its bundles are stored. */
  private async save(bucket: SharedBucket): Promise<void> {
    const { lease, options } = this
    const { state } = options.store
    const { register, revision } = lease.written!
    const hasBundles = this.shared.hasBundles(state)
    const isDue = this.isTouched || compareVersions(state, register) > 0
    if (!isDue || !hasBundles) {
      if (!(await lease.write(bucket, lease.registerOf(register), revision)))
        await this.contest(bucket)
      else if (!hasBundles) void this.shared.uploadBundles(bucket).catch(() => undefined)
      return
    }
    this.isTouched = false
    const packed = await this.shared.upload(bucket, state)
    const next = lease.registerOf({ ...state, ...packed })
    if (!(await lease.write(bucket, next, revision))) await this.contest(bucket)
  }

  /** Another hub has taken over, a confirmation was lost, or somebody else has written. */
  private async contest(bucket: SharedBucket): Promise<void> {
    const { lease } = this
    const { register: found, revision } = await lease.read(bucket)
    const { register } = lease.written!
    if (found !== undefined && found.epoch >= register.epoch) {
      if (found.run !== lease.run) this.stepDown(found)
      else lease.written = { register: found, revision }
      return
    }
    const { code, message } = failure('HUB_ALTERED', 'the lease and the state of the hubs')
    this.options.log.error({ code }, message)
    lease.written = { register, revision }
    this.isTouched = true
  }

  private stepDown(found: Register): void {
    const { store, log, name } = this.options
    if (this.isPending(store.state)) keepDropped(store, found, log)
    if (found.holder === name) {
      const { code, message } = failure('HUB_TWIN', name)
      log.error({ code }, message)
    }
    this.lease.forget()
    this.standBy(found)
  }

  /** Takes the state of the hub that leads. */
  private async follow(bucket: SharedBucket, found: Register): Promise<void> {
    const { store, log, clock, onAdopted } = this.options
    const previous = store.state
    if (compareVersions(found, previous) === 0) return
    const document = await this.shared.download(bucket, found)
    if (document === undefined) {
      // The hub that leads may just have replaced it.
      log.info({ epoch: found.epoch, number: found.number }, 'shared state not readable; retrying')
      return
    }
    if (this.isFirst) keepOwn(store, found, this.options)
    adoptState(store, document.state, Math.floor(clock.wall() / MS_PER_SECOND))
    this.members.adopted(document.state)
    this.isComplete = false
    onAdopted(previous, document.watches)
  }

  private async fetchBundles(bucket: SharedBucket): Promise<void> {
    this.isComplete = await this.shared.downloadBundles(bucket)
    if (this.isComplete) this.options.onBundles()
  }

  /** Finds other hubs, and what the bucket has lost. */
  private async compare(bucket: SharedBucket): Promise<void> {
    const { store, clock, log } = this.options
    // It may just have lost the lead.
    if (!this.isLeader) return
    this.comparedAt = clock.now()
    await this.members.announce(bucket, clock.now())
    const keys = await bucket.keys()
    await this.members.read(bucket, keys)
    const { written } = this.lease
    if (written === undefined) return
    if (!this.shared.isWhole(keys, written.register)) {
      const { code, message } = failure('HUB_ALTERED', 'the state that hubs share is missing')
      log.error({ code }, message)
      this.isTouched = true
    }
    await this.shared.removeSurplus(bucket, keys, written.register, store.state)
    if (!this.shared.hasBundles(store.state))
      void this.shared.uploadBundles(bucket).catch(() => undefined)
  }
}
