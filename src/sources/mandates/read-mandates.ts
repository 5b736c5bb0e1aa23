import { readdir } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, failureAt, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { PublicKey } from '../../base/files/ed25519.js'
import { showInstant } from '../../base/time/instant.js'
import type { Seconds } from '../../base/units.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'
import { readMandate } from '../../policy/rules/mandates/read-mandate.js'
import { readTrustedKeys } from '../bundle/read-trust.js'
import { acceptedRoot } from '../root/root-place.js'
import { MandateStore, MAX_MANDATE, type SignedMandate } from './mandate-store.js'
import type { MandatesSource } from './mandates-source.js'

/** The mandates in force. */
export interface ReadMandates {
  /** By id. */
  readonly mandates: readonly Mandate[]
  /** Files that are missing or invalid, and mandates that are no longer in force. */
  readonly problems: readonly InterdictError[]
  readonly warnings: readonly InterdictError[]
  /** Every file and folder read or looked for. */
  readonly files: readonly string[]
  /** Mandates that are not stored yet. */
  readonly fresh: readonly SignedMandate[]
}

export const NO_MANDATES: ReadMandates = {
  mandates: [],
  problems: [],
  warnings: [],
  files: [],
  fresh: []
}

/**
 * Reads the mandates of a folder. A mandate whose file is missing, invalid or older than the version in force is
 * taken from the store: only the authority can withdraw a mandate. Never throws.
 */
export async function readMandates(source: MandatesSource, now: Seconds): Promise<ReadMandates> {
  return new MandatesReader(source, now).read()
}

/** What the settings name no mandates for any more: those that were in force, and are not over. Never throws. */
export function droppedMandates(store: string, now: Seconds): ReadMandates {
  const source = { folder: '', keys: [], keyFiles: [], store }
  return { ...NO_MANDATES, problems: new MandatesReader(source, now).readDropped() }
}

class MandatesReader {
  private readonly problems: InterdictError[] = []
  private readonly warnings: InterdictError[] = []
  private readonly files: string[]
  private readonly store: MandateStore

  constructor(
    private readonly source: MandatesSource,
    private readonly now: Seconds
  ) {
    this.store = new MandateStore(source.store)
    const { folder, keyFiles, root } = source
    const roots = root === undefined ? [] : [root.file, acceptedRoot(root)]
    this.files = [folder, ...keyFiles, ...roots]
  }

  async read(): Promise<ReadMandates> {
    const { source, problems, warnings, files } = this
    const trusted = await this.trustedKeys()
    const kept = this.readStore(trusted)
    // Without keys, files cannot be verified: the accepted mandates stay in force.
    const offered =
      trusted === undefined ? new Map<string, never>() : await this.readFolder(trusted)
    const fresh: SignedMandate[] = []
    const inForce = new Map<string, Mandate>()
    for (const [id, one] of offered) {
      const before = kept.get(id)
      const isKept = before !== undefined && !this.replaces(one.mandate, before)
      inForce.set(id, isKept ? before : one.mandate)
      if (!isKept && one.mandate.sha256 !== before?.sha256) fresh.push(one)
    }
    for (const [id, mandate] of kept) {
      if (inForce.has(id)) continue
      inForce.set(id, mandate)
      if (trusted !== undefined && !this.isOver(mandate))
        problems.push(failure('MANDATE_MISSING', id, source.folder))
    }
    const mandates = [...inForce.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    return { mandates, problems, warnings, files, fresh }
  }

  /** Without any key, all of the store are dropped. */
  readDropped(): readonly InterdictError[] {
    this.readStore([])
    return this.problems
  }

  private isOver({ bans }: Mandate): boolean {
    return bans.every(({ until }) => until <= this.now)
  }

  private async trustedKeys(): Promise<readonly PublicKey[] | undefined> {
    try {
      const { keys } = await readTrustedKeys({ ...this.source, signatures: 1 })
      return keys
    } catch (error) {
      this.add(error)
      return undefined
    }
  }

  /** The last accepted version of each mandate. */
  private readStore(trusted: readonly PublicKey[] | undefined): Map<string, Mandate> {
    const { store } = this
    const kept = new Map<string, Mandate>()
    try {
      for (const stored of store.read().filter(({ replaced }) => replaced === null)) {
        const path = store.pathOf(stored.sha256)
        const result = this.attempt(() =>
          readMandate(store.octetsOf(stored), path, undefined, this.now)
        )
        if (result === undefined) continue
        if (!result.ok || result.mandate.sha256 !== stored.sha256) {
          this.problems.push(failure('MANDATE_STATE', path, 'it is not what was accepted'))
        } else if (trusted?.some(key => result.mandate.signers.includes(key)) === false) {
          if (!this.isOver(result.mandate))
            this.problems.push(failure('MANDATE_DROPPED', stored.id))
        } else kept.set(stored.id, result.mandate)
      }
    } catch (error) {
      this.add(error)
    }
    return kept
  }

  /** The latest valid issue of each mandate in the folder. */
  private async readFolder(trusted: readonly PublicKey[]): Promise<Map<string, SignedMandate>> {
    const valid: SignedMandate[] = []
    for (const name of await this.fileNames()) {
      const one = await this.readFile(name, trusted)
      if (one !== undefined) valid.push(one)
    }
    valid.sort((a, b) => b.mandate.issued - a.mandate.issued)
    const latest = new Map<string, SignedMandate>()
    for (const one of valid) {
      const { id, position } = one.mandate
      const other = latest.get(id)
      if (other === undefined) latest.set(id, one)
      else this.problems.push(failureAt(position, 'MANDATE_TWICE', id, other.mandate.position.file))
    }
    return latest
  }

  private async fileNames(): Promise<readonly string[]> {
    const { folder } = this.source
    try {
      const names = (await readdir(folder)).filter(name => /\.ya?ml$/.test(name))
      return names.filter(name => !name.startsWith('.')).sort()
    } catch (error) {
      this.problems.push(unreadable(folder, folder, reasonOf(error)))
      return []
    }
  }

  private async readFile(
    name: string,
    trusted: readonly PublicKey[]
  ): Promise<SignedMandate | undefined> {
    const path = join(this.source.folder, name)
    const shown = displayName(path)
    this.files.push(path)
    try {
      if (name.endsWith('.yml')) throw new Error('names of mandates must end in .yaml')
      const octets = await readBoundedFile(path, MAX_MANDATE)
      const result = readMandate(octets, shown, trusted, this.now)
      if (!result.ok) {
        this.problems.push(...result.errors)
        return undefined
      }
      this.warnings.push(...result.warnings)
      return { mandate: result.mandate, octets }
    } catch (error) {
      this.problems.push(unreadable(shown, name, reasonOf(error)))
      return undefined
    }
  }

  /** Whether a mandate takes the place of the stored one, or is the same. */
  private replaces(mandate: Mandate, before: Mandate): boolean {
    const { id, issued, sha256, signers, position } = mandate
    if (sha256 === before.sha256) return true
    if (!signers.some(key => before.signers.includes(key))) {
      this.problems.push(failureAt(position, 'MANDATE_FOREIGN', id))
      return false
    }
    if (issued > before.issued) return true
    const [own, newest] = [issued, before.issued].map(one => showInstant(one, 'UTC'))
    this.problems.push(
      issued < before.issued
        ? failureAt(position, 'MANDATE_OLDER', id, own!, newest!)
        : failureAt(position, 'MANDATE_ALTERED', id, own!)
    )
    return false
  }

  private attempt<T>(act: () => T): T | undefined {
    try {
      return act()
    } catch (error) {
      this.add(error)
      return undefined
    }
  }

  private add(error: unknown): void {
    if (!(error instanceof InterdictError)) throw error
    this.problems.push(error as InterdictError)
  }
}

const unreadable = (file: string, name: string, why: string): InterdictError =>
  failureAt({ file, line: 1, column: 1 }, 'MANDATE_UNREADABLE', name, why)

/** Relative to the working folder, if the file is below it, so that editors find it. */
function displayName(path: string): string {
  const fromHere = relative('', path)
  return fromHere.startsWith(`..${sep}`) || isAbsolute(fromHere) ? path : fromHere
}
