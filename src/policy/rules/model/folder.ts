import { createHash } from 'node:crypto'
import { isAbsolute, parse, relative, resolve, sep } from 'node:path'
import { FileTooLarge, readBoundedFile } from '../../../base/files/bounded-file.js'
import { FileRoots, OutsideRoots } from '../../../base/files/file-roots.js'
import { fingerprintOf } from '../../../base/files/file-fingerprint.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { Octets } from '../../../base/units.js'
import { showZoneFileName } from '../../../wire/dns/records/zone-file-writer.js'
import { applyJournal, countLines, readZoneCopy } from '../../../wire/zonefile/effective-zone.js'
import { rulesSha256, type ZoneState } from '../../../wire/zonefile/zone-state.js'
import { MAX_OCTETS } from '../../yaml/read.js'
import { AsnDatabaseError, MAX_ASN_DATABASE } from '../asn/asn-database.js'
import { extractAsns } from '../asn/asn-extract.js'
import type { BundleFacts } from './types.js'

export type FileResult =
  | { readonly octets: Uint8Array }
  /** Why the file cannot be read, in the words of the system. */
  | { readonly why: string; readonly isMissing?: boolean }

/** A file larger than allowed, and its size. */
export interface TooLarge {
  readonly size: Octets
}

/** A file and the SHA-256 of its content, hexadecimal. */
export interface FileDigest {
  readonly name: string
  readonly sha256: string
}

/** A file that was read, or kept from an earlier read. */
export interface ReadFile extends FileDigest {
  /** Undefined: it was kept. */
  readonly octets: Uint8Array | undefined
  /** Where it is; undefined: within a bundle. */
  readonly path: string | undefined
}

/** The parameters of a `RulesFolder`. */
export interface FilesLocation {
  readonly path: string
  readonly copies: string | undefined
  /** Other folders in which files of the rules may be. */
  readonly outside: readonly string[]
}

/** Where rule files are read from. File names are as in the rules, with `/`. */
export interface RuleFiles {
  read(name: string): Promise<FileResult>
  /** As `read`, but a file larger than `most` is not read. */
  readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge>
  /**
   * The last good copy of a list that is transferred as a zone, with its journal applied.
   *
   * @param zone its name in lower-cased wire form
   */
  readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge>
  /** The prefixes of autonomous systems, for `readAsnExtract`. */
  readAsns(systems: readonly number[]): Promise<FileResult>
  /**
   * What tells whether files have changed since they were read: their fingerprints, by path. Undefined:
   * a file of a bundle, which is always read again.
   *
   * @param names of files or folders, as in the rules
   */
  fingerprints(names: readonly string[]): Promise<ReadonlyMap<string, string> | undefined>
  /** Where a thread that has no access to these files can read a list; undefined: nowhere else. */
  locate(names: readonly string[]): FilesLocation | undefined
  /** Counts files as read that were read before, and have not changed since. */
  keep(files: readonly FileDigest[], zone: ZoneState | undefined): void
  /** The digests of files that were read. */
  digests(names: readonly string[]): readonly FileDigest[]
  /** All files that were read or kept, but no zones; undefined: these files are those of an earlier version. */
  contents(): readonly ReadFile[] | undefined
  /** Names of the files in a folder; empty if the folder is missing, or an error if `needed`. */
  listFolder(name: string, needed?: boolean): Promise<readonly string[] | { readonly why: string }>
  /** The name of a file in messages. */
  displayName(name: string): string
  /** Every file and folder that was read or looked for. */
  readonly files: readonly string[]
  /** Digest of everything that was read, hexadecimal. */
  readonly sha256: string
  /** The same without transferred zones. */
  readonly filesSha256: string
  /** Of the rules folder or bundle alone: without copies of downloaded lists, and zones. */
  readonly ownSha256: string
  /** Transferred zones that were read. */
  readonly zones: readonly ZoneState[]
  /** Whether a read failed only for lack of system resources, so that a retry may succeed. */
  readonly hadTransientError: boolean
  /** The bundle that the rules are from; undefined: they are not from an accepted bundle. */
  readonly bundle?: BundleFacts | undefined
}

/** The file with the networks and their rules. */
export const NETWORKS_FILE = 'networks.yaml'

const COPY_MARK = '\0'

/** Internal name of what the rules need of the ASN database; made while they are read, and never a file. */
export const ASN_EXTRACT = `${COPY_MARK}../asn/prefixes`

/** Internal name of the last good copy of a downloaded list; no path contains NUL. */
export const copyName = (list: string): string => `${COPY_MARK}${list}`

/** Start of the names of its apps in messages; they are not files. */
export const CATALOGUE_APPS = 'catalogue/apps/'

/** The catalogue in force, in a rules folder or bundle that has its own. */
export const CATALOGUE_FILE = 'catalogue.json'

/** Internal name of the catalogue in force that this machine has accepted. */
export const CATALOGUE_COPY = `${COPY_MARK}../catalogue/${CATALOGUE_FILE}`

/** The names that `copyName` and `zoneFiles` make of the ids of lists, and that of the catalogue. */
const COPY_NAME =
  /^\0(?:[a-z0-9-]+|\.\.\/zones\/[a-z0-9-]+\.(?:zone|journal)|\.\.\/catalogue\/catalogue\.json)$/

export const isCopyName = (name: string): boolean => name.startsWith(COPY_MARK)

/** Internal name of a file of a transferred zone: `.zone` or `.journal`. */
const zoneFile = (list: string, end: string): string => `${COPY_MARK}../zones/${list}${end}`

/** Internal names of both files of a transferred zone. */
export const zoneFiles = (list: string): readonly string[] =>
  ['.zone', '.journal'].map(end => zoneFile(list, end))

/** The folder of the copies of zones, beside that of lists. */
export const zoneFilesIn = (copies: string): string => resolve(copies, '../zones')

/** The folder of the catalogue, beside that of lists. */
export const catalogueIn = (copies: string): string => resolve(copies, '../catalogue')

/** Error codes of a shortage or failure of the system, not of the file: a retry may succeed. */
const TRANSIENT_ERRORS = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO', 'ESTALE', 'ETIMEDOUT']

const EMPTY = new Uint8Array(0)
const MISSING = { why: 'no such file', isMissing: true } as const
const OUTSIDE = {
  why: 'it is outside the rules folder, or a link leads there; move it into the folder, or name its own folder in rules.outside-folders of the settings'
} as const

/** The parameters of a `RulesFolder` that are not its path. */
export interface FolderOptions {
  /** Folder of the copies of downloaded lists; undefined: none. */
  readonly copies?: string | undefined
  /** The folder in messages, if it is not the one that is read. */
  readonly shown?: string | undefined
  /** Other folders in which files of the rules may be: `rules.outside-folders`. */
  readonly outside?: readonly string[] | undefined
  /** The ASN database; undefined: the settings name none. */
  readonly asnDatabase?: string | undefined
  /** Texts of files that are not saved yet, by name: they are read instead. */
  readonly edited?: ReadonlyMap<string, Uint8Array> | undefined
}

/**
 * Reads a rules folder. Each file is read once, as a whole, so that everything derived from it
 * comes from one state of the file. Keeps track of all that was read or looked for. Opens nothing outside
 * the folder but copies of lists, and files in folders that the settings name: whoever writes rules must not read
 * other files through their errors.
 */
export class RulesFolder implements RuleFiles {
  private readonly contentsOf = new Map<string, Uint8Array>()
  /** Digests of files that were kept, or computed already. */
  private readonly sums = new Map<string, string>()
  private readonly seen: Set<string>
  readonly zones: ZoneState[] = []
  /** Whether a read failed only for lack of system resources. */
  hadTransientError = false
  private readonly copies: string | undefined
  private readonly shown: string
  private readonly outside: readonly string[]
  private readonly edited: ReadonlyMap<string, Uint8Array>
  private readonly asnDatabase: string | undefined
  private readonly roots: FileRoots

  constructor(
    private readonly path: string,
    { copies, shown = path, outside = [], edited = new Map(), asnDatabase }: FolderOptions = {}
  ) {
    this.asnDatabase = asnDatabase
    this.copies = copies
    this.shown = shown
    this.outside = outside
    this.roots = new FileRoots([path, ...outside])
    this.edited = edited
    for (const [name, octets] of edited) this.contentsOf.set(name, octets)
    this.seen = new Set([path])
  }

  /**
   * Reads a YAML file. A larger one than `readYaml` accepts, a device or a pipe is not read.
   *
   * @param name of a file, as in the rules: relative to the folder, with `/`
   */
  async read(name: string): Promise<FileResult> {
    const path = resolve(this.path, name)
    if (!this.roots.covers(path)) return OUTSIDE
    this.seen.add(path)
    try {
      const octets = this.contentsOf.get(name) ?? (await this.roots.read(path, MAX_OCTETS))
      this.contentsOf.set(name, octets)
      return { octets }
    } catch (error) {
      return this.fail(error)
    }
  }

  /** Reads a file of at most `most` octets. A larger one, a device or a pipe is not read. */
  async readAtMost(name: string, most: Octets): Promise<FileResult | TooLarge> {
    const known = this.contentsOf.get(name)
    if (known !== undefined) return known.length > most ? { size: known.length } : { octets: known }
    if (isCopyName(name) && this.copies === undefined) return MISSING
    const result = await this.readOutside(name, most)
    if ('octets' in result) this.contentsOf.set(name, result.octets)
    return result
  }

  async readZone(list: string, zone: Uint8Array, most: Octets): Promise<FileResult | TooLarge> {
    if (this.copies === undefined) return MISSING
    const [base, journal] = zoneFiles(list)
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

  async readAsns(systems: readonly number[]): Promise<FileResult> {
    const path = this.asnDatabase
    if (path === undefined)
      return { why: 'the settings name no ASN database; set asn-database to its file' }
    this.seen.add(path)
    try {
      const octets = extractAsns(await readBoundedFile(path, MAX_ASN_DATABASE), systems)
      this.contentsOf.set(ASN_EXTRACT, octets)
      return { octets }
    } catch (error) {
      const isUnusable = error instanceof AsnDatabaseError || error instanceof FileTooLarge
      const read = isUnusable ? { why: error.message } : this.fail(error)
      return { why: `${path}: ${read.why}` }
    }
  }

  /**
   * Sorted names of the files in a subfolder; empty if it is missing.
   *
   * @param needed whether a missing folder is an error
   */
  async listFolder(
    name: string,
    needed = false
  ): Promise<readonly string[] | { readonly why: string }> {
    const path = resolve(this.path, name)
    if (!this.roots.covers(path)) return OUTSIDE
    this.seen.add(path)
    try {
      const unsaved = this.editedIn(name)
      return [...new Set([...(await this.roots.list(path)), ...unsaved])].sort()
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      return isMissing && !needed ? [] : this.fail(error)
    }
  }

  /** Names of files in a folder that are not saved yet. */
  private editedIn(folder: string): string[] {
    const start = folder === '' || folder === '.' ? '' : `${folder}/`
    return [...this.edited.keys()]
      .filter(name => name.startsWith(start))
      .map(name => name.slice(start.length))
      .filter(name => !name.includes('/'))
  }

  /** The name of a file in messages, relative to the working folder so that editors find it. */
  displayName(name: string): string {
    if (name.startsWith(CATALOGUE_APPS)) return name
    const path = isCopyName(name) ? this.pathOf(name) : resolve(this.shown, name)
    const fromHere = relative('', path)
    const atRoot = process.cwd() === parse(process.cwd()).root
    const outside = atRoot || fromHere.startsWith(`..${sep}`) || isAbsolute(fromHere)
    return outside ? path : fromHere
  }

  /** Every file and folder that was read or looked for. */
  get files(): readonly string[] {
    return [...this.seen]
  }

  async fingerprints(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const paths = names.filter(name => this.isCovered(name)).map(name => this.pathOf(name))
    for (const path of paths) this.seen.add(path)
    const found = paths.map(async path => [path, await fingerprintOf(path)] as const)
    return new Map(await Promise.all(found))
  }

  locate(): FilesLocation {
    return { path: this.path, copies: this.copies, outside: this.outside }
  }

  keep(files: readonly FileDigest[], zone: ZoneState | undefined): void {
    for (const { name, sha256 } of files) this.sums.set(name, sha256)
    if (zone === undefined) return
    const known = this.zones.findIndex(({ list }) => list === zone.list)
    this.zones.splice(known === -1 ? this.zones.length : known, 1, zone)
  }

  digests(names: readonly string[]): readonly FileDigest[] {
    const read = names.filter(name => this.contentsOf.has(name) || this.sums.has(name))
    return read.map(name => ({ name, sha256: this.sumOf(name) }))
  }

  contents(): readonly ReadFile[] {
    return this.names.map(name => {
      const octets = this.contentsOf.get(name)
      return { name, sha256: this.sumOf(name), octets, path: this.pathOf(name) }
    })
  }

  private sumOf(name: string): string {
    let sum = this.sums.get(name)
    if (sum === undefined) {
      sum = createHash('sha256').update(this.contentsOf.get(name)!).digest('hex')
      this.sums.set(name, sum)
    }
    return sum
  }

  /** Whether no file was read or kept, not counting zones. */
  get isUnread(): boolean {
    return this.contentsOf.size + this.sums.size === 0
  }

  get sha256(): string {
    return rulesSha256(this.filesSha256, this.zones)
  }

  /** Sorted names of all files read or kept. */
  private get names(): readonly string[] {
    return [...new Set([...this.contentsOf.keys(), ...this.sums.keys()])].sort()
  }

  /** SHA-256 over the names and digests of all files read or kept, in whatever order; hexadecimal. */
  get filesSha256(): string {
    return this.digestOf(() => true)
  }

  get ownSha256(): string {
    return this.digestOf(name => !isCopyName(name))
  }

  private digestOf(isWanted: (name: string) => boolean): string {
    const hash = createHash('sha256')
    for (const name of this.names.filter(isWanted)) hash.update(`${name}\0${this.sumOf(name)}\0`)
    return hash.digest('hex')
  }

  /** Reads a file that is not included in the digest of the rule files. */
  private async readOutside(name: string, most: Octets): Promise<FileResult | TooLarge> {
    if (!this.isCovered(name)) return OUTSIDE
    const path = this.pathOf(name)
    this.seen.add(path)
    try {
      const read = isCopyName(name) ? readBoundedFile(path, most) : this.roots.read(path, most)
      return { octets: await read }
    } catch (error) {
      if (error instanceof FileTooLarge) return { size: error.size }
      // Where the gateway cannot have a folder, it has no copies.
      const isBelowFile = (error as NodeJS.ErrnoException).code === 'ENOTDIR'
      return isCopyName(name) && isBelowFile ? MISSING : this.fail(error)
    }
  }

  /** Copies are the gateway's own files, so that links do not matter there. */
  private isCovered(name: string): boolean {
    return isCopyName(name) ? COPY_NAME.test(name) : this.roots.covers(this.pathOf(name))
  }

  private pathOf(name: string): string {
    if (!isCopyName(name)) return resolve(this.path, name)
    return resolve(this.copies ?? this.path, name.slice(COPY_MARK.length))
  }

  private fail(error: unknown): Extract<FileResult, { readonly why: string }> {
    if (error instanceof OutsideRoots) return OUTSIDE
    const { code = '' } = error as NodeJS.ErrnoException
    this.hadTransientError ||= TRANSIENT_ERRORS.includes(code)
    return code === 'ENOENT' ? MISSING : { why: reasonOf(error) }
  }
}
