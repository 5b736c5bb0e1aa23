import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFileSync } from '../../base/files/bounded-file.js'
import {
  parseCatalogue,
  writeCatalogue,
  type CatalogueInForce
} from '../../policy/rules/apps/catalogue-in-force.js'
import { CATALOGUE_FILE } from '../../policy/rules/model/folder.js'
import { AcceptedBundles } from '../bundle/accepted-bundles.js'

const MAX_STATE = 1024 * 1024

const stateSchema = z.strictObject({
  /** Time of the last attempt: RFC 3339. */
  tried: z.string().nullable(),
  /** Why it failed; null: it did not. */
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  /** The version that `interdict catalogue pin` chose; null: none. */
  pinned: z.string().nullable()
})

/** What is known of updates. */
export type CatalogueState = z.output<typeof stateSchema>

const NOTHING: CatalogueState = { tried: null, error: null, pinned: null }

/** The catalogue on disk, in the folder `catalogue` of `state.folder`: accepted bundles, and the one in force. */
export class CatalogueStore {
  readonly bundles: AcceptedBundles
  readonly file: string
  private readonly state: string

  constructor(readonly folder: string) {
    this.bundles = new AcceptedBundles(folder)
    this.file = join(folder, CATALOGUE_FILE)
    this.state = join(folder, 'state.json')
  }

  /** Undefined: no catalogue was accepted yet. @throws InterdictError CATALOGUE_BROKEN, CATALOGUE_STATE */
  inForce(): CatalogueInForce | undefined {
    let octets: Uint8Array
    try {
      octets = readFileSync(this.file)
    } catch (error) {
      // Below a file nothing is stored either.
      const { code = '' } = error as NodeJS.ErrnoException
      if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined
      throw failure('CATALOGUE_STATE', this.file, reasonOf(error))
    }
    const catalogue = parseCatalogue(octets)
    if (typeof catalogue !== 'string') return catalogue
    throw failure('CATALOGUE_BROKEN', this.file, catalogue)
  }

  /** Puts a catalogue in force. @throws InterdictError CATALOGUE_STATE */
  activate(catalogue: CatalogueInForce): void {
    this.write(this.file, writeCatalogue(catalogue))
  }

  /** Of a damaged file, nothing is known: the next attempt writes it again. */
  readState(): CatalogueState {
    try {
      const read = stateSchema.safeParse(
        JSON.parse(readBoundedFileSync(this.state, MAX_STATE).toString())
      )
      return read.success ? read.data : NOTHING
    } catch {
      return NOTHING
    }
  }

  /** @throws InterdictError CATALOGUE_STATE */
  saveState(changes: Partial<CatalogueState>): void {
    this.write(this.state, `${JSON.stringify({ ...this.readState(), ...changes })}\n`)
  }

  private write(path: string, octets: Uint8Array | string): void {
    try {
      writeFileAtomic(path, octets, { folderMode: 0o700 })
    } catch (error) {
      throw failure('CATALOGUE_STATE', path, reasonOf(error))
    }
  }
}
