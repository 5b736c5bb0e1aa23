import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QueryRecord } from '../../../src/lookups/event/schema.js'

/** A lookup at a time, as the recorder writes it but for what is given. */
/** Fields of a record; undefined: without it. */
type Fields = { readonly [K in keyof QueryRecord]?: QueryRecord[K] | undefined }

export function record(time: string, fields: Fields = {}): QueryRecord {
  const head = { v: 1, time, generation: 1, client: '10.20.3.4', network: 'phones' } as const
  const question = { protocol: 'udp', qname: 'www.tiktok.com', qtype: 'A', rcode: 'NXDOMAIN' }
  const end = { verdict: 'blocked', match: 'qname', app: 'tiktok', us: 12, ede: 16 }
  return { ...head, ...question, ...end, ...fields } as QueryRecord
}

export const lines = (...records: readonly object[]): string =>
  records.map(one => `${JSON.stringify(one)}\n`).join('')

/** A folder with files, removed when the test ends. @returns path of the log being written */
export function logFolder(
  t: { teardown(callback: () => void): unknown },
  files: Readonly<Record<string, string | Uint8Array>>
): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-archive-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, 'queries.jsonl')
}
