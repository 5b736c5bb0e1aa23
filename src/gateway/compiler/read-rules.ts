import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { InterdictError } from '../../base/errors/error.js'
import type { ListProvider } from '../../policy/rules/lists/list-provider.js'
import { loadRules, type RulesResult } from '../../policy/rules/load.js'
import { RulesFolder, zoneFilesIn, type RuleFiles } from '../../policy/rules/model/folder.js'
import { AcceptedBundles } from '../../sources/bundle/accepted-bundles.js'
import { acceptedRoot } from '../../sources/root/root-place.js'
import {
  acceptOfferedRoots,
  chooseBundle,
  watchedPaths,
  type BundleSource
} from '../../sources/bundle/choose-bundle.js'
import type { RulesLocation } from './rules-location.js'
import { listPaths } from './watch-state.js'

export interface RulesReadResult {
  readonly loaded: RulesResult
  /** The files of the rules; undefined: no bundle could be read. */
  readonly source: RuleFiles | undefined
  /** With valid rules: why the bundle on offer was rejected in favour of an earlier one. */
  readonly bundleErrors: readonly InterdictError[]
  /** Every file read or looked for. */
  readonly files: readonly string[]
  /** Whether a retry may succeed with the same files. */
  readonly isTransient: boolean
  /** Files that reading itself has written. */
  readonly written: readonly string[]
}

type Loaded = Extract<RulesResult, { readonly ok: true }>

/**
 * Finds the reasons for which valid rules must not become active.
 *
 * @param isAccepted they were active before
 */
export type ExamineRules = (
  loaded: Loaded,
  files: RuleFiles,
  isAccepted: boolean
) => Promise<readonly InterdictError[]>

/** Every path that may be read, as far as is known beforehand. */
export async function listRulePaths(location: RulesLocation): Promise<readonly string[]> {
  const { folder, bundle, copiesFolder, mandates } = location
  const copies = [copiesFolder, zoneFilesIn(copiesFolder)]
  const read = [folder, mandates?.folder].filter(path => path !== undefined)
  const folders = [...read, ...copies]
  const paths = await Promise.all(folders.map(listPaths))
  const keys = mandates?.keyFiles ?? []
  return [...(bundle === undefined ? [] : watchedPaths(bundle)), ...keys, ...paths.flat()]
}

/**
 * Reads the rules from the folder, or from the bundle on offer. A bundle that is not valid is skipped for
 * the last good one.
 *
 * @param examine called before a bundle is accepted
 * @param provider of lists that need not be read again
 */
export async function readRules(
  location: RulesLocation,
  clock: Clock,
  examine: ExamineRules,
  provider?: ListProvider
): Promise<RulesReadResult> {
  const { folder, bundle, copiesFolder: copies, saved, outside, asnDatabase } = location
  if (bundle !== undefined) return readBundledRules(bundle, clock, examine, provider)
  const source = new RulesFolder(folder!, { copies, shown: saved, outside, asnDatabase })
  const loaded = await loadRules(source, clock, undefined, provider)
  const files = loaded.ok ? loaded.rules.files : loaded.files
  const isTransient = !loaded.ok && loaded.isTransient
  return { loaded, source, bundleErrors: [], files, isTransient, written: [] }
}

async function readBundledRules(
  location: BundleSource,
  clock: Clock,
  examine: ExamineRules,
  provider: ListProvider | undefined
): Promise<RulesReadResult> {
  const rootErrors = await acceptOfferedRoots(location)
  const choice = await chooseBundle(location, epochSeconds(clock))
  const errors = [...rootErrors, ...choice.refused]
  const files = new Set(watchedPaths(location))
  let isTransient = choice.mayResolve
  for (const candidate of choice.candidates) {
    const loaded = await loadRules(candidate.files, clock, undefined, provider)
    for (const file of candidate.files.files) files.add(file)
    if (loaded.ok) {
      const reasons = await examine(loaded, candidate.files, candidate.isAccepted)
      if (reasons.length > 0) {
        errors.push(...reasons)
        continue
      }
      const error = await acceptBundle(candidate.accept)
      const { root } = location.trust
      const roots = root === undefined ? [] : [acceptedRoot(root)]
      const written = [new AcceptedBundles(location.storeFolder).record, ...roots]
      if (error === undefined)
        return {
          ...{ loaded, source: candidate.files, bundleErrors: errors, files: [...files] },
          ...{ isTransient, written }
        }
      isTransient = true
      errors.push(error)
    } else {
      isTransient ||= loaded.isTransient
      errors.push(...loaded.errors)
    }
  }
  const loaded = { ok: false, errors, files: [...files], isTransient } as const
  const none = { source: undefined, written: [] }
  return { loaded, bundleErrors: errors, files: [...files], isTransient, ...none }
}

/** Records the bundle as accepted. @returns the error if that fails */
async function acceptBundle(take: () => Promise<void>): Promise<InterdictError | undefined> {
  try {
    await take()
    return undefined
  } catch (error) {
    if (error instanceof InterdictError) return error
    throw error
  }
}
