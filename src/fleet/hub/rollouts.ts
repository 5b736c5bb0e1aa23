import { createHash } from 'node:crypto'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import { mustResolveErrors } from '../../policy/diff/blocked-must-resolve.js'
import { loadRules } from '../../policy/rules/load.js'
import type { Wanted } from '../channel/wire.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { BundleFiles } from '../../sources/bundle/bundle-files.js'
import { decodeBundle } from '../../sources/bundle/bundle.js'
import { decodeHeader } from '../../sources/bundle/manifest.js'
import { checkCurrent } from '../../sources/root/accept-root.js'
import { checkSerial, checkValidity } from '../../sources/bundle/validity.js'
import type { HubConfig, RingConfig } from './hub-config.js'
import type { Forecast, PublishedBundle, Rollout, StateStore } from './hub-state.js'
import { type Known, isFailing } from './inventory.js'
import { blockedNames, type BlockedName, type JudgedName } from './judge/blocked-names.js'
import { NameOrigins } from './judge/name-origins.js'
import { judge, type Contact, type RingJudgement } from './judge/judge-ring.js'
import type { Traffic } from './judge/traffic.js'
import { isLater, newestSerial, rootFile, type Roots } from './roots/roots.js'
import { ringOf } from './views.js'

export interface RolloutsOptions {
  readonly config: HubConfig
  readonly store: StateStore
  readonly log: ServiceLog
  readonly clock: Clock
  /** All gateways. */
  readonly gateways: () => readonly Known[]
  readonly contact: Contact
  readonly traffic: Traffic
  readonly roots: Pick<Roots, 'newest' | 'trust'>
  /** Sends to the gateways what is in the state. */
  readonly deliver: () => Promise<boolean>
}

export interface PublishOptions {
  readonly ring: string
  readonly by: string
  readonly now: boolean
  readonly forecast: Forecast | null
  /** Serial whose rules the bundle repeats. */
  readonly rollback: number | null
}

/** With whether NATS has it; otherwise it gets it later. */
export type Delivered<T> = T & { readonly delivered: boolean }

/** Which ring runs which bundle: published, watched, promoted, halted. */
export class Rollouts {
  private readonly origins: NameOrigins

  constructor(private readonly options: RolloutsOptions) {
    const { store, clock, log } = options
    const load = (serial: number): Promise<Uint8Array> =>
      store.load(store.state.bundles.find(one => one.serial === serial)!)
    this.origins = new NameOrigins(load, clock, log)
  }

  /**
   * Publishes a bundle to a ring. A published one with other signatures replaces its file, wherever it runs.
   *
   * @throws InterdictError HUB_RING, HUB_ORDER, HUB_SERIAL, HUB_RULES, HUB_STATE, and as `decodeBundle`
   */
  async publish(octets: Uint8Array, options: PublishOptions): Promise<Delivered<PublishedBundle>> {
    const { store, config, clock, log } = this.options
    const { ring, by, now, forecast, rollback } = options
    const position = this.positionOf(ring)
    if (position > 0 && !now && rollback === null)
      throw failure('HUB_ORDER', ring, config.rings[0]!.name)
    const trust = await this.options.roots.trust()
    if (trust.root !== undefined) checkCurrent(trust.root, clock.wall() / 1000)
    const bundle = await decodeBundle(octets, 'the bundle', trust)
    const { serial } = bundle.manifest
    checkValidity(bundle.manifest, 'the bundle', clock.wall() / 1000)
    const sha256 = createHash('sha256').update(octets).digest('hex')
    const { bundles } = store.state
    const known = bundles.find(one => one.serial === serial)
    const newest = newestSerial(bundles, trust.root)
    const isSame = known !== undefined && (await this.isSame(known, octets))
    if (known === undefined ? serial <= newest : !isSame)
      throw failure('HUB_SERIAL', serial, newest)
    checkSerial(serial, newest, 'the bundle', clock.wall() / 1000)
    const loaded = await loadRules(new BundleFiles(bundle, { path: '', prefix: '' }), systemClock)
    if (!loaded.ok) throw failure('HUB_RULES', serial, loaded.errors[0]!.message)
    const [blocked] = mustResolveErrors(loaded.rules, clock.wall() / 1000)
    if (blocked !== undefined) throw failure('HUB_RULES', serial, blocked.message)
    const bans = loaded.rules.networks
      .flatMap(({ rules }) => rules)
      .flatMap(rule =>
        rule.kind === 'ban'
          ? [{ id: rule.id, mode: rule.mode, from: finite(rule.from), until: finite(rule.until) }]
          : []
      )
    const file = `${serial}-${sha256.slice(0, 16)}.bundle`
    const published = {
      ...{ serial, sha256, size: octets.length, file, by, bans, forecast, rollback },
      done: known?.done ?? [],
      root: known?.root ?? trust.root?.version ?? 0,
      published: new Date(clock.wall()).toISOString()
    }
    store.store(file, octets)
    const others = bundles.filter(one => one.serial !== serial)
    const how =
      rollback === null
        ? isSame && known.sha256 !== sha256
          ? 'with other signatures published'
          : 'published'
        : `published as a rollback to ${rollback}`
    const what = `bundle ${serial} ${how} to ring ${ring}${now ? ' at once (--now)' : ''}`
    const running = store.state.rings[ring]
    const isResigned = isSame && running?.serial === serial
    const rollout = isResigned ? running : this.begin(ring, serial, by, now)
    store.update({
      bundles: store.pruned([...others, published]),
      rings: { ...store.state.rings, [ring]: rollout },
      events: store.event(by, what)
    })
    log.info({ serial, ring, by, now }, what)
    return { ...published, delivered: await this.options.deliver() }
  }

  /**
   * Gives a ring the bundle of the ring before it.
   *
   * @throws InterdictError HUB_RING, HUB_NOTHING, HUB_EARLY, HUB_STATE
   */
  async promote(ring: string, by: string, now: boolean): Promise<Delivered<Rollout>> {
    const { store, config } = this.options
    const previous = config.rings[this.positionOf(ring) - 1]
    const source = previous && store.state.rings[previous.name]
    if (source === undefined) throw failure('HUB_NOTHING', ring)
    if (source.phase !== 'done' && !now) {
      const why = source.why ?? 'it has not been within the band for the set time'
      throw failure('HUB_EARLY', ring, `ring ${previous!.name} ${source.phase}: ${why}`)
    }
    return this.give(ring, source.serial, by, now)
  }

  /** Stops a ring: its bundle goes no further. @throws InterdictError HUB_RING, HUB_NOTHING, HUB_STATE */
  halt(ring: string, by: string, why: string): Rollout {
    this.positionOf(ring)
    const rollout = this.options.store.state.rings[ring]
    if (rollout === undefined) throw failure('HUB_NOTHING', ring)
    return this.set(ring, { ...rollout, phase: 'halted', why, within: null }, by, `halted: ${why}`)
  }

  /** Judges all rings, and promotes or halts. */
  async check(): Promise<void> {
    const { config, store, clock, log } = this.options
    for (const [i, { name, soak }] of config.rings.entries()) {
      const rollout = store.state.rings[name]
      if (rollout?.phase !== 'soaking') continue
      await this.origins.prepare(rollout.serial, this.blockedNames(name, rollout.serial))
      const verdict = this.verdict(name, rollout)
      if (verdict.kind === 'outside') {
        const { code, message } = failure('HUB_HALTED', name, verdict.why)
        this.halt(name, 'hub', verdict.why)
        log.error({ code, ring: name, serial: rollout.serial }, message)
        continue
      }
      if (verdict.kind === 'waiting') {
        if (rollout.within !== null || rollout.why !== verdict.why)
          this.keep(name, { ...rollout, within: null, why: verdict.why })
        continue
      }
      const now = clock.wall()
      const since = rollout.within === null ? now : Date.parse(rollout.within)
      if (rollout.within === null)
        this.keep(name, { ...rollout, within: new Date(now).toISOString(), why: null })
      if (now - since < soak) continue
      this.finish(name, rollout.serial)
      const next: RingConfig | undefined = config.rings[i + 1]
      if (config.automatic && next !== undefined && this.isAhead(rollout.serial, next.name))
        await this.give(next.name, rollout.serial, 'hub', false)
    }
    if (Object.values(store.state.rings).every(({ phase }) => phase !== 'soaking'))
      this.origins.clear()
  }

  /** Names that gateways of a ring block with its bundle, and did not before. */
  namesOf(ring: string): readonly JudgedName[] {
    const rollout = this.options.store.state.rings[ring]
    if (rollout === undefined) return []
    return this.origins.judged(rollout.serial, this.blockedNames(ring, rollout.serial))
  }

  /** True if a bundle is to be given to a ring: it is later than the one that the ring has. */
  private isAhead(serial: number, ring: string): boolean {
    const { store, roots } = this.options
    const { bundles, rings } = store.state
    const find = (one: number | undefined) => bundles.find(bundle => bundle.serial === one)
    const own = find(serial)
    return own !== undefined && isLater(own, find(rings[ring]?.serial), roots.newest?.root)
  }

  /** True if a bundle was published with the same content, serial and dates, whoever has signed it. */
  private async isSame(known: PublishedBundle, octets: Uint8Array): Promise<boolean> {
    const before = await this.options.store.load(known)
    return decodeHeader(before, 'the bundle').line === decodeHeader(octets, 'the bundle').line
  }

  /** What each ring should run, for the channel. */
  wanted(): ReadonlyMap<string, Wanted> {
    const { rings, bundles } = this.options.store.state
    const root = rootFile(this.options.store.state)
    return new Map(
      Object.entries(rings).flatMap(([ring, { serial, since: at }]) => {
        const bundle = bundles.find(one => one.serial === serial)
        if (bundle === undefined) return []
        const { sha256, size, file } = bundle
        const wanted = { version: 1, serial, sha256, size, file, at } as const
        return [[ring, root === undefined ? wanted : { ...wanted, root }] as const]
      })
    )
  }

  /** Gateways of a ring, by what they report. */
  gatewaysOf(ring: string): Known[] {
    const { store, gateways } = this.options
    return gateways().filter(one => ringOf(one, store.state) === ring)
  }

  private verdict(ring: string, rollout: Rollout): RingJudgement {
    const { config, store, contact, traffic } = this.options
    const bundle = store.state.bundles.find(one => one.serial === rollout.serial)
    return judge({
      ...{ rollout, contact, band: config.band, forecast: bundle?.forecast ?? null },
      isRollback: bundle !== undefined && bundle.rollback !== null,
      watch: traffic.watchOf(ring),
      gateways: this.gatewaysOf(ring),
      names: this.namesOf(ring),
      control: this.controlOf(ring)
    })
  }

  /** Gateways of later rings whose bundle does not change. */
  private controlOf(ring: string): Known[] {
    const { rings } = this.options.store.state
    return this.laterRings(ring)
      .filter(one => (rings[one]?.phase ?? 'done') === 'done')
      .flatMap(one => this.gatewaysOf(one))
  }

  private blockedNames(ring: string, serial: number): readonly BlockedName[] {
    const { traffic, contact } = this.options
    const gateways = this.gatewaysOf(ring).filter(contact.isLive)
    return blockedNames(gateways, this.controlOf(ring), serial, traffic.watchOf(ring))
  }

  private finish(ring: string, serial: number): void {
    const { store } = this.options
    const bundles = store.state.bundles.map(one =>
      one.serial === serial && !one.done.includes(ring)
        ? { ...one, done: [...one.done, ring] }
        : one
    )
    store.update({ bundles })
    const done = { ...store.state.rings[ring]!, phase: 'done' as const, why: null }
    this.set(ring, done, 'hub', 'within the band for the set time')
  }

  private laterRings(ring: string): string[] {
    return this.options.config.rings.slice(this.positionOf(ring) + 1).map(({ name }) => name)
  }

  private async give(
    ring: string,
    serial: number,
    by: string,
    now: boolean
  ): Promise<Delivered<Rollout>> {
    const what = `bundle ${serial} promoted to ring ${ring}${now ? ' at once (--now)' : ''}`
    const { store, log } = this.options
    const rollout = this.begin(ring, serial, by, now)
    store.update({
      rings: { ...store.state.rings, [ring]: rollout },
      events: store.event(by, what)
    })
    log.info({ serial, ring, by, now }, what)
    return { ...rollout, delivered: await this.options.deliver() }
  }

  /** Begins to watch a ring. @throws InterdictError HUB_STATE */
  private begin(ring: string, serial: number, by: string, now: boolean): Rollout {
    const { clock, store, traffic, contact } = this.options
    const gateways = this.gatewaysOf(ring)
    const unready = gateways.filter(({ report }) => isFailing(report))
    const previous = store.state.rings[ring]
    const rollout: Rollout = {
      ...{ serial, by, now, phase: 'soaking', why: null, within: null },
      since: new Date(clock.wall()).toISOString(),
      unready: unready.map(({ name }) => name),
      done: previous?.phase === 'done' ? previous.serial : (previous?.done ?? null)
    }
    const later = this.laterRings(ring)
    traffic.begin(ring, rollout, previous, {
      later,
      members: gateways.filter(contact.isLive).map(({ name }) => name),
      others: later.flatMap(one => this.gatewaysOf(one)).map(({ name }) => name)
    })
    return rollout
  }

  private set(ring: string, rollout: Rollout, by: string, what: string): Rollout {
    const { store, log } = this.options
    const events = store.event(by, `ring ${ring}: bundle ${rollout.serial} ${what}`)
    store.update({ rings: { ...store.state.rings, [ring]: rollout }, events })
    log.info({ ring, serial: rollout.serial, by }, `ring ${ring}: ${what}`)
    return rollout
  }

  private keep(ring: string, rollout: Rollout): void {
    const { store } = this.options
    store.update({ rings: { ...store.state.rings, [ring]: rollout } })
  }

  private positionOf(ring: string): number {
    const position = this.options.config.rings.findIndex(({ name }) => name === ring)
    if (position < 0) throw failure('HUB_RING', ring)
    return position
  }
}

/** JSON has no infinity. */
const finite = (at: number | undefined): number | null =>
  at === undefined || !Number.isFinite(at) ? null : at
