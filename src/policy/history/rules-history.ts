import type { Milliseconds } from '../../base/units.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { isRulesEvent, type EndEvent, type RulesEvent, type Tree } from './history-event.js'
import { HistoryFolder } from './history-folder.js'
import type { Segment } from './segment.js'

/** A stretch of time in which the same rules, pauses and settings decided. */
export interface InForce {
  readonly from: Milliseconds
  /** Infinity: it is the last of the history. */
  readonly until: Milliseconds
  readonly event: RulesEvent
  readonly version: StoredVersion
}

/** A stretch of time in which nothing was in force, or it is not known what was. */
export interface NotInForce {
  readonly from: Milliseconds
  readonly until: Milliseconds
  readonly event: EndEvent
  readonly version?: undefined
}

export type Stretch = InForce | NotInForce

/** What was in force, as the gateway has recorded it. Read-only, and as of when it was opened. */
export class RulesHistory {
  /** All stretches, the oldest first. Each begins where the one before ends. */
  readonly stretches: readonly Stretch[]

  private constructor(
    private readonly folder: HistoryFolder,
    private readonly segments: readonly Segment[]
  ) {
    this.stretches = stretchesOf(folder, segments)
  }

  /**
   * Reads the history.
   *
   * @param place path of the folder: see `historyFolder`. Without it, the history is empty.
   * @throws InterdictError HISTORY_READ
   */
  static async open(place: string | HistoryFolder): Promise<RulesHistory> {
    const folder = typeof place === 'string' ? new HistoryFolder(place) : place
    try {
      const numbers = await folder.segments()
      const segments: Segment[] = []
      for (const number of numbers) segments.push(await folder.readSegment(number))
      return new RulesHistory(folder, segments)
    } catch (error) {
      throw failure('HISTORY_READ', folder.path, reasonOf(error))
    }
  }

  /** What decided at a time; undefined: the history begins later. */
  at(time: Milliseconds): Stretch | undefined {
    return this.stretches.findLast(({ from }) => from <= time)
  }

  /** The newest version that was in force. */
  get latest(): InForce | undefined {
    return this.stretches.findLast(one => one.version !== undefined)
  }

  /** All stretches of the versions whose SHA-256 begins with these digits, the oldest first. */
  find(digits: string): readonly InForce[] {
    const text = digits.toLowerCase()
    return this.stretches.flatMap(one =>
      one.version !== undefined && one.event.sha256.startsWith(text) ? [one] : []
    )
  }

  /** Whether a content is stored, of whatever version. */
  async stores(sha256: string): Promise<boolean> {
    const isInline = this.segments.some(segment => segment.hasBlob(sha256))
    return isInline || (await this.folder.hasObject(sha256))
  }

  /** The stretches that touch a period. */
  within(since: Milliseconds, until: Milliseconds): readonly Stretch[] {
    return this.stretches.filter(one => one.from < until && one.until > since)
  }
}

/** The files of a version of the rules. */
export class StoredVersion {
  constructor(
    private readonly folder: HistoryFolder,
    private readonly segment: Segment,
    readonly event: RulesEvent
  ) {}

  /** Undefined: the list of its files is lost. */
  get tree(): Tree | undefined {
    return this.segment.tree(this.event.files)
  }

  /** A file of the rules; undefined: it is not stored. */
  file(name: string): Promise<Buffer | undefined> {
    const sha256 = this.tree?.get(name)
    return sha256 === undefined ? Promise.resolve(undefined) : this.content(sha256)
  }

  /** A content by its SHA-256. */
  content(sha256: string): Promise<Buffer | undefined> {
    return this.folder.content(this.segment, sha256)
  }

  /** Names of its files whose content is not stored; lists and zones by their ids. */
  async missing(): Promise<readonly string[]> {
    const { tree, event, folder, segment } = this
    if (tree === undefined) return ['networks.yaml']
    const missing: string[] = []
    for (const [name, sha256] of tree) if (!(await folder.has(segment, sha256))) missing.push(name)
    for (const { list, content } of event.zones)
      if (content === undefined || !(await folder.has(segment, content))) missing.push(list)
    return missing
  }

  /** The settings that decided, as JSON; undefined: lost. */
  async settings(): Promise<string | undefined> {
    return (await this.content(this.event.settings))?.toString()
  }
}

function stretchesOf(folder: HistoryFolder, segments: readonly Segment[]): Stretch[] {
  const all: { from: Milliseconds; event: RulesEvent | EndEvent; segment: Segment }[] = []
  for (const segment of segments) {
    for (const { event, afterDamage } of segment.events) {
      const from = Date.parse(event.at)
      const last = all.at(-1)
      if (afterDamage) {
        const why = 'a line of the history cannot be read'
        // What came in force meanwhile is not known, but the last known rules were, for a while.
        all.push({ from: last?.from ?? from, event: gap(last?.from ?? from, why), segment })
      }
      all.push({ from, event, segment })
    }
    if (segment.isDamaged) {
      const from = all.at(-1)?.from ?? 0
      all.push({ from, event: gap(from, 'the last line of the history cannot be read'), segment })
    }
  }
  // The clock may have been set back: the later record counts.
  const sorted = all.map((one, i) => ({ ...one, i })).sort((a, b) => a.from - b.from || a.i - b.i)
  return sorted.map(({ from, event, segment }, i) => {
    const until = sorted[i + 1]?.from ?? Infinity
    if (!isRulesEvent(event)) return { from, until, event }
    return { from, until, event, version: new StoredVersion(folder, segment, event) }
  })
}

const gap = (at: Milliseconds, why: string): EndEvent => ({
  at: new Date(at).toISOString(),
  event: 'gap',
  why
})
