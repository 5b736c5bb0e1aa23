import type { Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { MS_PER_DAY, MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { allClaims } from '../../policy/tables/claim-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ListState } from '../../policy/rules/lists/load-list.js'
import { countEntries } from '../../policy/rules/lists/list-types.js'
import { MAX_SHRINK } from '../../policy/rules/lists/remote-list.js'

/** A list whose loss of entries was confirmed. */
export interface ConfirmResult {
  readonly id: string
  readonly entries: number
}

/** A local list that lost more entries than a fetched one may. Times are RFC 3339, in UTC. */
export interface ShrunkList {
  readonly id: string
  readonly before: number
  readonly now: number
  readonly since: string
}

/** A ban that was in force, and that a change of the rules has ended. */
export interface RemovedBan {
  readonly id: string
  readonly since: string
}

/** How long a removed ban is reported. */
const BAN_MEMORY: Milliseconds = MS_PER_DAY

/** Removed bans that are reported. */
const MAX_BANS = 100

/**
 * Changes of the rules that open names and may be mistakes: they are in force, and reported until somebody
 * confirms them or they are undone; removed bans for a day. Kept in memory: after a restart the rules are
 * what the files say.
 */
export class UnconfirmedChanges {
  /** Entries of each local list when it was last as it should be. */
  private readonly entries = new Map<string, number>()
  private readonly shrunk = new Map<string, ShrunkList>()
  private readonly removed = new Map<string, Milliseconds>()

  constructor(private readonly clock: Clock) {}

  get lists(): readonly ShrunkList[] {
    return [...this.shrunk.values()]
  }

  get bans(): readonly RemovedBan[] {
    const oldest = this.clock.wall() - BAN_MEMORY
    for (const [id, at] of this.removed) if (at < oldest) this.removed.delete(id)
    return [...this.removed].map(([id, at]) => ({ id, since: new Date(at).toISOString() }))
  }

  /**
   * Compares the local lists with how they were.
   *
   * @param lists of the active rules
   * @param fetched ids of lists that have a guard of their own
   * @returns what shrank just now, for the log
   */
  listsChanged(
    lists: readonly ListState[],
    fetched: ReadonlySet<string>
  ): readonly InterdictError[] {
    const warnings: InterdictError[] = []
    const ids = new Set(lists.map(({ id }) => id))
    for (const id of this.entries.keys()) if (!ids.has(id) || fetched.has(id)) this.forget(id)
    for (const { id, reports } of lists) {
      if (fetched.has(id)) continue
      const now = countEntries(reports)
      const before = this.entries.get(id) ?? now
      if (now >= before * (1 - MAX_SHRINK / 100)) {
        this.shrunk.delete(id)
        this.entries.set(id, now)
      } else if (this.shrunk.get(id)?.now !== now) {
        const since = new Date(this.clock.wall()).toISOString()
        this.shrunk.set(id, { id, before, now, since })
        warnings.push(failure('RULES_LIST_SHRUNK', id, before, now))
      }
    }
    return warnings
  }

  /** Compares the bans in force. @returns those that the new rules lack, for the log */
  bansChanged(before: Snapshot, after: Snapshot): readonly InterdictError[] {
    const at = this.clock.wall()
    const now = Math.floor(at / MS_PER_SECOND)
    const current = bansInForce(after, now)
    for (const id of this.removed.keys()) if (current.has(id)) this.removed.delete(id)
    const gone = [...bansInForce(before, now)].filter(id => !current.has(id))
    for (const id of gone.slice(0, MAX_BANS - this.removed.size)) this.removed.set(id, at)
    return gone.length === 0 ? [] : [failure('RULES_BAN_REMOVED', gone)]
  }

  /** Accepts a list as it is. @returns its entries; undefined: nothing was to be confirmed */
  confirmList(id: string): number | undefined {
    const found = this.shrunk.get(id)
    if (found === undefined) return undefined
    this.shrunk.delete(id)
    this.entries.set(id, found.now)
    return found.now
  }

  private forget(id: string): void {
    this.entries.delete(id)
    this.shrunk.delete(id)
  }
}

/** Ids of the bans that are enforced at a time, or would be by their weekly hours. */
function bansInForce(snapshot: Snapshot, now: Seconds): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { kind, ruleId, monitor, reply, from, until } of allClaims(snapshot).all) {
    // Names that a list passes have no reply, in a monitored ban as well.
    const isEnforced = kind === 'ban' && !monitor && reply !== undefined
    if (isEnforced && from <= now && now < until) found.add(ruleId)
  }
  return found
}
