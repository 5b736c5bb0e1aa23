import { readFile, stat } from 'node:fs/promises'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { digestFile } from '../../lookups/files/file-digest.js'
import { contentPath, statePath } from '../../lookups/central/history-layout.js'
import { eventLines } from '../../policy/history/event-lines.js'
import { HistoryFolder } from '../../policy/history/history-folder.js'
import { Segment } from '../../policy/history/segment.js'
import { nextSlice, segmentId } from './history-slices.js'
import { readFrom, type LogStore, type ShippedFile } from './log-store.js'
import { MandateSender, type OwnMandates } from './mandate-sender.js'
import { readSentHistory, writeSentHistory, type SentHistory } from './sent-history.js'
import { memoryFile, sharedContent } from './shared-content.js'

/** How often the centre learns that nothing has changed. */
const KNOWN_EVERY: Milliseconds = 3_600_000
/** An event is in the history at most so long after its time, unless the disk is full. */
const RECORDED_WITHIN: Milliseconds = 10_000

export interface HistorySenderEvents {
  /** Whether the gateway ends: nothing more is sent. */
  readonly isClosed?: () => boolean
  readonly clock?: Clock
  /** Undefined: its mandates are not sent. */
  readonly mandates?: OwnMandates | undefined
}

/**
 * Sends the history of rules to the centre: contents that it does not have, then the lines that refer to them, and the
 * mandates. What the centre has not confirmed is sent again, which changes nothing there.
 */
export class HistorySender {
  private readonly folder: HistoryFolder
  private readonly clock: Clock
  private readonly mandates: MandateSender | undefined
  /** Size of each segment of which the centre has everything. */
  private readonly complete = new Map<number, Octets>()
  /** Contents that the centre has. */
  private readonly confirmed = new Set<string>()
  /** The file that says until when the centre has everything; it is sent until it is confirmed. */
  private known: { readonly until: Milliseconds; isConfirmed: boolean } | undefined

  constructor(
    path: string,
    private readonly gateway: string,
    /** `fleet.logs.to` */
    private readonly to: string,
    private readonly store: LogStore,
    private readonly events: HistorySenderEvents = {}
  ) {
    this.folder = new HistoryFolder(path)
    this.clock = events.clock ?? systemClock
    const { mandates } = events
    this.mandates = mandates && new MandateSender(gateway, mandates, file => this.put(file))
  }

  /**
   * Sends what the centre does not have.
   *
   * @returns whether the centre has everything
   * @throws InterdictError FLEET_LOGS; system errors
   */
  async pass(): Promise<boolean> {
    const { folder, complete } = this
    const begun = this.clock.wall() - RECORDED_WITHIN
    const numbers = await folder.segments()
    if (numbers.length === 0) return true
    const sent = readSentHistory(folder.path, this.to)
    let [isWhole, isChanged] = [true, false]
    for (const number of numbers) {
      const { size } = await stat(folder.segmentPath(number))
      if (complete.get(number) === size) continue
      isChanged = true
      if (await this.sendSegment(number, sent)) complete.set(number, size)
      else isWhole = false
    }
    // Before the time until which the centre has everything.
    isWhole = (await this.mandates?.pass(this.clock.wall())) !== false && isWhole
    return isWhole && (await this.sendKnown(begun, isChanged))
  }

  private async sendSegment(number: number, sent: SentHistory): Promise<boolean> {
    const octets = await readFile(this.folder.segmentPath(number))
    const lines = eventLines(octets)
    const id = segmentId(lines)
    if (id === undefined) return true
    const segment = Segment.parse(octets)
    for (;;) {
      const next = nextSlice(this.gateway, id, lines, sent.lines[id] ?? 0)
      if (next === undefined) return true
      const hasContents = await this.sendContents(next.contents, segment)
      if (!hasContents || !(await this.put(next.file))) return false
      sent.lines[id] = next.to
      writeSentHistory(this.folder.path, sent)
    }
  }

  /** @returns whether the centre has all that are stored here */
  private async sendContents(contents: ReadonlySet<string>, segment: Segment): Promise<boolean> {
    const { confirmed, store } = this
    const needed = [...contents].filter(sha256 => !confirmed.has(sha256))
    const has = await store.confirmed?.(needed.map(contentPath))
    let isWhole = true
    for (const sha256 of needed) {
      const isThere = has?.has(contentPath(sha256)) === true
      const file = isThere ? undefined : await this.packed(sha256, segment)
      // What is not stored here is not stored there, either.
      if (file === undefined || (await this.put(file))) confirmed.add(sha256)
      else isWhole = false
    }
    return isWhole
  }

  /** A content as it is at the centre; undefined: it is not stored, or damaged. */
  private async packed(sha256: string, segment: Segment): Promise<ShippedFile | undefined> {
    const { folder } = this
    if (!segment.hasBlob(sha256) && (await folder.hasObject(sha256))) {
      const object = folder.objectPath(sha256)
      const digest = await digestFile(object)
      const read = (offset: Octets): AsyncIterable<Buffer> => readFrom(object, offset)
      const path = contentPath(sha256)
      return { path, sha256: digest.sha256, size: digest.octets, read }
    }
    const content = await folder.content(segment, sha256)
    return content && sharedContent(content)
  }

  /** Tells the centre until when it has everything: after each change, and hourly. */
  private async sendKnown(until: Milliseconds, isChanged: boolean): Promise<boolean> {
    const { known } = this
    if (known === undefined || isChanged || until - known.until >= KNOWN_EVERY)
      this.known = { until, isConfirmed: false }
    const next = this.known!
    next.isConfirmed ||= await this.put(this.knownFile(next.until))
    return next.isConfirmed
  }

  private knownFile(until: Milliseconds): ShippedFile {
    const seconds = Math.floor(until / MS_PER_SECOND)
    const path = statePath(this.gateway, { kind: 'known', at: seconds })
    return memoryFile(path, Buffer.from(`${JSON.stringify({ v: 1, until: seconds })}\n`))
  }

  private async put(file: ShippedFile): Promise<boolean> {
    return this.events.isClosed?.() !== true && (await this.store.put(file))
  }
}
