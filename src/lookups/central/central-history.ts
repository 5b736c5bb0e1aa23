import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { HistoryFolder } from '../../policy/history/history-folder.js'
import { Segment } from '../../policy/history/segment.js'
import { historyFiles } from './central-layout.js'
import {
  CONTENTS,
  HISTORIES,
  parseSlice,
  parseState,
  slicePath,
  type HistorySlice,
  type HistoryStateFile
} from './history-layout.js'

/** Stands for lines that have not arrived: what was in force then is not known. */
const LOST = '{}'
const SILENT = 'nothing has arrived from the gateway since then'

/** The newest state of a history. @param names of its files */
export function newestState(
  names: readonly string[],
  kind: HistoryStateFile['kind']
): HistoryStateFile | undefined {
  const states = names.flatMap(name => parseState(name) ?? []).filter(one => one.kind === kind)
  return states.sort((a, b) => a.at - b.at).at(-1)
}

/** The history of rules of one gateway of a fleet, as far as it has arrived in the central folder. */
export class CentralHistory extends HistoryFolder {
  private arrived: readonly Segment[] = []

  /** @param folder the central one */
  constructor(
    private readonly folder: string,
    private readonly gateway: string
  ) {
    super(join(folder, HISTORIES, gateway), join(folder, CONTENTS))
  }

  override async segments(): Promise<readonly number[]> {
    const names = historyFiles(this.folder, this.gateway)
    const parts = new Map<string, HistorySlice[]>()
    for (const name of names) {
      const slice = parseSlice(this.gateway, name)
      if (slice === undefined) continue
      parts.set(slice.first, [...(parts.get(slice.first) ?? []), slice])
    }
    const read: Segment[] = []
    for (const slices of parts.values()) read.push(await this.readSlices(slices))
    read.sort((a, b) => beginOf(a) - beginOf(b))
    const known = newestState(names, 'known')?.at ?? 0
    endAt(read.at(-1), known * MS_PER_SECOND)
    this.arrived = read
    return [...read.keys()]
  }

  override readSegment(number: number): Promise<Segment> {
    return Promise.resolve(this.arrived[number]!)
  }

  private async readSlices(slices: readonly HistorySlice[]): Promise<Segment> {
    const lines: string[] = []
    const seen = new Set<string>()
    let next = 1
    for (const slice of slices.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
      const text = await readFile(join(this.folder, slicePath(slice)), 'utf8')
      if (slice.from > next) lines.push(LOST)
      const own = text.split('\n').slice(0, slice.to + 1 - slice.from)
      // Sent again; or others after a gateway was restored from a backup: both were in force.
      const fresh = own.filter((line, i) => slice.from + i >= next || !seen.has(line))
      for (const line of fresh) seen.add(line)
      lines.push(...fresh)
      next = Math.max(next, slice.to + 1)
    }
    return Segment.parse(Buffer.from(lines.map(line => `${line}\n`).join('')))
  }
}

const beginOf = ({ events: [first] }: Segment): Milliseconds =>
  first === undefined ? 0 : Date.parse(first.event.at)

/** What came in force at the gateway after its last message is not known. */
function endAt(segment: Segment | undefined, known: Milliseconds): void {
  const last = segment?.events.at(-1)
  if (segment === undefined || last === undefined) return
  const at = new Date(Math.max(known, Date.parse(last.event.at))).toISOString()
  segment.events.push({ event: { at, event: 'gap', why: SILENT }, afterDamage: segment.isDamaged })
  segment.isDamaged = false
}
