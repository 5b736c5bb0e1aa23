import type { Clock } from '../../base/time/clock.js'
import { doublingDelay } from '../../base/time/doubling-delay.js'
import type { Milliseconds } from '../../base/units.js'
import type { RemoteListsConfig } from '../settings/sources-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { RemoteList } from '../../policy/rules/lists/remote-list.js'
import type { BootstrapServers } from '../http/bootstrap-resolver.js'
import { ListCopies } from '../http/list-copies.js'
import { nextRefresh } from '../http/refresh-time.js'
import type { ListUpdate } from '../http/update-list.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import type { RemoteListSet, FetcherInit } from './refresh-messages.js'
import { type StartThread, type Thread, EXIT_TIMEOUT } from '../../base/threads/thread.js'

/** How long the start waits for lists without a copy. */
const STARTUP_WAIT: Milliseconds = 10_000
/** Check at least this often: timers are limited to 24 days, and the wall clock may be set. */
const MAX_TIMER: Milliseconds = 3_600_000
/** Delay before a new fetcher is started after one died, and the first one after a failure that could not be recorded, doubled each time. */
const FIRST_RETRY: Milliseconds = 60_000
const MAX_RETRY: Milliseconds = 3_600_000

/** A list without a successful download for so many refresh intervals has expired. */
const EXPIRY_REFRESHES = 3
/** But not before this: a server may be down for a night. */
const MIN_EXPIRY: Milliseconds = 86_400_000

/** The status of a list that is downloaded. The JSON form is public, see docs/reference/admin-socket.md. */
export interface RemoteListStatus {
  readonly list: string
  /** `expired`: no download has succeeded for three refresh intervals, at least a day; still in force. */
  readonly state: 'good' | 'failing' | 'expired' | 'missing'
  /** Whether a much shorter version awaits confirmation. */
  readonly isQuarantined: boolean
  /** Consecutive failed downloads. */
  readonly failures: number
  /** When the last download succeeded, RFC 3339; null without a copy. */
  readonly confirmed: string | null
}

export interface RemoteListUpdaterOptions {
  readonly startThread: StartThread
  readonly copiesFolder: string
  readonly settings: RemoteListsConfig
  readonly bootstrap: BootstrapServers
  readonly log: ServiceLog
  readonly timers: Timers
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
  /** Called when there is a newer copy of a list. */
  readonly onUpdate: () => void
}

/**
 * Downloads lists when they are due, in a thread that runs only for that, since checking a list of a
 * million names takes a second. The state of each list is in its record on disk, so that a restart
 * continues where it was, and `interdict lists` can show it.
 */
export class RemoteListUpdater {
  private current: RemoteListSet = { lists: [], prefixesByNetwork: new Map() }
  private timer: Timer | undefined
  private fetcher: Thread<never> | undefined
  private readonly copies: ListCopies
  private closed = false
  /** Wall-clock time before which no fetcher is started, after one died or could not write. */
  private notBefore: Milliseconds = 0
  /** By list: consecutive failures that could not be recorded, as the state folder cannot be written. */
  private readonly unrecorded = new Map<string, number>()

  constructor(private options: RemoteListUpdaterOptions) {
    this.copies = new ListCopies(options.copiesFolder)
  }

  /**
   * Downloads the lists without a copy before queries are answered, since rules on them would block
   * nothing. Waits at most 10 s.
   *
   * @returns whether there is a new copy
   */
  async fetchMissing(all: RemoteListSet): Promise<boolean> {
    const lists = all.lists.filter(({ hasCopy }) => !hasCopy)
    if (lists.length === 0) return false
    const { log, timers } = this.options
    const missing = lists.map(({ id }) => id).join(', ')
    log.warn({ lists: missing }, 'lists without a copy: downloading them before serving')
    let hasNewCopy = false
    let isWaiting = true
    await new Promise<void>(resolve => {
      const timer = timers.after(STARTUP_WAIT, resolve)
      const onUpdate = (): void => {
        hasNewCopy = true
        if (!isWaiting) this.options.onUpdate()
      }
      const onDone = (): void => {
        timer.cancel()
        resolve()
        if (!isWaiting) void this.schedule()
      }
      this.fetch({ ...all, lists }, { onUpdate, onDone })
    })
    isWaiting = false
    return hasNewCopy
  }

  /** Replaces the settings, for downloads that begin from now on. */
  configure(settings: Pick<RemoteListUpdaterOptions, 'settings' | 'bootstrap'>): void {
    this.options = { ...this.options, ...settings }
  }

  /** Replaces the lists to keep up to date. */
  setLists(lists: RemoteListSet): void {
    this.current = lists
    void this.schedule()
  }

  /** The status of all lists, from their records on disk. */
  async status(): Promise<readonly RemoteListStatus[]> {
    const now = this.options.clock.wall()
    return Promise.all(
      this.current.lists.map(async ({ id, refresh }) => {
        const { copy, held, confirmed, ...record } = await this.copies.record(id)
        const failures = record.failures + (this.unrecorded.get(id) ?? 0)
        const last = copy === undefined ? null : (confirmed ?? copy.fetched)
        const lasts = Math.max(MIN_EXPIRY, EXPIRY_REFRESHES * refresh)
        const isExpired = last !== null && Date.parse(last) + lasts <= now
        const good = failures > 0 ? 'failing' : 'good'
        const state = last === null ? 'missing' : isExpired ? 'expired' : good
        return { list: id, state, isQuarantined: held !== undefined, failures, confirmed: last }
      })
    )
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    void this.fetcher?.end(EXIT_TIMEOUT)
  }

  /** Downloads the lists that are due, or sets a timer for the one that is due next. */
  private async schedule(): Promise<void> {
    const { current, options } = this
    const now = options.clock.wall()
    const dues = await Promise.all(
      current.lists.map(async list => {
        const record = await this.copies.record(list.id)
        // A deleted copy is replaced at once, unless the last attempt failed.
        const isDeleted = record.copy === undefined && record.failures === 0
        const tried = isDeleted ? '' : record.tried
        return { list, at: nextRefresh(list, { ...record, tried }, now, options.random) }
      })
    )
    if (this.closed || this.fetcher !== undefined || current !== this.current) return
    const due = dues.filter(({ at }) => at <= now).map(({ list }) => list)
    if (due.length > 0 && now >= this.notBefore) {
      const onDone = (): void => void this.schedule()
      this.fetch({ ...current, lists: due }, { onUpdate: options.onUpdate, onDone })
      return
    }
    const first = Math.min(...dues.map(({ at }) => Math.max(at, this.notBefore)))
    this.timer?.cancel()
    this.timer =
      dues.length === 0
        ? undefined
        : options.timers.after(Math.min(first - now, MAX_TIMER), () => void this.schedule())
  }

  private fetch(
    due: RemoteListSet,
    { onUpdate, onDone }: { readonly onUpdate: () => void; readonly onDone: () => void }
  ): void {
    const { copiesFolder, settings, bootstrap, startThread, log, clock } = this.options
    const { caFile, proxy, headerFiles, timeout } = settings
    const init: FetcherInit = {
      ...due,
      copiesFolder,
      bootstrap,
      caFile,
      proxy,
      headerFiles,
      timeout
    }
    const reported = new Set<string>()
    this.fetcher = startThread<never, ListUpdate>('fetcher-main.js', init, {
      message: update => {
        reported.add(update.id)
        this.logUpdate(update, due.lists)
        this.countUnrecorded(update)
        if (update.kind === 'taken') onUpdate()
      },
      exited: error => {
        this.fetcher = undefined
        if (reported.size < due.lists.length) {
          this.notBefore = clock.wall() + FIRST_RETRY
          log.error({ error: error?.message ?? 'it exited' }, 'list fetcher died; retrying in 60 s')
        }
        onDone()
      }
    })
  }

  /** The records say when lists are due: one that stays as it was would have its list downloaded over and over. */
  private countUnrecorded(update: ListUpdate): void {
    const { id } = update
    if (update.kind !== 'failed' || update.isRecorded) {
      this.unrecorded.delete(id)
      return
    }
    const times = (this.unrecorded.get(id) ?? 0) + 1
    this.unrecorded.set(id, times)
    const until = this.options.clock.wall() + doublingDelay(times, FIRST_RETRY, MAX_RETRY)
    this.notBefore = Math.max(this.notBefore, until)
  }

  private logUpdate(update: ListUpdate, lists: readonly RemoteList[]): void {
    const { log } = this.options
    const { id } = update
    const list = lists.find(one => one.id === id)!
    switch (update.kind) {
      case 'taken':
        log.info({ list: id, entries: update.entries, url: list.url }, 'list refreshed')
        break
      case 'held':
        log.warn({ code: update.trouble.code, list: id }, update.trouble.message)
        break
      case 'failed': {
        const { code, message } = update.trouble
        const effect = list.hasCopy
          ? 'the previous copy remains active'
          : 'rules on it match no names'
        log.error({ code, list: id }, `${message}; ${effect}`)
        break
      }
      case 'unchanged':
    }
  }
}
