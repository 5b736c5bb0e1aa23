import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'

/** A section of the settings that may be omitted or empty. */
export function section<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess(value => value ?? {}, z.strictObject(shape)).prefault({})
}

/** What a section needs besides its own values to become part of the configuration. */
export interface SectionContext {
  /** Folder of the settings file, which paths are relative to. */
  readonly folder: string
  readonly positionOf: (path: readonly (string | number)[]) => Position
  /** Adds a DOCUMENT_INVALID at a key such as `log.queries.file`. */
  readonly addError: (key: string, found: unknown, expected: string) => void
}
