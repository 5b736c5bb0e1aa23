import { systemClock } from '../../base/clock.js'
import { checkRetentionNetworks, checkPrivacyNetworks } from '../../config/check-networks.js'
import type { Config } from '../../config/config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import { zoneCopiesFolder } from '../../sources/axfr/zone-copies.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import { listCopiesFolder } from '../../sources/http/list-copies.js'
import { systemTimers } from '../../upstream/timers.js'
import { RemoteListUpdater } from '../sources/remote-list-updater.js'
import { ZoneTransfers } from '../sources/zone-transfers.js'
import type { CompileResult } from '../threads/messages.js'
import type { SerializedError } from '../threads/serialized-error.js'
import type { StartThread } from '../threads/thread.js'
import type { CompilerHandle } from './compiler-handle.js'
import { FileWatcher } from './file-watcher.js'
import { locallyAnsweredNames } from './locally-answered.js'
import { ReloadReporter, type CompiledRules, type ReloadReason } from './reload-reporter.js'
import { ReplacedSnapshots, COLLECT_DELAY } from './replaced-snapshots.js'
import { RetryTimer } from './retry-timer.js'
import { rulesLocation } from './rules-location.js'

export interface RulesReloaderOptions {
  readonly config: Config
  /** Its owner closes it. */
  readonly compiler: CompilerHandle
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** Who tells where the servers of lists are. */
  readonly bootstrap: BootstrapServers
  /** Other rules are in force from now on. */
  readonly adopt: (snapshot: Snapshot, isFirst: boolean) => void
  /** Reads anew what is read beside the rules; says what is wrong with it. */
  readonly reloadSecrets: () => Promise<readonly SerializedError[]>
  /** From whom NOTIFY is taken from now on. */
  readonly setNotifySources: (rules: NotifyRules) => void
}

/** For these, nothing need have changed. */
const FULL_RELOAD: readonly ReloadReason[] = ['SIGHUP', 'they could not be read']

type FullResult = Exclude<CompileResult, { readonly kind: 'amended' }>

/**
 * Keeps the rules in force that the files say: watches them, has lists fetched, reads all again when
 * something changes, and stays with those of before where that is no good.
 */
export class RulesReloader {
  readonly reporter: ReloadReporter
  private readonly watcher: FileWatcher
  private readonly lists: RemoteListUpdater
  readonly zones: ZoneTransfers
  private readonly replaced = new ReplacedSnapshots(COLLECT_DELAY.control)
  private readonly retryTimer = new RetryTimer(() => void this.reload('they could not be read'))
  private snapshot: Snapshot | undefined
  private compiled: CompiledRules | undefined
  private closed = false
  /** The reload under way, or the last one, and the one after it. */
  private currentReload: Promise<void> = Promise.resolve()
  private pendingReload: { why: ReloadReason; readonly done: Promise<void> } | undefined

  constructor(private readonly options: RulesReloaderOptions) {
    const { config, compiler, log, startThread, bootstrap: servers } = options
    const times = { timers: systemTimers, clock: systemClock, random: Math.random }
    this.reporter = new ReloadReporter(log)
    this.lists = new RemoteListUpdater({
      startThread,
      copiesFolder: listCopiesFolder(config.state.folder),
      settings: config.remoteLists,
      bootstrap: servers,
      log,
      ...times,
      onUpdate: () => void this.reload('a list was fetched')
    })
    this.zones = new ZoneTransfers({
      startThread,
      copiesFolder: zoneCopiesFolder(config.state.folder),
      settings: config.transfers,
      log,
      ...times,
      onUpdate: () => void this.reload('a zone was transferred'),
      setNotifySources: options.setNotifySources
    })
    this.watcher = new FileWatcher({
      onActivity: () => compiler.ensureStarted(),
      onChange: () => void this.reload('a rule file changed')
    })
  }

  /** Those in force. */
  get rules(): Snapshot {
    if (this.snapshot === undefined) throw new Error('no rules are in force yet')
    return this.snapshot
  }

  /**
   * Reads the rules for the first time, with all lists, if those of which there is no copy can be had
   * soon.
   *
   * @returns what is wrong with them; empty: they are in force
   */
  async load(): Promise<readonly SerializedError[]> {
    const wrong = await this.zones.reloadKeys()
    if (wrong.length > 0) return wrong
    let result = await this.compile(true)
    if (result.kind === 'refused') return result.errors
    const { lists, zones } = this
    const missing = [lists.fetchMissing(result.fetched), zones.fetchMissing(result.zones)]
    if ((await Promise.all(missing)).includes(true)) {
      result = await this.compile(true)
      if (result.kind === 'refused') return result.errors
    }
    this.adopt(result)
    return []
  }

  /**
   * Goes with the files from now on.
   *
   * @param warnings of the start, told with those of the rules
   */
  startWatching(warnings: readonly SerializedError[]): void {
    const { compiled: read, rules } = this
    // It holds 25 MB, and rules do not often change in the first seconds.
    this.options.compiler.endWhenIdle(0)
    this.reporter.activated(rules, read!, [...warnings, ...this.settingsWarnings()])
    const { refused, passing } = read!
    if (refused.length > 0) this.reporter.rejected('the start', rules, refused, [])
    if (passing) this.retryTimer.schedule()
    this.watcher.watch(read!.marks)
    this.lists.setLists(read!.fetched)
    this.zones.setZones(read!.zones)
  }

  /** A primary says that a zone has changed. */
  onNotify(zone: string, primary: string): void {
    this.zones.onNotify(zone, primary)
  }

  /** Reads the rules again. Wrong ones are logged and change nothing. One reload at a time. */
  reload(why: ReloadReason): Promise<void> {
    // A storm of reasons is two reloads at most: the one under way and one that sees them all.
    // Who asks is answered, whatever else was a reason.
    if (this.pendingReload === undefined) {
      const done = this.currentReload.then(() => this.reloadNow())
      this.pendingReload = { why, done }
    } else if (why === 'SIGHUP') this.pendingReload.why = why
    return this.pendingReload.done
  }

  close(): void {
    this.closed = true
    this.watcher.close()
    this.retryTimer.reset()
    this.lists.close()
    this.zones.close()
    this.reporter.close()
  }

  /** Reads them all, or what is new. */
  private async compile(whole: boolean): Promise<FullResult> {
    const { compiler, config } = this.options
    const { snapshot, watcher: watch, compiled: read } = this
    const generation = (snapshot?.generation ?? 0) + 1
    const result = await compiler.compile({
      location: rulesLocation(config),
      generation,
      watchedPaths: watch.paths,
      watchState: read?.marks ?? new Map(),
      isFull: whole,
      localNames: locallyAnsweredNames(config),
      active: snapshot
    })
    // What is not told was not read again, and is as it was.
    return result.kind === 'amended'
      ? { ...read!, warnings: [], ...result, kind: 'compiled' }
      : result
  }

  private async reloadNow(): Promise<void> {
    const { why, done } = this.pendingReload!
    this.currentReload = done
    this.pendingReload = undefined
    if (this.closed) return
    const wrong = [...(await this.options.reloadSecrets()), ...(await this.zones.reloadKeys())]
    for (const { code, message } of wrong) this.options.log.error({ code }, message)
    const result = await this.compile(FULL_RELOAD.includes(why))
    // It can have become true meanwhile.
    if (this.isClosed()) return
    if (result.kind === 'refused') this.reporter.rejected(why, this.rules, result.errors, wrong)
    else {
      this.activate(why, result, wrong)
      this.lists.setLists(result.fetched)
      this.zones.setZones(result.zones)
    }
    if (result.marks !== undefined) this.watcher.watch(result.marks)
    // No file need change for that to pass, so nobody else would have them read again.
    if (result.passing) this.retryTimer.schedule()
    else this.retryTimer.reset()
  }

  private isClosed(): boolean {
    return this.closed
  }

  /** @param wrong what is read beside the rules, and is not good */
  private activate(
    why: ReloadReason,
    result: CompiledRules,
    wrong: readonly SerializedError[]
  ): void {
    const isNew = this.adopt(result)
    if (isNew) this.reporter.activated(this.rules, result, this.settingsWarnings())
    // Those of the last good bundle: the one that is offered is not.
    if (result.refused.length > 0) this.reporter.rejected(why, this.rules, result.refused, wrong)
    else if (isNew) this.reporter.accepted(why, wrong)
    else this.reporter.unchanged(why, this.rules, wrong)
  }

  /** Warnings of settings that do not fit the rules. */
  private settingsWarnings(): readonly SerializedError[] {
    const { privacy, retention: keep } = this.options.config.log.queries
    const { networks } = this.rules.clients
    const strange = this.zones.checkPrimaries(this.compiled?.zones ?? [])
    return [
      ...checkPrivacyNetworks(privacy, networks),
      ...checkRetentionNetworks(keep, networks),
      ...strange
    ]
  }

  /** @returns whether they say something else than those in force */
  private adopt(result: CompiledRules): boolean {
    this.compiled = result
    const { snapshot } = result
    if (snapshot === undefined) return false
    const isFirst = this.snapshot === undefined
    this.snapshot = snapshot
    this.replaced.setCurrent(snapshot)
    this.options.adopt(snapshot, isFirst)
    return true
  }
}
