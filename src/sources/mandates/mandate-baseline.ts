import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Evaluation } from '../../policy/rules/mandates/evaluate-mandates.js'

/** The openings that the rules in force leave in the mandates: new rules must not leave more. */
export interface MandateBaseline extends Evaluation {
  readonly v: 1
  /** SHA-256 of the rules, and of the part that is edited manually. */
  readonly sha256: string
  readonly ownSha256: string
  /** SHA-256 of each mandate with which they were compared. */
  readonly mandates: readonly string[]
}

const pathIn = (store: string): string => join(store, 'in-force.json')

/** Undefined: no baseline is stored, as before the first mandate, or it cannot be read. */
export function readBaseline(store: string): MandateBaseline | undefined {
  try {
    const baseline = JSON.parse(readFileSync(pathIn(store), 'utf8')) as { readonly v: number }
    return baseline.v === 1 ? (baseline as MandateBaseline) : undefined
  } catch {
    // The rules in force are then compared with the mandates again, from the history.
    return undefined
  }
}

/** @returns the error if that fails */
export function writeBaseline(
  store: string,
  baseline: MandateBaseline
): InterdictError | undefined {
  const path = pathIn(store)
  try {
    const text = `${JSON.stringify(baseline)}\n`
    if (readText(path) !== text) writeFileAtomic(path, text, { mode: 0o600, folderMode: 0o700 })
    return undefined
  } catch (error) {
    return failure('MANDATE_STATE', path, reasonOf(error))
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
