import type { Octets } from '../../base/units.js'
import { parseEvent, type HistoryEvent, type Tree } from './history-event.js'

export const LF = 0x0a
const BLOB = '{"blob":"'
const TREE = '{"tree":"'
const DIGITS = 64

/** A stored content: whole, or what differs from another one. Base64 of raw DEFLATE data. */
export interface BlobLine {
  /** SHA-256 of the content. */
  readonly blob: string
  readonly size: Octets
  readonly data: string
  /** SHA-256 of the content that it differs from; absent: `data` is all of it. */
  readonly of?: string
  readonly head?: Octets
  readonly tail?: Octets
  /** How many contents it differs from in turn. */
  readonly depth?: number
}

/** The files of a version: all, or what differs from another one in the same segment. */
interface TreeLine {
  /** `RulesEvent.files` */
  readonly tree: string
  readonly of?: string
  readonly set: Readonly<Record<string, string>>
  readonly unset?: readonly string[]
  readonly depth?: number
}

/** An event as it was read. */
export interface ReadEvent {
  readonly event: HistoryEvent
  /** Whether a line just before it cannot be read: what was in force until then is not known. */
  readonly afterDamage: boolean
}

/** The most versions of a file or tree that are stored as differences in turn. */
export const MAX_DEPTH = 100

/**
 * One file of the history: JSON lines of events, trees and contents. Complete in itself, so that older ones can
 * be removed: the first event has its tree and contents in it.
 */
export class Segment {
  readonly events: ReadEvent[] = []
  /** Octets read so far. */
  size: Octets = 0
  /** Whether its last line cannot be read. */
  isDamaged = false
  private readonly blobs = new Map<string, Uint8Array>()
  private readonly trees = new Map<string, TreeLine>()

  /** @param octets whole lines, but for a last one that a crash has cut off */
  static parse(octets: Uint8Array): Segment {
    const segment = new Segment()
    segment.add(octets)
    return segment
  }

  add(octets: Uint8Array): void {
    this.size += octets.length
    for (let at = 0; at < octets.length;) {
      const end = octets.indexOf(LF, at)
      this.addLine(octets.subarray(at, end === -1 ? octets.length : end))
      at = end === -1 ? octets.length : end + 1
    }
  }

  hasBlob(sha256: string): boolean {
    return this.blobs.has(sha256)
  }

  /** @returns undefined: not in this segment, or damaged */
  blob(sha256: string): BlobLine | undefined {
    const line = this.blobs.get(sha256)
    return line && (parseJson(line) as BlobLine | undefined)
  }

  hasTree(files: string): boolean {
    return this.trees.has(files)
  }

  /** @returns undefined: not in this segment */
  tree(files: string): Tree | undefined {
    const steps: TreeLine[] = []
    for (let next: string | undefined = files; next !== undefined;) {
      const line = this.trees.get(next)
      if (line === undefined || steps.length > MAX_DEPTH) return undefined
      steps.push(line)
      next = line.of
    }
    const tree = new Map<string, string>()
    for (const { set, unset = [] } of steps.reverse()) {
      for (const name of unset) tree.delete(name)
      for (const [name, sha256] of Object.entries(set)) tree.set(name, sha256)
    }
    return tree
  }

  /** The line of a tree. @param of another one in this segment that it is like; undefined: none */
  treeLine(files: string, tree: Tree, of: string | undefined): string {
    const base = of === undefined ? undefined : this.tree(of)
    const depth = 1 + (this.trees.get(of ?? '')?.depth ?? 0)
    if (base === undefined || depth >= MAX_DEPTH)
      return lineOf({ tree: files, set: Object.fromEntries(tree) })
    const set = Object.fromEntries([...tree].filter(([name, sha256]) => base.get(name) !== sha256))
    const unset = [...base.keys()].filter(name => !tree.has(name))
    return lineOf({ tree: files, of: of!, set, ...(unset.length > 0 && { unset }), depth })
  }

  /** SHA-256 of all contents that its trees, zones and settings refer to. */
  get references(): Set<string> {
    const found = new Set<string>()
    for (const { set } of this.trees.values())
      for (const sha256 of Object.values(set)) found.add(sha256)
    for (const { event } of this.events) {
      if (!('sha256' in event)) continue
      found.add(event.settings)
      for (const { content } of event.zones) if (content !== undefined) found.add(content)
    }
    return found
  }

  private addLine(line: Uint8Array): void {
    if (line.length === 0) return
    if (isBlobLine(line)) {
      const from = BLOB.length
      const sha256 = Buffer.from(line.subarray(from, from + DIGITS)).toString('latin1')
      this.blobs.set(sha256, line)
      return
    }
    const value = parseJson(line)
    if (startOf(line, TREE.length) === TREE && value !== undefined) this.addTree(value as TreeLine)
    else this.addEvent(value)
  }

  private addTree(line: TreeLine): void {
    this.trees.set(line.tree, line)
  }

  private addEvent(value: unknown): void {
    const event = typeof value === 'object' && value !== null ? parseEvent(value) : undefined
    if (event !== undefined) this.events.push({ event, afterDamage: this.isDamaged })
    this.isDamaged = event === undefined
  }
}

/** Whether a line has a content, and is not cut off. */
export const isBlobLine = (line: Uint8Array): boolean =>
  startOf(line, BLOB.length) === BLOB && line.at(-1) === 0x7d

const startOf = (line: Uint8Array, length: number): string =>
  Buffer.from(line.subarray(0, length)).toString('latin1')

export const lineOf = (line: BlobLine | TreeLine | HistoryEvent): string =>
  `${JSON.stringify(line)}\n`

function parseJson(line: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString())
  } catch {
    return undefined
  }
}
