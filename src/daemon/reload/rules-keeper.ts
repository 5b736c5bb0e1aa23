import { systemClock } from '../../base/clock.js'
import type { Config } from '../../config/config.js'
import { keepNetworks, privacyNetworks } from '../../config/privacy-networks.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import { zonesFolder } from '../../sources/axfr/zone-copies.js'
import type { BootstrapServers } from '../../sources/http/bootstrap.js'
import { copiesFolder } from '../../sources/http/copies.js'
import { systemTimers } from '../../upstream/timers.js'
import { RemoteLists } from '../sources/remote-lists.js'
import { ZoneTransfers } from '../sources/zone-transfers.js'
import type { Compiled, Trouble } from '../threads/messages.js'
import type { StartThread } from '../threads/thread.js'
import { answeredHere } from './answered-here.js'
import type { Compiler } from './compiler.js'
import { Retired, SETTLE } from './retired.js'
import { Again } from './retry-timer.js'
import { RulesNews, type Good, type ReloadReason } from './rules-news.js'
import { rulesPlace } from './rules-place.js'
import { Watch } from './watch.js'

export interface RulesKeeperParts {
  readonly config: Config
  /** Its owner closes it. */
  readonly compiler: Compiler
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** Who tells where the servers of lists are. */
  readonly servers: BootstrapServers
  /** Other rules are in force from now on. */
  readonly adopt: (snapshot: Snapshot, isFirst: boolean) => void
  /** Reads anew what is read beside the rules; says what is wrong with it. */
  readonly besides: () => Promise<readonly Trouble[]>
  /** From whom NOTIFY is taken from now on. */
  readonly hearFrom: (rules: NotifyRules) => void
}

/** For these, nothing need have changed. */
const WHOLE: readonly ReloadReason[] = ['SIGHUP', 'they could not be read']

type Read = Exclude<Compiled, { readonly kind: 'amended' }>

/**
 * Keeps the rules in force that the files say: watches them, has lists fetched, reads all again when
 * something changes, and stays with those of before where that is no good.
 */
export class RulesKeeper {
  readonly news: RulesNews
  private readonly watch: Watch
  private readonly lists: RemoteLists
  readonly zones: ZoneTransfers
  private readonly retired = new Retired(SETTLE.control)
  private readonly again = new Again(() => void this.reload('they could not be read'))
  private snapshot: Snapshot | undefined
  private read: Good | undefined
  private closed = false
  /** The reload under way, or the last one, and the one after it. */
  private reloading: Promise<void> = Promise.resolve()
  private next: { why: ReloadReason; readonly done: Promise<void> } | undefined

  constructor(private readonly parts: RulesKeeperParts) {
    const { config, compiler, log, startThread, servers } = parts
    const times = { timers: systemTimers, clock: systemClock, random: Math.random }
    this.news = new RulesNews(log)
    this.lists = new RemoteLists({
      startThread,
      copies: copiesFolder(config.state.folder),
      settings: config.remoteLists,
      servers,
      log,
      ...times,
      taken: () => void this.reload('a list was fetched')
    })
    this.zones = new ZoneTransfers({
      startThread,
      folder: zonesFolder(config.state.folder),
      settings: config.transfers,
      log,
      ...times,
      taken: () => void this.reload('a zone was transferred'),
      hearFrom: parts.hearFrom
    })
    this.watch = new Watch({
      stirred: () => compiler.warm(),
      changed: () => void this.reload('a rule file changed')
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
  async first(): Promise<readonly Trouble[]> {
    const wrong = await this.zones.rekey()
    if (wrong.length > 0) return wrong
    let result = await this.compile(true)
    if (result.kind === 'refused') return result.errors
    const { lists, zones } = this
    const missing = [lists.fetchMissing(result.fetched), zones.fetchMissing(result.zones)]
    if ((await Promise.all(missing)).includes(true)) {
      result = await this.compile(true)
      if (result.kind === 'refused') return result.errors
    }
    this.take(result)
    return []
  }

  /**
   * Goes with the files from now on.
   *
   * @param warnings of the start, told with those of the rules
   */
  follow(warnings: readonly Trouble[]): void {
    const { read, rules } = this
    // It holds 25 MB, and rules do not often change in the first seconds.
    this.parts.compiler.rest(0)
    this.news.inForce(rules, read!, [...warnings, ...this.ofSettings()])
    const { refused, passing } = read!
    if (refused.length > 0) this.news.refuse('the start', rules, refused, [])
    if (passing) this.again.later()
    this.watch.follow(read!.marks)
    this.lists.follow(read!.fetched)
    this.zones.follow(read!.zones)
  }

  /** A primary says that a zone has changed. */
  hear(zone: string, primary: string): void {
    this.zones.hear(zone, primary)
  }

  /** Reads the rules again. Wrong ones are logged and change nothing. One reload at a time. */
  reload(why: ReloadReason): Promise<void> {
    // A storm of reasons is two reloads at most: the one under way and one that sees them all.
    // Who asks is answered, whatever else was a reason.
    if (this.next === undefined) {
      const done = this.reloading.then(() => this.reloadNow())
      this.next = { why, done }
    } else if (why === 'SIGHUP') this.next.why = why
    return this.next.done
  }

  close(): void {
    this.closed = true
    this.watch.close()
    this.again.settle()
    this.lists.close()
    this.zones.close()
    this.news.close()
  }

  /** Reads them all, or what is new. */
  private async compile(whole: boolean): Promise<Read> {
    const { compiler, config } = this.parts
    const { snapshot, watch, read } = this
    const generation = (snapshot?.generation ?? 0) + 1
    const result = await compiler.compile({
      place: rulesPlace(config),
      generation,
      known: watch.paths,
      marks: read?.marks ?? new Map(),
      whole,
      local: answeredHere(config),
      inForce: snapshot
    })
    // What is not told was not read again, and is as it was.
    return result.kind === 'amended'
      ? { ...read!, warnings: [], ...result, kind: 'compiled' }
      : result
  }

  private async reloadNow(): Promise<void> {
    const { why, done } = this.next!
    this.reloading = done
    this.next = undefined
    if (this.closed) return
    const wrong = [...(await this.parts.besides()), ...(await this.zones.rekey())]
    for (const { code, message } of wrong) this.parts.log.error({ code }, message)
    const result = await this.compile(WHOLE.includes(why))
    // It can have become true meanwhile.
    if (this.isClosed()) return
    if (result.kind === 'refused') this.news.refuse(why, this.rules, result.errors, wrong)
    else {
      this.activate(why, result, wrong)
      this.lists.follow(result.fetched)
      this.zones.follow(result.zones)
    }
    if (result.marks !== undefined) this.watch.follow(result.marks)
    // No file need change for that to pass, so nobody else would have them read again.
    if (result.passing) this.again.later()
    else this.again.settle()
  }

  private isClosed(): boolean {
    return this.closed
  }

  /** @param wrong what is read beside the rules, and is not good */
  private activate(why: ReloadReason, result: Good, wrong: readonly Trouble[]): void {
    const isNew = this.take(result)
    if (isNew) this.news.inForce(this.rules, result, this.ofSettings())
    // Those of the last good bundle: the one that is offered is not.
    if (result.refused.length > 0) this.news.refuse(why, this.rules, result.refused, wrong)
    else if (isNew) this.news.accepted(why, wrong)
    else this.news.unchanged(why, this.rules, wrong)
  }

  /** Warnings of settings that do not fit the rules. */
  private ofSettings(): readonly Trouble[] {
    const { privacy, keep } = this.parts.config.log.queries
    const { networks } = this.rules
    const strange = this.zones.strange(this.read?.zones ?? [])
    return [...privacyNetworks(privacy, networks), ...keepNetworks(keep, networks), ...strange]
  }

  /** @returns whether they say something else than those in force */
  private take(result: Good): boolean {
    this.read = result
    const { snapshot } = result
    if (snapshot === undefined) return false
    const isFirst = this.snapshot === undefined
    this.snapshot = snapshot
    this.retired.replace(snapshot)
    this.parts.adopt(snapshot, isFirst)
    return true
  }
}
