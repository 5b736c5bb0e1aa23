import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { isAbsolute, parse, relative, resolve, sep } from 'node:path'
import type { Octets } from '../../base/units.js'
import { showZoneFileName } from '../../dns/rdata/zone-file-writer.js'
import { applyJournal, countLines, readZoneCopy } from '../../zonefile/effective-zone.js'
import { rulesSha256, type ZoneState } from '../../zonefile/zone-state.js'
import type { BundleFacts } from './types.js'

export type FileResult =
  | { readonly octets: Uint8Array }
  /** Why the file cannot be read, in the system's words. */
  | { readonly why: string; readonly isMissing?: boolean }

/** A file that is larger than it may be: so many octets. */
export interface TooLarge {
  readonly size: Octets
}

/** Where rule files are read from. Names are as rules write them, with `/`. */
export interface RuleFiles {
  read(name: string): Promise<FileResult>
  /** A file that is larger is not read. */
  readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge>
  /**
   * The last good copy of a list that is a zone of a primary, as it is in force.
   *
   * @param zone its name, lower-cased wire form
   */
  readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge>
  /** Names of the files in a folder; none if there is no such folder, unless it is `needed`. */
  listFolder(name: string, needed?: boolean): Promise<readonly string[] | { readonly why: string }>
  /** A file's name as messages show it. */
  displayName(name: string): string
  /** Every file and folder that was read, or looked for. */
  readonly files: readonly string[]
  /** Of what they have; hex. */
  readonly sha256: string
  /** The same without zones of primaries. */
  readonly filesSha256: string
  /** Zones of primaries that were read. */
  readonly zones: readonly ZoneState[]
  /** Whether something could not be read only because the system had not what it takes. */
  readonly hadTransientError: boolean
  /** Of the bundle that a gateway has accepted; undefined: they are from elsewhere. */
  readonly bundle?: BundleFacts | undefined
}

const COPY_MARK = '\0'

/** The name of the last good copy of a list that is fetched; no path has this letter. */
export const copyName = (list: string): string => `${COPY_MARK}${list}`

export const isCopyName = (name: string): boolean => name.startsWith(COPY_MARK)

/** The same for what a zone that is transferred has: `.zone` and `.journal`. */
const zoneFile = (list: string, end: string): string => `${COPY_MARK}../zones/${list}${end}`

/** Where the copies of zones are: beside those of lists. */
export const zoneFilesIn = (copies: string): string => resolve(copies, '../zones')

/** What the system lacks, or fails at, with a file that is as it was: it can be read later. */
const TRANSIENT_ERRORS = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO', 'ESTALE', 'ETIMEDOUT']

const EMPTY = new Uint8Array(0)
const MISSING = { why: 'no such file', isMissing: true } as const

/**
 * A rules folder while it is being read. Each file is read once, whole, so that whatever is made of
 * it is made of one state of it; what was read (or was not there to be read) is remembered.
 */
export class RulesFolder implements RuleFiles {
  private readonly contents = new Map<string, Uint8Array>()
  private readonly seen: Set<string>
  readonly zones: ZoneState[] = []
  /** Whether something could not be read only because the system had not what it takes. */
  hadTransientError = false

  /** @param copies where copies of lists are that are fetched; undefined: nowhere */
  constructor(
    private readonly path: string,
    private readonly copies?: string
  ) {
    this.seen = new Set([path])
  }

  /** @param name of a file, as rules write it: relative to the folder, with `/` */
  async read(name: string): Promise<FileResult> {
    const path = resolve(this.path, name)
    this.seen.add(path)
    try {
      const octets = this.contents.get(name) ?? (await readFile(path))
      this.contents.set(name, octets)
      return { octets }
    } catch (error) {
      return this.fail(error)
    }
  }

  /**
   * Reads a file of at most so many octets. One that is larger, or that is no file but a device or a
   * pipe, is not read at all.
   */
  async readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge> {
    const known = this.contents.get(name)
    if (known !== undefined) return known.length > most ? { size: known.length } : { octets: known }
    if (isCopyName(name) && this.copies === undefined) return MISSING
    const result = await this.readOutside(name, most)
    if ('octets' in result) this.contents.set(name, result.octets)
    return result
  }

  async readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge> {
    if (this.copies === undefined) return MISSING
    const [base, journal] = ['.zone', '.journal'].map(end => zoneFile(list, end))
    const [text, changes] = await Promise.all([
      this.readOutside(base!, most),
      this.readOutside(journal!, most)
    ])
    if (!('octets' in text)) return text
    if (!('octets' in changes) && !('isMissing' in changes)) return changes
    const copy = readZoneCopy(zone, text.octets, 'octets' in changes ? changes.octets : EMPTY)
    if (copy === undefined) return MISSING
    const { octets, baseLines } = applyJournal(copy.base, copy.journal)
    const lines = baseLines + countLines(octets.subarray(copy.base.length))
    const { serial, sha256 } = copy
    this.zones.push({ list, zone: showZoneFileName(zone), serial, sha256, lines })
    return octets.length > most ? { size: octets.length } : { octets }
  }

  /**
   * Names of the files in a folder within, sorted; none if there is no such folder.
   *
   * @param needed whether it is wrong that there is none
   */
  async listFolder(
    name: string,
    needed = false
  ): Promise<readonly string[] | { readonly why: string }> {
    const path = resolve(this.path, name)
    this.seen.add(path)
    try {
      return (await readdir(path)).sort()
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      return isMissing && !needed ? [] : this.fail(error)
    }
  }

  /** A file's name as messages show it, so that an editor finds it from the working folder. */
  displayName(name: string): string {
    const path = this.pathOf(name)
    const fromHere = relative('', path)
    const atRoot = process.cwd() === parse(process.cwd()).root
    const outside = atRoot || fromHere.startsWith(`..${sep}`) || isAbsolute(fromHere)
    return outside ? path : fromHere
  }

  /** Every file and folder that was read, or looked for. */
  get files(): readonly string[] {
    return [...this.seen]
  }

  /** Whether no file was read, zones not counted. */
  get isUnread(): boolean {
    return this.contents.size === 0
  }

  get sha256(): string {
    return rulesSha256(this.filesSha256, this.zones)
  }

  /** SHA-256 over names and octets of all files read, whatever the order of reading; hex. */
  get filesSha256(): string {
    const hash = createHash('sha256')
    for (const name of [...this.contents.keys()].sort()) {
      const octets = this.contents.get(name)!
      hash.update(`${name}\0${octets.length}\0`).update(octets)
    }
    return hash.digest('hex')
  }

  /** Reads what is not part of the rules by its octets. */
  private async readOutside(name: string, most: Octets): Promise<FileResult | TooLarge> {
    const path = this.pathOf(name)
    this.seen.add(path)
    try {
      return await readBounded(path, most)
    } catch (error) {
      return this.fail(error)
    }
  }

  private pathOf(name: string): string {
    if (!isCopyName(name)) return resolve(this.path, name)
    return resolve(this.copies ?? this.path, name.slice(COPY_MARK.length))
  }

  private fail(error: unknown): Extract<FileResult, { readonly why: string }> {
    const { code = '', message } = error as NodeJS.ErrnoException
    this.hadTransientError ||= TRANSIENT_ERRORS.includes(code)
    return code === 'ENOENT' ? MISSING : { why: message }
  }
}

/**
 * Reads as much of a file as it had when it was opened: whether it has changed meanwhile is for those
 * to see who look at it before and after.
 */
async function readBounded(path: string, most: Octets): Promise<FileResult | TooLarge> {
  // To open a pipe that nobody writes to would wait for somebody to.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) return { why: 'it is a folder' }
    if (!stat.isFile()) return { why: 'it is not a regular file' }
    if (stat.size > most) return { size: stat.size }
    const octets = Buffer.allocUnsafeSlow(stat.size)
    let at = 0
    for (let read = 1; read > 0 && at < octets.length; at += read) {
      read = (await file.read(octets, at, octets.length - at, at)).bytesRead
    }
    return { octets: octets.subarray(0, at) }
  } finally {
    await file.close()
  }
}
