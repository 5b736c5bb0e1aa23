import { MS_PER_DAY, type Milliseconds } from '../../../base/units.js'
import type { HubState, StateStore } from '../hub-state.js'
import { memberSchema, sealed, unsealed, type Seal } from './register.js'
import { missingRevocations, withRevocations, type Revocations } from './revocations.js'
import type { SharedBucket } from './shared-bucket.js'

/** How often a hub says that it exists. */
const ANNOUNCE: Milliseconds = 30_000
/** A hub that has said nothing for so long is missing. A restart is shorter. */
const MISSING: Milliseconds = 4 * ANNOUNCE
/** A hub that has said nothing for so long does not exist any more. */
const FORGOTTEN: Milliseconds = 7 * MS_PER_DAY
const PREFIX = 'member.'

export interface MembersOptions {
  /** Of this hub. */
  readonly name: string
  readonly store: StateStore
  readonly seal: Seal
}

/** Which hubs the fleet has, and revocations that only one of them knows. */
export class Members {
  private announcedAt: Milliseconds = -Infinity
  private pending: Revocations = {}
  private absent: readonly string[] = []

  constructor(private readonly options: MembersOptions) {}

  /** Hubs that have said nothing for two minutes, by what `read` has found. */
  get missing(): readonly string[] {
    return this.absent
  }

  /** @param shared the state of the hub that leads, without what this one has added */
  adopted(shared: HubState): void {
    const pending = missingRevocations(this.options.store.state.revocations, shared)
    const isSame = JSON.stringify(pending) === JSON.stringify(this.pending)
    this.pending = pending
    if (!isSame) this.announcedAt = -Infinity
  }

  async announce(bucket: SharedBucket, now: Milliseconds): Promise<void> {
    if (now - this.announcedAt < ANNOUNCE) return
    const { name, seal } = this.options
    await bucket.put(PREFIX + name, sealed({ name, revocations: this.pending }, seal))
    this.announcedAt = now
  }

  /** Takes what other hubs say into the state. */
  async read(bucket: SharedBucket, keys: ReadonlySet<string>): Promise<void> {
    const { name, store, seal } = this.options
    // By the clock of NATS alone.
    const now = (await bucket.read(PREFIX + name))?.time ?? Infinity
    const hubs = [name]
    const absent: string[] = []
    for (const key of keys) {
      if (!key.startsWith(PREFIX) || key === PREFIX + name) continue
      const stored = await bucket.read(key)
      const found = stored && unsealed(stored.text, memberSchema, seal)
      if (stored === undefined || found === undefined || now - stored.time > FORGOTTEN) continue
      hubs.push(found.name)
      if (now - stored.time > MISSING) absent.push(found.name)
      const missing = missingRevocations(found.revocations, store.state)
      if (Object.keys(missing).length > 0)
        store.update({
          ...withRevocations(store.state, missing),
          events: store.event(found.name, 'revocations of this hub taken over')
        })
    }
    this.absent = absent.toSorted()
    const sorted = hubs.toSorted()
    if (sorted.join() !== store.state.hubs.join()) store.update({ hubs: sorted })
  }
}
