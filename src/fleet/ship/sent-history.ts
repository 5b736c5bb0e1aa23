import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/files/atomic-file.js'

/** Beside the history: which lines of it the centre of the fleet has. */
const FILE = 'sent.json'

const schema = z.strictObject({
  version: z.literal(1),
  /** `fleet.logs.to`: another destination has nothing yet. */
  to: z.string(),
  /** Confirmed lines of each segment, by the SHA-256 of its first event. */
  lines: z.record(z.string(), z.int().min(0))
})
export type SentHistory = z.output<typeof schema>

/** @returns nothing sent if it cannot be read: sending lines again changes nothing at the centre */
export function readSentHistory(folder: string, to: string): SentHistory {
  const empty: SentHistory = { version: 1, to, lines: {} }
  try {
    const sent = schema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
    return sent.to === to ? sent : empty
  } catch {
    return empty
  }
}

/** Throws the system error. */
export function writeSentHistory(folder: string, sent: SentHistory): void {
  writeFileAtomic(join(folder, FILE), `${JSON.stringify(sent)}\n`, { folderMode: 0o700 })
}
