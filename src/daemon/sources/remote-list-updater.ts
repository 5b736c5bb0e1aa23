import type { Clock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { RemoteListsConfig } from '../../config/config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { RemoteList } from '../../rules/lists/remote-list.js'
import type { BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import { ListCopies } from '../../sources/http/list-copies.js'
import { nextRefresh } from '../../sources/http/refresh-time.js'
import type { ListUpdate } from '../../sources/http/update-list.js'
import type { Timer, Timers } from '../../upstream/timers.js'
import type { RemoteListSet, FetcherInit } from '../threads/messages.js'
import type { StartThread, Thread } from '../threads/thread.js'

/** How long a start waits for lists of which there is no copy. */
const STARTUP_WAIT: Milliseconds = 10_000
/** Timers take no more than 24 days, and the clock may be set while we wait. */
const MAX_TIMER: Milliseconds = 3_600_000
/** What a fetcher that died is followed by after. */
const CRASH_DELAY: Milliseconds = 60_000

export interface RemoteListUpdaterOptions {
  readonly startThread: StartThread
  /** The folder of the copies. */
  readonly copiesFolder: string
  readonly settings: RemoteListsConfig
  readonly bootstrap: BootstrapServers
  readonly log: ServiceLog
  readonly timers: Timers
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
  /** There is a newer copy of a list. */
  readonly onUpdate: () => void
}

/**
 * Has lists fetched when they are due, by a thread that is there only for that: a list of a million
 * names takes a second to be checked. What is known of each list is in its record on disk, so that a
 * restart goes on where it was, and `interdict lists` sees it.
 */
export class RemoteListUpdater {
  private current: RemoteListSet = { lists: [], prefixesByNetwork: new Map() }
  private timer: Timer | undefined
  private fetcher: Thread<never> | undefined
  private readonly copies: ListCopies
  private closed = false
  /** Of a fetcher that died; by the calendar. */
  private notBefore: Milliseconds = 0

  constructor(private readonly options: RemoteListUpdaterOptions) {
    this.copies = new ListCopies(options.copiesFolder)
  }

  /**
   * Fetches the lists of which there is no copy, before anybody is served: without them, what they
   * ban is not banned. Waits for it no longer than 10 s.
   *
   * @returns whether there are copies now that were not there before
   */
  async fetchMissing(fetched: RemoteListSet): Promise<boolean> {
    const lists = fetched.lists.filter(({ hasCopy }) => !hasCopy)
    if (lists.length === 0) return false
    const { log, timers } = this.options
    const missing = lists.map(({ id }) => id).join(', ')
    log.warn({ lists: missing }, 'there is no copy of some lists yet: fetching them before serving')
    let any = false
    let isWaiting = true
    await new Promise<void>(resolve => {
      const timer = timers.after(STARTUP_WAIT, resolve)
      const taken = (): void => {
        any = true
        if (!isWaiting) this.options.onUpdate()
      }
      const done = (): void => {
        timer.cancel()
        resolve()
        if (!isWaiting) void this.schedule()
      }
      this.fetch({ ...fetched, lists }, { taken, done })
    })
    isWaiting = false
    return any
  }

  /** From now on these lists. */
  setLists(fetched: RemoteListSet): void {
    this.current = fetched
    void this.schedule()
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    void this.fetcher?.end()
  }

  /** Sets the clock for what is due first, or fetches what is due already. */
  private async schedule(): Promise<void> {
    const { current: followed, options: parts } = this
    const now = parts.clock.wall()
    const dues = await Promise.all(
      followed.lists.map(async list => {
        const record = await this.copies.record(list.id)
        // A copy that somebody took away is missed at once, unless it cannot be had.
        const isMissed = record.copy === undefined && record.failures === 0
        const tried = isMissed ? '' : record.tried
        return { list, at: nextRefresh(list, { ...record, tried }, now, parts.random) }
      })
    )
    if (this.closed || this.fetcher !== undefined || followed !== this.current) return
    const due = dues.filter(({ at }) => at <= now).map(({ list }) => list)
    if (due.length > 0 && now >= this.notBefore) {
      this.fetch(
        { ...followed, lists: due },
        { taken: parts.onUpdate, done: () => void this.schedule() }
      )
      return
    }
    const first = Math.min(...dues.map(({ at }) => Math.max(at, this.notBefore)))
    this.timer?.cancel()
    this.timer =
      dues.length === 0
        ? undefined
        : parts.timers.after(Math.min(first - now, MAX_TIMER), () => void this.schedule())
  }

  private fetch(
    fetched: RemoteListSet,
    { taken, done }: { readonly taken: () => void; readonly done: () => void }
  ): void {
    const {
      copiesFolder: copies,
      settings,
      bootstrap: servers,
      startThread,
      log,
      clock
    } = this.options
    const { caFile, timeout } = settings
    const start: FetcherInit = { ...fetched, copies, servers, caFile, timeout }
    const told = new Set<string>()
    this.fetcher = startThread<never, ListUpdate>('fetcher-main.js', start, {
      message: update => {
        told.add(update.id)
        this.logUpdate(update, fetched.lists)
        if (update.kind === 'taken') taken()
      },
      exited: error => {
        this.fetcher = undefined
        if (told.size < fetched.lists.length) {
          this.notBefore = clock.wall() + CRASH_DELAY
          log.error({ error: error?.message ?? 'it ended' }, 'the fetcher of lists died')
        }
        done()
      }
    })
  }

  private logUpdate(update: ListUpdate, lists: readonly RemoteList[]): void {
    const { log } = this.options
    const { id } = update
    const list = lists.find(one => one.id === id)!
    switch (update.kind) {
      case 'taken':
        log.info({ list: id, entries: update.entries, url: list.url }, 'a newer list is here')
        break
      case 'held':
        log.warn({ code: update.trouble.code, list: id }, update.trouble.message)
        break
      case 'failed': {
        const { code, message } = update.trouble
        const what = list.hasCopy ? 'the copy stays in force' : 'rules on it hold for no name'
        log.error({ code, list: id }, `${message}: ${what}`)
        break
      }
      case 'unchanged':
    }
  }
}
