import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../base/time/clock.js'
import type { InterdictError } from '../../base/errors/error.js'
import type { ListProvider, ProvidedList } from '../../policy/rules/lists/list-provider.js'
import { namesOf } from '../../policy/rules/lists/load-list.js'
import { loadRules } from '../../policy/rules/load.js'
import { isCopyName, RulesFolder } from '../../policy/rules/model/folder.js'
import { readFolderTests } from './test-files.js'
import {
  isUnchanged,
  listPaths,
  MAX_ATTEMPTS,
  readWatchState,
  RETRY_PAUSE,
  type WatchState
} from './watch-state.js'

/** The files of a rules folder as they were saved. */
export interface SavedRules {
  /** As `ownSha256` of rules; undefined: they have errors. */
  readonly sha256: string | undefined
  /** Of the rules and their tests. */
  readonly edition: string
  readonly errors: readonly InterdictError[]
  /** Every file and folder read or looked for. */
  readonly files: readonly string[]
}

/** Larger lists than a bundle may have are not read. */
const MAX_LIST = 2 ** 30

/** Reads lists only for their digests: their names matter when the rules are applied, or a file cannot be read. */
const DIGESTS: ListProvider = {
  async provide(files, { id, entry }): Promise<ProvidedList | undefined> {
    for (const name of await namesOf(files, id, entry)) {
      if (isCopyName(name) || name === entry.folder) continue
      if ('why' in (await files.readAtMost(name, MAX_LIST))) return undefined
    }
    return { sources: [], reports: [], state: undefined, errors: [], warnings: [] }
  }
}

/** Finds the SHA-256 of a rules folder, without reading the names of its lists. */
export async function readSavedRules(
  folder: string,
  asnDatabase: string | undefined
): Promise<SavedRules> {
  const files = new RulesFolder(folder, { asnDatabase })
  const loaded = await loadRules(files, systemClock, undefined, DIGESTS)
  const tests = await readFolderTests(folder, loaded.ok ? loaded.rules.timeZone : 'UTC')
  const paths = [...new Set([...files.files, ...tests.files])]
  const own = files.ownSha256
  const edition = `${own} ${tests.sha256}`
  if (loaded.ok) return { sha256: own, edition, errors: [], files: paths }
  const digest = createHash('sha256').update(edition).digest('hex')
  return { sha256: undefined, edition: digest, errors: loaded.errors, files: paths }
}

/**
 * Reads saved rules, until no file changes while they are read.
 *
 * @returns also the state just before; a file that changes still differs from it, and is read again
 */
export async function readSavedStable(
  folder: string,
  asnDatabase: string | undefined
): Promise<SavedRules & { readonly state: WatchState }> {
  let before = await readWatchState(await listPaths(folder))
  for (let attempts = 1; ; attempts++) {
    const saved = await readSavedRules(folder, asnDatabase)
    const after = await readWatchState(saved.files)
    const state = new Map(saved.files.map(file => [file, before.get(file) ?? '']))
    if (isUnchanged(before, after) || attempts === MAX_ATTEMPTS) return { ...saved, state }
    before = after
    await sleep(RETRY_PAUSE)
  }
}
