import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { failure } from '../../base/errors/error.js'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import type { Milliseconds } from '../../base/units.js'

export const FINDING_KINDS = ['tunnel', 'new-domain'] as const

export const findingMute = z.object({
  id: z.uuid(),
  kind: z.enum(FINDING_KINDS),
  domain: z.string().min(1).max(253),
  client: z.string().min(1).max(253).nullable().describe('Null: of every client'),
  reason: z.string().min(1).max(500),
  by: z.string().describe('Token, or "user:" and a person'),
  until: z.iso.datetime()
})
export type FindingMute = z.output<typeof findingMute>

const MAX_MUTES = 1_000

export const mutesFile = (state: string): string => join(state, 'muted-findings.json')

/** Findings that a person has muted, with a reason and an end, in a file of the state folder. */
export class FindingMutes {
  constructor(private readonly path: string) {}

  /** Those that have not ended. A file that cannot be read mutes nothing. */
  current(now: Milliseconds): readonly FindingMute[] {
    try {
      const all = z.array(findingMute).parse(JSON.parse(readFileSync(this.path, 'utf8')))
      return all.filter(({ until }) => Date.parse(until) > now)
    } catch {
      return []
    }
  }

  /** @throws InterdictError API_REQUEST there are too many */
  add(mute: Omit<FindingMute, 'id'>, now: Milliseconds): FindingMute {
    const others = this.current(now)
    if (others.length >= MAX_MUTES)
      throw failure('API_REQUEST', `at most ${MAX_MUTES} findings can be muted`)
    const added = { id: randomUUID(), ...mute }
    this.write([...others, added])
    return added
  }

  /** @throws InterdictError API_NOT_FOUND */
  remove(id: string, now: Milliseconds): void {
    const all = this.current(now)
    const others = all.filter(one => one.id !== id)
    if (others.length === all.length) throw failure('API_NOT_FOUND', `muted finding ${id}`)
    this.write(others)
  }

  private write(mutes: readonly FindingMute[]): void {
    writeFileAtomic(this.path, `${JSON.stringify(mutes, null, 1)}\n`, {
      mode: 0o600,
      folderMode: 0o700
    })
  }
}

/** The mute of a finding; undefined: it is not muted. */
export function muteOf(
  mutes: readonly FindingMute[],
  kind: FindingMute['kind'],
  { domain, client }: { readonly domain: string; readonly client: string | null }
): FindingMute | undefined {
  return mutes.find(
    one =>
      one.kind === kind && one.domain === domain && (one.client === null || one.client === client)
  )
}
