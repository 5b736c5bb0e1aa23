import { setTimeout as sleep } from 'node:timers/promises'
import { failure, type InterdictError } from '../../base/errors/error.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { HubNats } from './hub-nats.js'
import type { StateStore } from './hub-state.js'
import type { StreamContents } from './hub-streams.js'
import type { Rollouts } from './rollouts.js'
import { rootFile } from './roots/roots.js'

/** How often the streams are compared with the state. */
const INTERVAL: Milliseconds = 60_000
/** A difference must last for so long: a server may not have had the last message yet. */
const LASTING: Milliseconds = 250
/** Differences that a message names. */
const MAX_NAMED = 5
const NOTHING = { rings: {}, bundles: {} }

export interface DeliveryOptions {
  readonly store: StateStore
  readonly nats: Pick<HubNats, 'isConnected' | 'streams' | 'differences' | 'recreateStreams'>
  readonly rollouts: Pick<Rollouts, 'wanted'>
  readonly clock: Clock
  readonly log: ServiceLog
}

/**
 * Gives NATS what gateways should run, and compares what NATS has with what it was given, each minute and after each
 * connection. Missing or foreign content is replaced from the state of the hub.
 */
export class Delivery {
  /** Monotonic time since which NATS still has to get something; undefined: it has everything. */
  pendingSince: Milliseconds | undefined
  /** What was missing or foreign, until a later comparison finds nothing. */
  altered: string | undefined
  /** Why NATS cannot be compared; undefined: it can. */
  private failed: { readonly message: string; readonly since: Milliseconds } | undefined
  private comparedAt: Milliseconds = 0
  /** What uses the streams, one after another. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: DeliveryOptions) {}

  /** Why the hub is not ready; undefined: NATS has what it should. */
  get problem(): string | undefined {
    const { pendingSince, altered, failed } = this
    if (failed !== undefined) return `it cannot be compared with the state: ${failed.message}`
    if (altered !== undefined) return altered
    return pendingSince === undefined ? undefined : 'not everything that is published is delivered'
  }

  /** Why NATS does not have what it should, or why this is not known, if that has lasted for a time. */
  problemFor(time: Milliseconds): string | undefined {
    const { clock } = this.options
    const since = this.failed?.since ?? this.pendingSince
    return since !== undefined && clock.now() - since >= time ? this.problem : undefined
  }

  /** Gives NATS what is wanted; if it does not take it now, it gets it later. @returns whether NATS has it */
  async deliver(): Promise<boolean> {
    const { nats, log, clock } = this.options
    try {
      if (!nats.isConnected) throw failure('HUB_NATS', 'not connected')
      await this.alone(() => this.fill())
    } catch (error) {
      const { code, message } = error as InterdictError
      if (this.pendingSince === undefined) log.warn({ code }, `${message}; retrying`)
      this.pendingSince ??= clock.now()
    }
    return this.pendingSince === undefined
  }

  /** NATS may have lost everything. @param missing streams that did not exist @throws InterdictError HUB_NATS */
  connected(missing: readonly string[]): Promise<void> {
    const { rings, bundles } = this.options.store.state.delivered
    const isFirst = Object.keys({ ...rings, ...bundles }).length === 0
    return this.alone(async () => {
      await this.compare(isFirst ? [] : missing)
      await this.fill()
    })
  }

  /** Each second. */
  async check(): Promise<void> {
    const { nats, clock } = this.options
    if (!nats.isConnected) return
    if (this.pendingSince !== undefined) await this.deliver()
    const isDue = (): boolean => clock.now() - this.comparedAt >= INTERVAL
    if (!isDue()) return
    try {
      // A new connection may have compared meanwhile.
      await this.alone(async () => {
        if (isDue()) await this.compare([])
      })
    } catch (error) {
      const { message } = error as InterdictError
      this.failed = { message, since: this.failed?.since ?? clock.now() }
    }
  }

  private async alone(act: () => Promise<void>): Promise<void> {
    const run = this.last.then(act)
    this.last = run.catch(() => undefined)
    await run
  }

  /** @param missing streams that have been created again */
  private async compare(missing: readonly string[]): Promise<void> {
    const { nats, clock } = this.options
    let found = [...missing, ...(await nats.differences(this.contents()))]
    if (found.length > 0 && missing.length === 0) {
      await sleep(LASTING)
      found = await nats.differences(this.contents())
    }
    if (found.length === 0) this.altered = undefined
    else await this.restore(found)
    this.comparedAt = clock.now()
    this.failed = undefined
  }

  private async restore(found: readonly string[]): Promise<void> {
    const { nats, store, log, clock } = this.options
    const more = found.length > MAX_NAMED ? ', ...' : ''
    const named = `${found.slice(0, MAX_NAMED).join(', ')}${more}`
    const { code, message } = failure('HUB_ALTERED', named)
    this.altered = message
    log.error({ code }, message)
    // Before the streams are deleted: if NATS stops answering meanwhile, what is missing then is not altered, but still to be delivered.
    store.update({ delivered: NOTHING, events: store.event('hub', message) })
    this.pendingSince ??= clock.now()
    await nats.recreateStreams()
    await this.fill()
    log.info({}, 'content of NATS restored')
  }

  private async fill(): Promise<void> {
    const { store, nats, rollouts } = this.options
    const { bundles } = store.state
    const wanted = rollouts.wanted()
    const files = new Set([...wanted.values()].map(({ file }) => file))
    const given = bundles.filter(({ file }) => files.has(file))
    const values = valuesOf(wanted)
    const root = rootFile(store.state)
    const roots = root === undefined ? [] : [root]
    await nats.streams(async streams => {
      // Before the values that name it.
      for (const { file } of roots)
        await streams.putBundle(file, () => Promise.resolve(Buffer.from(store.state.roots)))
      for (const one of given) await streams.putBundle(one.file, () => store.load(one))
      for (const [ring, value] of Object.entries(values)) await streams.want(ring, value)
      // A gateway may still be reading one that was wanted until now.
      await streams.keepBundles(new Set([...bundles, ...roots].map(({ file }) => file)))
    })
    const { delivered } = store.state
    const kept = bundles.filter(({ file }) => files.has(file) || file in delivered.bundles)
    const next = {
      rings: values,
      bundles: Object.fromEntries([...kept, ...roots].map(({ file, sha256 }) => [file, sha256]))
    }
    if (JSON.stringify(next) !== JSON.stringify(delivered)) store.update({ delivered: next })
    this.pendingSince = undefined
  }

  /** What the streams should hold, or already hold although the state was not written afterwards. */
  private contents(): StreamContents {
    const { store, rollouts } = this.options
    const { delivered, bundles } = store.state
    const wanted = valuesOf(rollouts.wanted())
    const rings = Object.keys({ ...wanted, ...delivered.rings }).map(ring => {
      const values = [wanted[ring], delivered.rings[ring]].filter(one => one !== undefined)
      return [ring, { values, isNeeded: ring in delivered.rings }] as const
    })
    const root = rootFile(store.state)
    const all = root === undefined ? bundles : [...bundles, root]
    const files = new Map(all.map(({ file, sha256 }) => [file, { sha256, isNeeded: false }]))
    for (const [file, sha256] of Object.entries(delivered.bundles))
      files.set(file, { sha256, isNeeded: true })
    return { rings: new Map(rings), bundles: files }
  }
}

const valuesOf = (wanted: ReturnType<Rollouts['wanted']>): Record<string, string> =>
  Object.fromEntries([...wanted].map(([ring, one]) => [ring, JSON.stringify(one)]))
