import type { Milliseconds, Octets } from '../../base/units.js'
import type { EgressFinding } from './egress-finding.js'

/** What tells findings apart. */
export type FindingSubject = Pick<
  EgressFinding,
  'kind' | 'network' | 'client' | 'destination' | 'port' | 'protocol'
>

/** A subject with what is known of its destination. */
export type FoundConnection = FindingSubject & Pick<EgressFinding, 'apps' | 'names'>

interface Entry {
  readonly found: FoundConnection
  first: Milliseconds
  last: Milliseconds
  connections: number
  octets: Octets | null
  /** When its last line was taken; -Infinity: none was yet. */
  takenAt: Milliseconds
  hasChanged: boolean
}

/** Lines about the same subject are this far apart. */
export const LINE_INTERVAL: Milliseconds = 60_000
/** A subject without connections for this long is forgotten. */
const FORGET: Milliseconds = 3_600_000
const MAX_SUBJECTS = 10_000

/** Sums findings about the same, so that a client that tries a thousand times a second is one line a minute. */
export class FindingTally {
  private readonly entries = new Map<string, Entry>()
  /** Findings that had no room since the last call of `takeLost`. */
  private lost = 0

  constructor(private readonly limit = MAX_SUBJECTS) {}

  get size(): number {
    return this.entries.size
  }

  /** Counts a connection that begins. Returns the key for `end`; undefined: there is no room. */
  begin(found: FoundConnection, at: Milliseconds): string | undefined {
    const key = keyOf(found)
    let entry = this.entries.get(key)
    if (entry === undefined) {
      if (this.entries.size >= this.limit) {
        this.lost++
        return undefined
      }
      entry = { ...{ found, first: at, last: at }, ...NOTHING, takenAt: -Infinity }
      this.entries.set(key, entry)
    }
    if (!entry.hasChanged) entry.first = at
    entry.hasChanged = true
    entry.last = Math.max(entry.last, at)
    entry.connections++
    return key
  }

  /** Adds what a connection has carried. @param octets undefined: not counted */
  end(key: string, at: Milliseconds, octets: Octets | undefined): void {
    const entry = this.entries.get(key)
    if (entry === undefined || octets === undefined) return
    if (!entry.hasChanged) entry.first = at
    entry.hasChanged = true
    entry.last = Math.max(entry.last, at)
    entry.octets = (entry.octets ?? 0) + octets
  }

  /** Takes findings that are new, or have changed long enough ago. @param isLast all that have changed */
  take(now: Milliseconds, isLast = false): EgressFinding[] {
    const taken: EgressFinding[] = []
    for (const [key, entry] of this.entries) {
      if (entry.hasChanged && (isLast || now - entry.takenAt >= LINE_INTERVAL)) {
        const { found, first, last, connections, octets } = entry
        taken.push({ ...found, first, last, connections, octets })
        Object.assign(entry, NOTHING, { takenAt: now })
      } else if (!entry.hasChanged && now - entry.last > FORGET) this.entries.delete(key)
    }
    return taken
  }

  takeLost(): number {
    const { lost } = this
    this.lost = 0
    return lost
  }
}

const NOTHING = { connections: 0, octets: null, hasChanged: false } as const

const keyOf = ({ kind, network, client, destination, port, protocol }: FindingSubject): string =>
  [kind, network, client, destination, port, protocol].join(' ')
