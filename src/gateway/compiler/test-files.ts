import { epochSeconds, systemClock } from '../../base/time/clock.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { RulesFolder, type RuleFiles } from '../../policy/rules/model/folder.js'
import {
  loadPolicyTests,
  testFileNames,
  TESTS,
  type PolicyTests
} from '../../policy/rules/tests/policy-tests.js'
import { chooseBundle } from '../../sources/bundle/choose-bundle.js'
import type { RulesLocation } from './rules-location.js'

/** The policy tests beside rules. */
export interface ReadTests extends PolicyTests {
  /** Digest of the files they were read from. */
  readonly sha256: string
  /** Every file and folder read or looked for. */
  readonly files: readonly string[]
}

/** The tests read last: reading 200 of them takes longer than running them. */
let last: { readonly key: string; readonly read: ReadTests } | undefined

/**
 * Reads the policy tests of a rules folder. Of files apart from the rules, since the SHA-256 of rules does not
 * include their tests.
 *
 * @param timeZone of the rules, for times without an offset
 * @param shown the folder in messages, if it is another one
 */
export async function readFolderTests(
  folder: string,
  timeZone: string,
  shown?: string
): Promise<ReadTests> {
  const files = new RulesFolder(folder, { shown })
  const names = await testFileNames(files)
  const prints = await files.fingerprints('why' in names ? [TESTS] : [TESTS, ...names])
  const key = JSON.stringify([timeZone, shown, ...prints])
  if (last?.key === key) return last.read
  const loaded = await loadPolicyTests(files, timeZone)
  const read = { ...loaded, sha256: files.ownSha256, files: files.files }
  last = { key, read }
  return read
}

/** Reads the policy tests in a bundle, whose SHA-256 includes them. */
export async function readBundledTests(files: RuleFiles, timeZone: string): Promise<ReadTests> {
  return { ...(await loadPolicyTests(files, timeZone)), sha256: '', files: [] }
}

/** Reads the policy tests of the active rules; undefined: their bundle cannot be found. */
export async function readActiveTests(
  { folder, bundle, saved }: RulesLocation,
  { origin }: Snapshot,
  timeZone: string
): Promise<ReadTests | undefined> {
  if (bundle === undefined) return readFolderTests(folder!, timeZone, saved)
  const { candidates } = await chooseBundle(bundle, epochSeconds(systemClock))
  const active = candidates.find(({ files }) => files.bundle?.serial === origin.bundle?.serial)
  return active && readBundledTests(active.files, timeZone)
}
