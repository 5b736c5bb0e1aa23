import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { deflateRaw, gzip } from 'node:zlib'
import type { Octets } from '../../base/units.js'
import { sha256Of } from '../../base/bytes/sha256.js'
import { deltaOf } from './delta.js'
import {
  isRulesEvent,
  MAX_CHANGED,
  type EndEvent,
  type RulesEvent,
  type StoredZone,
  type Tree
} from './history-event.js'
import { HistoryFolder } from './history-folder.js'
import { readRestoreNote } from './restore-note.js'
import { lineOf, MAX_DEPTH, Segment } from './segment.js'

const deflate = promisify(deflateRaw)
const compress = promisify(gzip)

/** Accessible to the owner only: rules may name devices. */
const [FOLDER_MODE, FILE_MODE] = [0o700, 0o600]
/** A segment of this size is followed by another one; each is read as a whole. */
const MAX_SEGMENT: Octets = 16 * 1024 * 1024
/** Longer contents are files of their own. */
const MAX_INLINE: Octets = 256 * 1024

/** A file of a version, as it was read. */
export interface FileContent {
  readonly name: string
  readonly sha256: string
  /** Reads it; undefined: it is not to be stored, or is another one by now. */
  content(): Promise<Uint8Array | undefined>
}

/** An event to record, with texts in place of their SHA-256. */
export type NewEvent = Omit<RulesEvent, 'changed' | 'settings' | 'zones'> & {
  readonly settings: string
  readonly zones: readonly StoredZone[]
}

/** Where contents of a version come from. */
export interface VersionContent {
  /** Undefined: the files are as in an earlier event. */
  readonly files: readonly FileContent[] | undefined
  /** The text of a zone; undefined: as for a file. */
  zone(zone: StoredZone): Promise<Uint8Array | undefined>
}

export interface Recorded {
  /** Files whose contents are not stored. */
  readonly missing: readonly string[]
  /** The segment. */
  readonly path: string
}

/**
 * Appends to the history of rules. Everything that an event adds is one write, synced before `record` resolves;
 * only contents in files of their own are written before it. Nothing blocks the thread.
 */
export class HistoryWriter {
  private readonly folder: HistoryFolder
  private current: { readonly number: number; readonly segment: Segment } | undefined

  constructor(readonly path: string) {
    this.folder = new HistoryFolder(path)
  }

  /** Records what decides from now on. Throws the system's error, and then nothing is recorded. */
  async record(event: NewEvent, content: VersionContent): Promise<Recorded> {
    const { folder } = this
    await mkdir(folder.objects, { recursive: true, mode: FOLDER_MODE })
    const previous = await this.newest()
    const isNew = previous === undefined || isFull(previous.segment, event.at)
    const number = isNew ? (previous?.number ?? 0) + 1 : previous.number
    const segment = isNew ? new Segment() : previous.segment
    const addition = new Addition(folder, segment, previous?.segment)
    const by = event.by ?? (await readRestoreNote(folder.path, event))
    const line = await addition.add({ ...event, by }, content)
    const path = folder.segmentPath(number)
    const text = Buffer.from(addition.lines.join('') + lineOf(line))
    await append(path, text)
    segment.add(text)
    this.current = { number, segment }
    return { missing: addition.missing, path }
  }

  /** Records that nothing is in force, or that it is not known what was. @returns the path of the segment */
  async end(event: EndEvent): Promise<string> {
    const number = (await this.folder.segments()).at(-1) ?? 1
    const path = this.folder.segmentPath(number)
    await mkdir(this.folder.objects, { recursive: true, mode: FOLDER_MODE })
    await append(path, Buffer.from(lineOf(event)))
    return path
  }

  /** The newest segment, read again if another process has appended to it. */
  private async newest(): Promise<HistoryWriter['current']> {
    const number = (await this.folder.segments()).at(-1)
    if (number === undefined) return undefined
    const { current, folder } = this
    const { size } = await stat(folder.segmentPath(number))
    if (current?.number === number && current.segment.size === size) return current
    return { number, segment: await folder.readSegment(number) }
  }
}

/** Appends the end of what was in force, or of what is known, to a segment. */
export function appendEnd(path: string, event: EndEvent): Promise<void> {
  return append(path, Buffer.from(lineOf(event)))
}

/** The lines that an event adds to a segment. */
class Addition {
  readonly lines: string[] = []
  readonly missing: string[] = []
  private readonly added = new Set<string>()

  constructor(
    private readonly folder: HistoryFolder,
    private readonly segment: Segment,
    /** The newest segment that exists, from which contents are taken over. */
    private readonly previous: Segment | undefined
  ) {}

  async add(event: NewEvent, content: VersionContent): Promise<RulesEvent> {
    const before = this.previous?.events.findLast(one => isRulesEvent(one.event))?.event
    const last = before as RulesEvent | undefined
    const lastTree = last && this.previous?.tree(last.files)
    const given = content.files && new Map(content.files.map(file => [file.name, file]))
    const tree = given ? digestsOf(given.values()) : this.previous?.tree(event.files)
    for (const [name, sha256] of tree ?? []) {
      const read = async () => given?.get(name)?.content()
      if (!(await this.addContent(sha256, lastTree?.get(name), read))) this.missing.push(name)
    }
    if (tree === undefined) this.missing.push('networks.yaml')
    else if (!this.segment.hasTree(event.files))
      this.lines.push(this.segment.treeLine(event.files, tree, last?.files))
    const settings = sha256Of(Buffer.from(event.settings))
    await this.addContent(settings, last?.settings, () =>
      Promise.resolve(Buffer.from(event.settings))
    )
    const zones = await this.addZones(event.zones, last, content)
    return { ...event, settings, zones, changed: changedFiles(lastTree, tree) }
  }

  private async addZones(
    zones: readonly StoredZone[],
    last: RulesEvent | undefined,
    content: VersionContent
  ): Promise<StoredZone[]> {
    const stored: StoredZone[] = []
    for (const zone of zones) {
      const known = last?.zones.find(one => one.list === zone.list)
      const isSame = known?.sha256 === zone.sha256 && known.serial === zone.serial
      const text = isSame ? undefined : await content.zone(zone)
      const sha256 = isSame ? known.content : text && sha256Of(text)
      const isStored =
        sha256 !== undefined &&
        (await this.addContent(sha256, known?.content, () => Promise.resolve(text)))
      if (!isStored) this.missing.push(zone.list)
      stored.push(isStored ? { ...zone, content: sha256 } : zone)
    }
    return stored
  }

  /**
   * Adds a content, unless it is there.
   *
   * @param like SHA-256 of an earlier version
   * @returns whether it is stored now
   */
  private async addContent(
    sha256: string,
    like: string | undefined,
    read: () => Promise<Uint8Array | undefined>
  ): Promise<boolean> {
    const { folder, segment, previous } = this
    if (this.added.has(sha256) || segment.hasBlob(sha256)) return true
    // Long contents, and those of a previous segment, are rare: most are in this one.
    if (await folder.hasObject(sha256)) return true
    const octets = (await read()) ?? (previous && (await folder.content(previous, sha256)))
    if (octets === undefined || sha256Of(octets) !== sha256) return false
    this.added.add(sha256)
    const base = like === undefined ? undefined : await this.baseOf(like)
    const delta = base && deltaOf(base.octets, octets)
    if (delta !== undefined && delta.middle.length < octets.length / 2)
      await this.addDelta(sha256, octets.length, { ...delta, of: like!, depth: base!.depth + 1 })
    else if (octets.length > MAX_INLINE) await this.writeObject(sha256, octets)
    else {
      const data = (await deflate(octets)).toString('base64')
      this.lines.push(lineOf({ blob: sha256, size: octets.length, data }))
    }
    return true
  }

  private async addDelta(
    sha256: string,
    size: Octets,
    { middle, ...delta }: ReturnType<typeof deltaOf> & { of: string; depth: number }
  ): Promise<void> {
    const data = (await deflate(middle)).toString('base64')
    this.lines.push(lineOf({ blob: sha256, size, ...delta, data }))
  }

  /** A content of this segment that another one may differ from. */
  private async baseOf(sha256: string) {
    const { folder, segment } = this
    const depth = segment.blob(sha256)?.depth ?? 0
    if (depth >= MAX_DEPTH || !(await folder.has(segment, sha256))) return undefined
    const octets = await folder.content(segment, sha256)
    return octets && { octets, depth }
  }

  private async writeObject(sha256: string, octets: Uint8Array): Promise<void> {
    const path = this.folder.objectPath(sha256)
    const temporary = `${path}.${randomBytes(8).toString('hex')}.half`
    try {
      const file = await open(temporary, 'wx', FILE_MODE)
      await writeSynced(file, await compress(octets))
      await rename(temporary, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
  }
}

const digestsOf = (files: Iterable<FileContent>): Tree =>
  new Map([...files].map(({ name, sha256 }) => [name, sha256]))

/** @returns none for the first version */
function changedFiles(before: Tree | undefined, now: Tree | undefined): string[] {
  if (before === undefined || now === undefined) return []
  const names = [...new Set([...before.keys(), ...now.keys()])]
  return names.filter(name => before.get(name) !== now.get(name)).slice(0, MAX_CHANGED)
}

/** Whether the next event begins another segment: with each month, so that retention removes whole ones. */
function isFull({ size, events }: Segment, at: string): boolean {
  const month = events[0]?.event.at.slice(0, 7)
  return size > MAX_SEGMENT || (month !== undefined && month !== at.slice(0, 7))
}

/** Appends in one write. If that fails, the file is as it was, or its last line cannot be read. */
async function append(path: string, octets: Uint8Array): Promise<void> {
  const file = await open(path, 'a+', FILE_MODE)
  let before: Octets | undefined
  try {
    before = (await file.stat()).size
    const isWhole = before === 0 || (await lastOctet(file, before)) === LF
    const text = isWhole ? octets : Buffer.concat([Buffer.of(LF), octets])
    await file.appendFile(text)
    await file.sync()
  } catch (error) {
    if (before !== undefined) await file.truncate(before).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
  if (before === 0) await syncFolder(dirname(path))
}

const LF = 0x0a

async function lastOctet(file: FileHandle, size: Octets): Promise<number | undefined> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0]
}

async function writeSynced(file: FileHandle, octets: Uint8Array): Promise<void> {
  try {
    await file.writeFile(octets)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
