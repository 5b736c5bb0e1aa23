import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { failure } from '../../base/errors/error.js'
import { DRAFT_PATH } from '../../policy/edit/draft-store.js'
import type { Content } from '../../sources/bundle/content.js'

/** Media type of a rules folder: an object of paths and texts. */
export const FOLDER_TYPE = 'application/vnd.interdict.rules+json'

const MAX_FILES = 10_000

const folder = z
  .record(
    z.string().max(255).regex(DRAFT_PATH, 'a path in the rules folder such as apps/tiktok.yaml'),
    z.string('a text')
  )
  .refine(files => Object.keys(files).length <= MAX_FILES, `at most ${MAX_FILES} files`)

/** Candidate rules, written to a folder of their own that only this process may read. */
export class Candidate {
  /** Of the bundle or rules folder. */
  readonly path: string
  private readonly folder: string

  /**
   * @param state the state folder
   * @param isFolder the octets are a rules folder as JSON; otherwise a bundle
   * @param base files that the folder changes some of; undefined: the folder is complete
   * @throws InterdictError CANDIDATE_FOLDER
   */
  constructor(state: string, octets: Buffer, isFolder: boolean, base?: Content) {
    const files = isFolder ? readFolder(octets) : undefined
    mkdirSync(state, { recursive: true })
    this.folder = mkdtempSync(join(state, 'candidate-'))
    this.path = join(this.folder, files === undefined ? 'rules.bundle' : 'rules')
    if (files === undefined) writeFileSync(this.path, octets)
    const all = new Map<string, string | Uint8Array>([
      ...(files === undefined ? [] : (base ?? [])),
      ...Object.entries(files ?? {})
    ])
    for (const [path, text] of all) {
      const file = join(this.path, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
  }

  /** What a command found in these rules, with positions as their author knows them: `networks.yaml:7:3`. */
  withoutFolder<Found>(found: Found): Found {
    const folder = new RegExp(`[^\\s"']*${basename(this.folder)}/(?:rules/)?`, 'g')
    return JSON.parse(JSON.stringify(found).replaceAll(folder, '')) as Found
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Reads a rules folder in JSON. @throws InterdictError CANDIDATE_FOLDER */
export function readFolder(octets: Buffer): Readonly<Record<string, string>> {
  let value: unknown
  try {
    value = JSON.parse(octets.toString())
  } catch (error) {
    throw failure('CANDIDATE_FOLDER', (error as Error).message)
  }
  const read = folder.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw failure('CANDIDATE_FOLDER', `${issue!.path.join('.') || 'all'}: expected ${issue!.message}`)
}
