import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { NewEvent, VersionContent } from '../../src/policy/history/history-writer.js'

export const digest = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex')

/** SHA-256 of rule files, as a rules folder has it. */
export function filesSha256(files: Readonly<Record<string, string | Uint8Array>>): string {
  const names = Object.keys(files).sort()
  return digest(names.map(name => `${name}\0${digest(files[name]!)}\0`).join(''))
}

/** A folder for a history, which the end of the test removes. */
export function historyPlace(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-history-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'history')
}

export function contentOf(files: Readonly<Record<string, string | Uint8Array>>): VersionContent {
  return {
    files: Object.entries(files).map(([name, text]) => {
      const octets = Buffer.from(text)
      return { name, sha256: digest(octets), content: () => Promise.resolve(octets) }
    }),
    zone: () => Promise.resolve(undefined)
  }
}

export function eventOf(
  at: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  more: Partial<NewEvent> = {}
): NewEvent {
  const sha256 = filesSha256(files)
  return {
    ...{ at, event: 'reload', sha256, files: sha256, generation: 1, zones: [], bundle: null },
    ...{ pauses: [], settings: '{}', program: '0.1.0', revision: 1, tz: '2026a' },
    ...{ reason: 'file changed', by: null, summary: '' },
    ...more
  }
}
