import { join } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets, Seconds } from '../../base/units.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'

/** Larger files are not mandates. */
export const MAX_MANDATE: Octets = 1024 * 1024
const MAX_RECORD: Octets = 16 * 1024 * 1024
const OPTIONS = { mode: 0o600, folderMode: 0o700 }

export const storedSchema = z.strictObject({
  id: z.string(),
  issued: z.number(),
  /** Hash of the signed text. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  accepted: z.number(),
  /** When a later issue replaced it; null: it is the latest one. */
  replaced: z.number().nullable()
})
const recordSchema = z.strictObject({ v: z.literal(1), mandates: z.array(storedSchema) })

/** An issue of a mandate that this gateway has accepted. */
export type StoredMandate = z.output<typeof storedSchema>

/** A valid mandate, and its file. */
export interface SignedMandate {
  readonly mandate: Mandate
  readonly octets: Uint8Array
}

/**
 * Every issue of a mandate that was in force here. The latest issue of each mandate stays in force if its file is
 * missing or invalid; earlier ones are kept as evidence.
 */
export class MandateStore {
  readonly record: string

  constructor(private readonly folder: string) {
    this.record = join(folder, 'accepted.json')
  }

  /** @throws InterdictError MANDATE_STATE */
  read(): readonly StoredMandate[] {
    try {
      const text = readBoundedFileSync(this.record, MAX_RECORD).toString()
      return recordSchema.parse(JSON.parse(text)).mandates
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error instanceof z.ZodError || error instanceof SyntaxError
        ? this.unusable(new Error('it is not a record of this version'))
        : this.unusable(error)
    }
  }

  /** @throws InterdictError MANDATE_STATE */
  octetsOf({ sha256 }: Pick<StoredMandate, 'sha256'>): Uint8Array {
    try {
      return readBoundedFileSync(this.pathOf(sha256), MAX_MANDATE)
    } catch (error) {
      throw this.unusable(error)
    }
  }

  pathOf(sha256: string): string {
    return join(this.folder, `${sha256}.yaml`)
  }

  /** Stores mandates that are newly in force. @returns the error if that fails */
  accept(fresh: readonly SignedMandate[], now: Seconds): InterdictError | undefined {
    if (fresh.length === 0) return undefined
    try {
      const ids = new Set(fresh.map(({ mandate }) => mandate.id))
      const known = this.read().map(one =>
        ids.has(one.id) && one.replaced === null ? { ...one, replaced: now } : one
      )
      for (const { mandate, octets } of fresh)
        writeFileAtomic(this.pathOf(mandate.sha256), octets, OPTIONS)
      const added = fresh.map(({ mandate: { id, issued, sha256 } }): StoredMandate => {
        return { id, issued, sha256, accepted: now, replaced: null }
      })
      const mandates = [...known, ...added]
      writeFileAtomic(this.record, `${JSON.stringify({ v: 1, mandates })}\n`, OPTIONS)
      return undefined
    } catch (error) {
      return error instanceof InterdictError ? (error as InterdictError) : this.unusable(error)
    }
  }

  private unusable(error: unknown): InterdictError {
    return failure('MANDATE_STATE', this.folder, reasonOf(error))
  }
}
