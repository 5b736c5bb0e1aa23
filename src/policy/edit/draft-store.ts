import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import { sha256Of } from '../../base/bytes/sha256.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import type { Octets } from '../../base/units.js'

/** Most drafts that are kept, and the size of the files of each. */
export const MAX_DRAFTS = 50
export const MAX_DRAFT: Octets = 1024 * 1024

export const DRAFT_ID = /^draft-[0-9a-f]{8}$/

/**
 * A path in the rules folder: names of letters, digits, dots, hyphens and underscores, none of which is `.` or `..`. Drafts are
 * written by the owner of that folder, who may be root, so a draft that was changed on disk must not lead elsewhere.
 */
export const DRAFT_PATH = /^(?!(?:.*\/)?\.{1,2}(?:\/|$))[\w.-]+(?:\/[\w.-]+){0,3}$/

/** Who did something, and when: RFC 3339. */
const step = z.object({ by: z.string(), at: z.string() })

export const draftSchema = z.object({
  id: z.string().regex(DRAFT_ID),
  title: z.string(),
  reason: z.string(),
  made: step,
  /** By another person than the one who made it. */
  approved: step.nullable(),
  applied: step.nullable(),
  /** New texts of files, by path in the rules folder. */
  files: z.record(z.string().regex(DRAFT_PATH), z.string()),
  /** SHA-256 of what the files were when the draft was made; null: they did not exist. */
  base: z.record(z.string().regex(DRAFT_PATH), z.string().nullable())
})

/** A change of the rules that somebody proposes. */
export type Draft = z.output<typeof draftSchema>

/** Changes of the rules that are stored in the state folder, until they are put in force or discarded. */
export class DraftStore {
  private readonly folder: string

  /** @param state the state folder */
  constructor(state: string) {
    this.folder = join(state, 'drafts')
  }

  /** The newest first. A file that is not a draft is left out. */
  list(): readonly Draft[] {
    const drafts = this.ids().flatMap(id => {
      try {
        return [this.read(id)]
      } catch {
        return []
      }
    })
    return drafts.sort((a, b) => (a.made.at < b.made.at ? 1 : -1))
  }

  /** @throws InterdictError DRAFT_NONE, DRAFT_UNREADABLE */
  read(id: string): Draft {
    if (!DRAFT_ID.test(id)) throw failure('DRAFT_NONE', id)
    const path = this.pathOf(id)
    try {
      return draftSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw failure('DRAFT_NONE', id)
      throw failure('DRAFT_UNREADABLE', path, reasonOf(error))
    }
  }

  /** @throws InterdictError DRAFT_LIMIT, DRAFT_LARGE, DRAFT_WRITE */
  add(draft: Pick<Draft, 'title' | 'reason' | 'made' | 'files' | 'base'>): Draft {
    if (this.ids().length >= MAX_DRAFTS) throw failure('DRAFT_LIMIT', MAX_DRAFTS)
    const size = Object.values(draft.files).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    if (size > MAX_DRAFT) throw failure('DRAFT_LARGE', MAX_DRAFT)
    const id = `draft-${randomBytes(4).toString('hex')}`
    const stored = { id, ...draft, approved: null, applied: null }
    this.write(stored)
    return stored
  }

  /** Replaces a draft. The file keeps its owner. @throws InterdictError DRAFT_WRITE */
  write(draft: Draft): void {
    const path = this.pathOf(draft.id)
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 })
      const { uid, gid } = statSync(this.folder)
      writeFileAtomic(path, Buffer.from(`${JSON.stringify(draft)}\n`), { mode: 0o600 })
      if (process.getuid?.() === 0) chownSync(path, uid, gid)
    } catch (error) {
      throw failure('DRAFT_WRITE', path, reasonOf(error))
    }
  }

  /** @throws InterdictError DRAFT_NONE */
  remove(id: string): void {
    this.read(id)
    rmSync(this.pathOf(id), { force: true })
  }

  private ids(): string[] {
    try {
      return readdirSync(this.folder)
        .filter(name => name.endsWith('.json'))
        .map(name => name.slice(0, -'.json'.length))
    } catch {
      return []
    }
  }

  private readonly pathOf = (id: string): string => join(this.folder, `${id}.json`)
}

/** What the files of a draft are now, as `Draft.base` has them. */
export function digestsOf(
  names: Iterable<string>,
  read: (name: string) => Uint8Array | undefined
): Draft['base'] {
  return Object.fromEntries(
    [...names].map(name => {
      const octets = read(name)
      return [name, octets === undefined ? null : sha256Of(octets)]
    })
  )
}

/** Files that have changed since the draft was made. */
export function outdatedFiles({ base }: Draft, now: Draft['base']): readonly string[] {
  return Object.keys(base).filter(name => base[name] !== now[name])
}
