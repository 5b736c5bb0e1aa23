import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import {
  checkClientListeners,
  checkPrivacyNetworks,
  checkReportBans,
  checkRetentionNetworks
} from '../config/check-networks.js'
import { canDeny, type Config } from '../config/config.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { allClaims } from '../../policy/tables/claim-table.js'
import type { Pause, Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { NotifyRules } from '../../resolver/stages/notify-handler.js'
import type { Primary } from '../../sources/axfr/primary.js'
import { zoneCopiesFolder } from '../../sources/axfr/zone-copies.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import { historyFolder } from '../../policy/history/history-folder.js'
import { listCopiesFolder } from '../../sources/http/list-copies.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import { RemoteListUpdater } from '../../sources/refresh/remote-list-updater.js'
import { ZoneTransfers } from '../../sources/refresh/zone-transfers.js'
import type { ConfirmResult } from './unconfirmed-changes.js'
import { completesWithin } from '../../base/threads/completes-within.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { StartThread } from '../../base/threads/thread.js'
import type { RuleSources } from '../compiler/compiler-messages.js'
import type { CompilerHandle } from '../compiler/compiler-handle.js'
import { FileWatcher } from '../compiler/file-watcher.js'
import { bannedNamesFile } from '../compiler/banned-names-file.js'
import { HistoryRecorder } from './history-recorder.js'
import { locallyAnsweredNames } from '../compiler/locally-answered.js'
import { ExpiryTimer } from './expiry-timer.js'
import { ReloadQueue } from './reload-queue.js'
import {
  ReloadReporter,
  type CompiledRules,
  type FullResult,
  type ReloadReason
} from './reload-reporter.js'
import { ReplacedSnapshots, COLLECT_DELAY } from '../../policy/tables/replaced-snapshots.js'
import { RetryTimer } from './retry-timer.js'
import { RulePauses, type WantedPause } from './rule-pauses.js'
import { RulesApplier } from './rules-applier.js'
import { rulesLocation } from '../compiler/rules-location.js'
import { UnconfirmedChanges } from './unconfirmed-changes.js'

export interface RulesReloaderOptions {
  readonly config: Config
  /** Closed by its owner. */
  readonly compiler: CompilerHandle
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** DNS servers that resolve the names of list servers. */
  readonly bootstrap: BootstrapServers
  /** Called when a snapshot becomes active. */
  readonly adopt: (snapshot: Snapshot, isFirst: boolean) => void
  /** Reads the settings again; may call `configure`. */
  readonly reloadSettings: (reason: ReloadReason) => Promise<void>
  /** Reads the secret files that are reloaded with the rules. Returns their errors. */
  readonly reloadSecrets: () => Promise<readonly SerializedError[]>
  /** Called with the primaries whose NOTIFY is accepted, whenever they change. */
  readonly setNotifySources: (rules: NotifyRules) => void
  /** Serial of the bundle that the fleet wants; undefined: none. */
  readonly wantedByFleet?: () => number | undefined
  /** SHA-256 of the rules of the gateway that this one replaces; undefined: none, or it is not known. */
  readonly inherited?: string | undefined
  /** Injected by tests. */
  readonly timers?: Timers
}

/** These read everything, even if no file has changed. */
const FULL_RELOAD: readonly ReloadReason[] = ['SIGHUP', 'request', 'retry']

/** At the stop, how long a reload in progress may take to end once its thread has ended. */
const STOP_TIMEOUT: Milliseconds = 5_000

/** The wall clock may be set. */
const MAX_TIMER: Milliseconds = 3_600_000

/** Names of each app or list that the probe asks, in turn; the rest of a longer list is like them. */
const SAMPLED_NAMES = 1000
/** The same where their addresses are looked up. */
const EGRESS_NAMES = 10_000

/** Whether all lookups of banned names are logged, by marks in the snapshot. */
function logsBans({ log }: Config): boolean {
  const { which } = log.queries
  return which === 'bans' || which === 'all'
}

/**
 * Keeps the active rules in step with the files: watches them, has lists downloaded and zones
 * transferred, reloads when something changes, and keeps the previous rules when a reload fails.
 */
export class RulesReloader {
  readonly reporter: ReloadReporter
  private readonly watcher: FileWatcher
  readonly lists: RemoteListUpdater
  readonly zones: ZoneTransfers
  readonly pauses = new RulePauses(systemClock)
  readonly unconfirmed = new UnconfirmedChanges(systemClock)
  readonly history: HistoryRecorder
  /** Who has requested the next reload over the HTTP API. */
  private readonly requesters = new Set<string>()
  private readonly replaced = new ReplacedSnapshots(COLLECT_DELAY.control)
  private readonly retryTimer = new RetryTimer(() => void this.reload('retry'))
  private pauseTimer: Timer | undefined
  private readonly expiryTimer = new ExpiryTimer(() => void this.reload('indicators expired'))
  private snapshot: Snapshot | undefined
  private compiled: CompiledRules | undefined
  private readonly queue: ReloadQueue
  private readonly applier = new RulesApplier(() => this.options)
  /** Whether the rules are to be compiled, since settings have changed that are part of the snapshot. */
  private isForced = false

  constructor(private options: RulesReloaderOptions) {
    const { config, compiler, log, startThread, bootstrap } = options
    const times = { timers: systemTimers, clock: systemClock, random: Math.random }
    const reporter = (this.reporter = new ReloadReporter(log))
    this.queue = new ReloadQueue({
      reload: (reason, readsSettings) => this.reloadNow(reason, readsSettings),
      stuck: (reason, since) => reporter.stuck(reason, this.rules, since),
      ended: () => reporter.ended(),
      timers: options.timers ?? systemTimers
    })
    this.lists = new RemoteListUpdater({
      startThread,
      copiesFolder: listCopiesFolder(config.state.folder),
      settings: config.remoteLists,
      bootstrap,
      log,
      ...times,
      onUpdate: () => void this.reload('list refreshed')
    })
    this.zones = new ZoneTransfers({
      startThread,
      copiesFolder: zoneCopiesFolder(config.state.folder),
      settings: config.transfers,
      log,
      ...times,
      onUpdate: () => void this.reload('zone refreshed'),
      setNotifySources: options.setNotifySources
    })
    this.history = new HistoryRecorder(config, {
      ...{ compiler, log },
      readAgain: () => void this.reload('retry')
    })
    compiler.onListCompiled = result =>
      void this.reload(result === 'done' ? 'list compiled' : 'retry')
    this.watcher = new FileWatcher({
      onActivity: () => compiler.ensureStarted(),
      onChange: () => void this.reload('file changed')
    })
  }

  /** The active rules. */
  get rules(): Snapshot {
    if (this.snapshot === undefined) throw new Error('no rules are active yet')
    return this.snapshot
  }

  /** The active rules for admin clients and the probe; see `packRules`. Undefined: all are off. */
  get packedRules(): Uint8Array | undefined {
    return this.compiled?.packedRules
  }

  /**
   * Loads the rules for the first time. Downloads missing lists and zones first, if that succeeds soon.
   *
   * @returns the errors; empty: the rules are active
   */
  async load(): Promise<readonly SerializedError[]> {
    const keyErrors = await this.zones.reloadKeys()
    if (keyErrors.length > 0) return keyErrors
    this.applier.recover()
    let result = await this.compile(true)
    // Rules may be rejected just for the names that they lack, where a list satisfies a mandate.
    const sources = result.kind === 'rejected' ? result.sources : result
    if (sources !== undefined && (await this.fetchMissing(sources)))
      result = await this.compile(true)
    if (result.kind === 'rejected') return result.errors
    this.adopt(result, 'startup')
    this.continuePauses()
    return this.applier.keepFirst()
  }

  /** Downloads what there is no copy of. @returns whether there is more than before */
  private async fetchMissing({ remoteLists, zones }: RuleSources): Promise<boolean> {
    const missing = [this.lists.fetchMissing(remoteLists), this.zones.fetchMissing(zones)]
    return (await Promise.all(missing)).includes(true)
  }

  /**
   * Reports the loaded rules, and reloads them from now on when files, lists or zones change.
   *
   * @param warnings of the start, logged with the warnings of the rules
   */
  startWatching(warnings: readonly SerializedError[]): void {
    const { rules, reporter } = this
    const compiled = this.compiled!
    // The thread holds 25 MB, and rules rarely change in the first seconds.
    this.options.compiler.endWhenIdle(0)
    this.history.start()
    reporter.activated(rules, compiled, [...warnings, ...this.settingsWarnings()])
    this.openingChanges(rules, compiled)
    reporter.tested(compiled.tests)
    reporter.mandates.watch(compiled.mandates)
    const { bundleErrors, isTransient } = compiled
    if (bundleErrors.length > 0) reporter.rejected('startup', rules, bundleErrors, [])
    if (isTransient) this.retryTimer.schedule()
    if (compiled.saved !== undefined) reporter.saved(compiled.saved, compiled.tested.edition)
    this.watcher.watch(compiled.watchState)
    this.expiryTimer.await(compiled.lists)
    this.lists.setLists(compiled.remoteLists)
    this.zones.setZones(compiled.zones)
  }

  /**
   * Pauses a block rule, or ends its pause; in force when this resolves.
   *
   * @throws InterdictError PAUSE_UNKNOWN, PAUSE_NOT_BLOCK, PAUSE_REASON, PAUSE_LONG, PAUSE_REFUSED
   */
  async pause(wanted: WantedPause): Promise<Pause> {
    const { pauses, options } = this
    const { rule, by, reason } = wanted
    const before = pauses.of(rule)
    const pause = pauses.set(wanted, this.rules, options.config.admin.maxPause / MS_PER_SECOND)
    const set = pauses.of(rule)
    await this.reload('pause', by)
    const until = this.rules.origin.pauses.find(one => one.rule === rule)?.until
    // A pause that has ended since may still be in the snapshot.
    const isInForce = until === set?.until || (set === undefined && !pauses.isFuture(until))
    // The reload was refused: nobody is to believe that it is in force, nor may it come later by surprise.
    if (!isInForce && pauses.takeBack(rule, set, before)) throw failure('PAUSE_REFUSED', rule)
    if (set === undefined) options.log.warn({ rule, by }, 'pause ended by an operator')
    else options.log.warn({ rule, by, reason, seconds: wanted.seconds }, 'rule paused')
    return pause
  }

  /** Continues the pauses that the history has, at the start. */
  private continuePauses(): void {
    this.pauses.restore(this.rules.origin.pauses)
    for (const { rule, by, reason } of this.pauses.current)
      this.options.log.warn({ rule, by, reason }, 'pause continues after the restart')
  }

  /** Rules apply again by the clock. The reload then is for the history, and for what the log says of lookups. */
  private awaitPauseEnd(): void {
    this.pauseTimer?.cancel()
    const next = Math.min(...this.rules.origin.pauses.map(({ until }) => until))
    if (next === Infinity) return
    const left = Math.max(0, next * MS_PER_SECOND - systemClock.wall())
    this.pauseTimer = systemTimers.after(Math.min(left, MAX_TIMER), () => this.onPauseEnd())
  }

  private onPauseEnd(): void {
    const current = new Set(this.pauses.current.map(({ rule }) => rule))
    const ended = this.rules.origin.pauses.filter(({ rule }) => !current.has(rule))
    for (const { rule, by } of ended) this.options.log.info({ rule, by }, 'pause ended')
    if (ended.length > 0) void this.reload('pause')
    else this.awaitPauseEnd()
  }

  /** Accepts a local list that shrank. @throws InterdictError REMOTE_NOT_HELD */
  confirmList(id: string): ConfirmResult {
    const entries = this.unconfirmed.confirmList(id)
    if (entries === undefined) throw failure('REMOTE_NOT_HELD', id)
    this.options.log.info({ list: id, entries }, 'list confirmed')
    return { id, entries }
  }

  /**
   * Puts saved rules in force, where they wait for that.
   *
   * @param sha256 as they were planned; undefined: as they are
   * @param by who has requested it, for the history
   * @returns their SHA-256, or why they are not in force
   * @throws InterdictError APPLY_OFF, APPLY_BUSY
   */
  async apply(
    sha256: string | undefined,
    by?: string
  ): Promise<string | readonly SerializedError[]> {
    const done = this.applier.request(sha256, by)
    void this.reload('apply')
    return done
  }

  /** Called when a primary sends NOTIFY for a zone. */
  onNotify(zone: string, primary: string): void {
    this.zones.onNotify(zone, primary)
  }

  /**
   * Replaces the settings. Rules from another place, and other special-use names, come into force by the
   * reload in progress.
   *
   * @param primaries of these settings, with their secrets
   */
  configure(config: Config, bootstrap: BootstrapServers, primaries: readonly Primary[]): void {
    const before = this.options.config
    this.options = { ...this.options, config, bootstrap }
    const inSnapshot = (one: Config): unknown => [
      ...[rulesLocation(one), locallyAnsweredNames(one)],
      // They need names, which are only read with the rules.
      ...[one.probe.enabled, isPacked(one)],
      logsBans(one)
    ]
    if (this.applier.applied === undefined) this.applier.recover()
    this.isForced ||= !isDeepStrictEqual(inSnapshot(before), inSnapshot(config))
    this.lists.configure({ settings: config.remoteLists, bootstrap })
    this.zones.configure(config.transfers, primaries)
    if (this.history.configure(config) && !this.isForced && this.snapshot !== undefined)
      this.history.record(this.snapshot, {
        event: 'settings',
        reason: 'settings changed',
        by: null
      })
    for (const { code, message } of this.settingsWarnings())
      this.options.log.warn({ code }, message)
  }

  /**
   * Reloads the rules, and the settings first if that is the reason; see `ReloadQueue`. Errors are logged, and
   * the previous rules remain active.
   *
   * @param by who has requested it, for the history
   */
  reload(reason: ReloadReason, by?: string): Promise<void> {
    if (by !== undefined) this.requesters.add(by)
    return this.queue.add(reason)
  }

  close(): void {
    this.pauseTimer?.cancel()
    this.expiryTimer.close()
    this.queue.close()
    this.watcher.close()
    this.retryTimer.reset()
    this.lists.close()
    this.zones.close()
    this.reporter.close()
    this.history.close()
  }

  /** Whether nothing waits for files any more; it may do so for ever on a file system that hangs. */
  hasStopped(): Promise<boolean> {
    return completesWithin(Promise.all([this.queue.current, this.watcher.lastRead]), STOP_TIMEOUT)
  }

  /**
   * @param isFull read everything, even if no file has changed
   * @param waitsForLists however long they take
   */
  private async compile(isFull: boolean, waitsForLists = false): Promise<FullResult> {
    const { compiler, config } = this.options
    const { probe, activation, cache, identity, egress } = config
    const { snapshot, compiled } = this
    const result = await compiler.compile({
      location: rulesLocation(config),
      generation: (snapshot?.generation ?? 0) + 1,
      watchedPaths: this.watcher.paths,
      watchState: compiled?.watchState ?? new Map(),
      isFull,
      isForced: this.isForced,
      waitsForLists,
      isFirst: snapshot === undefined,
      inherited: snapshot === undefined ? this.options.inherited : undefined,
      localNames: locallyAnsweredNames(config),
      listSize: config.history.listSize,
      pauses: this.pauses.current,
      history: historyFolder(config.state.folder),
      bannedNames: bannedNamesFile(config.state.folder),
      logsBans: logsBans(config),
      active: snapshot,
      lists: compiled?.lists ?? [],
      isPacked: isPacked(config),
      sampled: hasEgress(egress) ? EGRESS_NAMES : probe.enabled ? SAMPLED_NAMES : 0,
      testSettings: { tests: activation.tests, cache, identity, mustResolve: probe.control },
      tested: compiled?.tested,
      unsavedBaseline: compiled?.unsavedBaseline
    })
    // An update of zone journals leaves everything else as it was.
    return result.kind === 'updated'
      ? { ...compiled!, warnings: [], ...result, kind: 'compiled' }
      : result
  }

  private async reloadNow(given: ReloadReason, readsSettings: boolean): Promise<void> {
    const { zones, lists, queue, requesters } = this
    // Several callers may share a reload.
    const requestedBy = requesters.size === 0 ? undefined : [...requesters].join(', ')
    requesters.clear()
    if (readsSettings) {
      await this.options.reloadSettings(given)
      if (queue.isClosed() || (given === 'settings changed' && !this.isForced)) return
    }
    const { options } = this
    const secretErrors = [...(await options.reloadSecrets()), ...(await zones.reloadKeys())]
    for (const { code, message } of secretErrors) options.log.error({ code }, message)
    const applied = await this.applier.apply(
      () => this.compile(true, true),
      () => queue.isClosed()
    )
    if (queue.isClosed()) return
    // Also if it has failed: the watcher reports only once what has changed meanwhile.
    const result =
      applied?.result ?? (await this.compile(this.isForced || FULL_RELOAD.includes(given)))
    const reason = applied === undefined ? given : 'apply'
    if (queue.isClosed()) return
    await this.applier.keepFirst()
    if (result.kind === 'rejected') {
      this.reporter.rejected(reason, this.rules, result.errors, secretErrors)
      if (result.mandates !== undefined) this.reporter.mandates.watch(result.mandates)
    } else {
      this.isForced = false
      const before = this.rules
      const isNew = this.adopt(result, reason, applied?.by ?? requestedBy)
      const warnings = isNew ? this.settingsWarnings() : []
      for (const { code, message } of this.openingChanges(before, result))
        options.log.warn({ code }, message)
      this.reporter.compiled({ reason, rules: this.rules, result, isNew, warnings, secretErrors })
      lists.setLists(result.remoteLists)
      zones.setZones(result.zones)
    }
    this.reportSaved(result)
    if (result.watchState !== undefined) this.watcher.watch(result.watchState)
    this.expiryTimer.await(this.compiled?.lists ?? [])
    // A transient error can go away without any file changing, which the watcher would not see.
    if (result.isTransient) this.retryTimer.schedule()
    else this.retryTimer.reset()
    applied?.done()
  }

  /** Changes that open names, and may be mistakes. */
  private openingChanges(before: Snapshot, result: CompiledRules): readonly SerializedError[] {
    const { unconfirmed, rules } = this
    const { lists, remoteLists, zones } = result
    const fetched = new Set([
      ...remoteLists.lists.map(({ id }) => id),
      ...zones.map(({ id }) => id)
    ])
    return [
      ...(rules === before ? [] : unconfirmed.bansChanged(before, rules)),
      ...unconfirmed.listsChanged(lists, fetched)
    ]
  }

  private reportSaved({ saved }: FullResult): void {
    if (saved === undefined) this.reporter.waiting = undefined
    else this.reporter.saved(saved, this.compiled!.tested.edition)
  }

  /** Warnings about settings that do not match the rules. */
  private settingsWarnings(): readonly SerializedError[] {
    const { listen, log, reports } = this.options.config
    const { privacy, retention } = log.queries
    const { networks, identities } = this.rules.clients
    return [
      ...(reports.some(({ ban }) => ban !== undefined)
        ? checkReportBans(reports, banIds(this.rules))
        : []),
      ...checkClientListeners(listen, identities?.clients ?? []),
      ...checkPrivacyNetworks(privacy, networks),
      ...checkRetentionNetworks(retention, networks),
      ...this.zones.checkPrimaries(this.compiled?.zones ?? [])
    ]
  }

  /** @returns whether the rules differ from the active ones */
  private adopt(result: CompiledRules, reason: ReloadReason, by?: string): boolean {
    this.compiled = result
    const { snapshot, changes, ordered } = result
    this.reporter.ordered = ordered
    if (snapshot === undefined) {
      this.history.readFiles(this.rules)
      return false
    }
    const isFirst = this.snapshot === undefined
    this.snapshot = snapshot
    this.replaced.setCurrent(snapshot)
    this.options.adopt(snapshot, isFirst)
    this.awaitPauseEnd()
    const event = isFirst ? 'start' : reason === 'pause' ? 'pause' : 'reload'
    const { bundle } = snapshot.origin
    const isFleet = bundle !== undefined && this.options.wantedByFleet?.() === bundle.serial
    const cause = by ?? bundle?.rollback?.by ?? (isFleet ? 'fleet' : null)
    this.history.record(snapshot, { event, reason, by: cause, changes })
    return true
  }
}

function banIds(rules: Snapshot): ReadonlySet<string> {
  const bans = allClaims(rules).all.filter(({ kind }) => kind === 'ban')
  return new Set(bans.map(({ ruleId }) => ruleId))
}

const hasEgress = (egress: Config['egress']): boolean =>
  egress.connections !== undefined || canDeny(egress)

/** Whether something needs the rules besides the workers. */
function isPacked({ admin, probe, egress }: Config): boolean {
  const hasApi = admin.http !== undefined && admin.tokens !== undefined
  return hasApi || admin.socket !== undefined || probe.enabled || hasEgress(egress)
}
