import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import type { Milliseconds } from '../../base/units.js'

/** A restored version comes in force within seconds. */
const VALID: Milliseconds = 300_000

/** Who has restored a version: the gateway sees changed files only. */
export interface RestoreNote {
  readonly sha256: string
  readonly by: string
  /** RFC 3339. */
  readonly at: string
}

const pathOf = (folder: string): string => join(folder, 'restored.json')

/** Throws the system's error. */
export function writeRestoreNote(folder: string, note: RestoreNote): void {
  writeFileAtomic(pathOf(folder), `${JSON.stringify(note)}\n`, { folderMode: 0o700 })
}

/** @returns who has just restored this version; null: nobody */
export async function readRestoreNote(
  folder: string,
  { sha256, at }: { readonly sha256: string; readonly at: string }
): Promise<string | null> {
  try {
    const note = JSON.parse(await readFile(pathOf(folder), 'utf8')) as RestoreNote
    const age = Date.parse(at) - Date.parse(note.at)
    return note.sha256 === sha256 && age >= 0 && age < VALID ? note.by : null
  } catch {
    return null
  }
}
