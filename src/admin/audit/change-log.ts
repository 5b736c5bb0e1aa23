import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import type { Clock } from '../../base/time/clock.js'
import { createParentFolder } from '../../base/files/parent-folder.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { ServiceLog } from '../../base/log/service-log.js'

/** Something that was changed, or refused. */
export interface Change {
  /** RFC 3339. */
  readonly at: string
  /** Name of a token, or `user:` and the name of a person; null: nobody through the API, such as an edited file. */
  readonly by: string | null
  /** An operationId of the API; or `login`, `rules` or `settings`. */
  readonly operation: string
  /** What it was about: a path of the API, or the version of rules. */
  readonly subject: string
  /** Code of the error for which it was refused; null: done. */
  readonly code: string | null
  /** Why, where the request says so. */
  readonly reason?: string
}

/** A read of lookups through the API. */
export interface Read extends Change {
  /** The query of the request, decoded; '': none. */
  readonly filter: string
  /** Lookups, or lines of tables; null: not known, as at the start of a stream. */
  readonly rows: number | null
}

/** The newest changes that are kept, in memory and in the file. */
const KEPT = 1_000
/** Refusals that repeat within this time are recorded once. */
const REPEATED: Milliseconds = 3600 * MS_PER_SECOND

/**
 * The audit trail: changes that operators made to the gateway, or reads of lookups, one JSON line each. Changes and
 * reads have separate logs, since there are far more reads.
 */
export class ChangeLog<Entry extends Change = Change> {
  /** The newest last. */
  private changes: Entry[]
  /** Lines in the file. */
  private lines: number
  /** Whether the file may end in part of a line, after a crash or on a full disk. */
  private isTorn: boolean

  /** @param path undefined: in memory only */
  constructor(
    private readonly path: string | undefined,
    private readonly clock: Clock,
    private readonly log: ServiceLog
  ) {
    const { changes, isTorn } = path === undefined ? NOTHING : readChanges(path)
    this.changes = (changes as readonly Entry[]).slice(-KEPT)
    this.lines = changes.length
    this.isTorn = isTorn
  }

  /** The newest first. */
  get newest(): readonly Entry[] {
    return [...this.changes].reverse()
  }

  /** True if the same operation by the same principal has had the same outcome within the last hour. */
  hasRecent({ by, operation, code }: Pick<Change, 'by' | 'operation' | 'code'>): boolean {
    const since = this.clock.wall() - REPEATED
    return this.changes.some(
      one =>
        one.by === by &&
        one.operation === operation &&
        one.code === code &&
        Date.parse(one.at) > since
    )
  }

  record(change: Omit<Entry, 'at'>): void {
    const at = new Date(this.clock.wall()).toISOString()
    const entry = { at, ...change } as Entry
    this.changes = [...this.changes.slice(1 - KEPT), entry]
    const { path } = this
    if (path === undefined) return
    try {
      if (this.lines < 2 * KEPT) {
        createParentFolder(path)
        const start = this.isTorn ? '\n' : ''
        this.isTorn = true
        appendFileSync(path, `${start}${lineOf(entry)}`, { mode: 0o600 })
        this.lines++
      } else {
        writeFileAtomic(path, Buffer.from(this.changes.map(lineOf).join('')), { mode: 0o600 })
        this.lines = this.changes.length
      }
      this.isTorn = false
    } catch (error) {
      this.log.warn({ path, error: reasonOf(error) }, 'cannot store a change')
    }
  }
}

export const changesFile = (state: string): string => join(state, 'changes.jsonl')
export const readsFile = (state: string): string => join(state, 'reads.jsonl')

const lineOf = (change: Change): string => `${JSON.stringify(change)}\n`

interface ReadChanges {
  readonly changes: readonly Change[]
  /** Whether the last line has no end. */
  readonly isTorn: boolean
}

const NOTHING: ReadChanges = { changes: [], isTorn: false }

/** A line that was not written to its end is left out. */
function readChanges(path: string): ReadChanges {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return NOTHING
  }
  const changes = text.split('\n').flatMap(line => {
    try {
      const value = JSON.parse(line) as Partial<Change> | null
      return typeof value?.at === 'string' && typeof value.operation === 'string'
        ? [{ by: null, subject: '', code: null, ...value } as Change]
        : []
    } catch {
      return []
    }
  })
  return { changes, isTorn: text !== '' && !text.endsWith('\n') }
}
