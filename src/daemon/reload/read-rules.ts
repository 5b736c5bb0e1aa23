import { epochSeconds, type Clock } from '../../base/clock.js'
import { InterdictError } from '../../base/error.js'
import { loadRules, type RulesResult } from '../../rules/load.js'
import { zoneFilesIn } from '../../rules/model/folder.js'
import { AcceptedBundles } from '../../sources/bundle/accepted-bundles.js'
import {
  chooseBundle,
  watchedPaths,
  type BundleSource
} from '../../sources/bundle/choose-bundle.js'
import type { RulesLocation } from './rules-location.js'
import { listPaths } from './watch-state.js'

export interface RulesReadResult {
  readonly loaded: RulesResult
  /** With good rules: why they are not those of the bundle that is offered. */
  readonly bundleErrors: readonly InterdictError[]
  /** Everything read or looked for. */
  readonly files: readonly string[]
  /** Whether what is wrong may pass with the files as they are. */
  readonly isTransient: boolean
  /** Files that were written meanwhile, on purpose. */
  readonly written: readonly string[]
}

/** Everything that is read, or may be, as far as that can be told before. */
export async function listRulePaths({
  folder,
  bundle,
  copiesFolder: copies
}: RulesLocation): Promise<readonly string[]> {
  const besides = [copies, zoneFilesIn(copies)]
  const folders = folder === undefined ? besides : [folder, ...besides]
  const within = await Promise.all(folders.map(listPaths))
  return [...(bundle === undefined ? [] : watchedPaths(bundle)), ...within.flat()]
}

/**
 * Reads the rules: those of the folder, or of the bundle that is to be in force. What is not good is
 * passed over for the last that was.
 */
export async function readRules(place: RulesLocation, clock: Clock): Promise<RulesReadResult> {
  const { folder, bundle, copiesFolder: copies } = place
  if (bundle !== undefined) return readBundledRules(bundle, clock)
  const loaded = await loadRules(folder!, clock, copies)
  const files = loaded.ok ? loaded.rules.files : loaded.files
  return { loaded, bundleErrors: [], files, isTransient: !loaded.ok && loaded.passing, written: [] }
}

async function readBundledRules(place: BundleSource, clock: Clock): Promise<RulesReadResult> {
  const choice = await chooseBundle(place, epochSeconds(clock))
  const refused = [...choice.refused]
  const files = new Set(watchedPaths(place))
  let { mayResolve: passing } = choice
  for (const candidate of choice.candidates) {
    const loaded = await loadRules(candidate.files, clock)
    for (const file of candidate.files.files) files.add(file)
    if (loaded.ok) {
      const wrong = await acceptBundle(candidate.accept)
      const written = [new AcceptedBundles(place.storeFolder).record]
      if (wrong === undefined)
        return { loaded, bundleErrors: refused, files: [...files], isTransient: passing, written }
      passing = true
      refused.push(wrong)
    } else {
      passing ||= loaded.passing
      refused.push(...loaded.errors)
    }
  }
  const loaded = { ok: false, errors: refused, files: [...files], passing } as const
  return { loaded, bundleErrors: refused, files: [...files], isTransient: passing, written: [] }
}

/** @returns what stands in the way */
async function acceptBundle(take: () => Promise<void>): Promise<InterdictError | undefined> {
  try {
    await take()
    return undefined
  } catch (error) {
    if (error instanceof InterdictError) return error
    throw error
  }
}
