import { failure, InterdictError } from '../../base/error.js'
import type { Seconds } from '../../base/units.js'
import { AcceptedBundles, type AcceptedRecord } from './accepted-bundles.js'
import { decodeBundle, readBundleFile, type Bundle } from './bundle.js'
import { checkValidity } from './validity.js'
import { BundleFiles } from './bundle-files.js'
import type { TrustedKeys } from './signatures.js'
import { readTrustedKeys, type TrustSettings } from './trusted-keys.js'

/** Where a gateway's rules come from, if they come from a bundle. */
export interface BundleSource {
  /** The bundle that is offered: whoever has it replaced offers another. */
  readonly path: string
  readonly trust: TrustSettings
  /** Where accepted ones are kept. */
  readonly storeFolder: string
  /** Where copies of lists are that are fetched. */
  readonly copies: string
}

/** Rules that may be in force, if they can be read. */
export interface Candidate {
  readonly files: BundleFiles
  /** Remembers it; to be called when its rules are known to be good, before they are in force. */
  readonly accept: () => Promise<void>
}

export interface Choice {
  /** The first whose rules are good is in force. */
  readonly candidates: readonly Candidate[]
  /** What is wrong with the bundle that is offered, or with what is kept. */
  readonly refused: readonly InterdictError[]
  /** Whether it may pass with the files as they are: the clock goes on. */
  readonly mayResolve: boolean
}

/** What is read or looked for: what a watcher watches. */
export function watchedPaths({ path, trust, storeFolder: kept }: BundleSource): string[] {
  return [path, new AcceptedBundles(kept).record, ...trust.keyFiles]
}

/**
 * Which bundle is to be in force: the one that is offered, if it is newer than all that were accepted
 * here; else the one that was accepted last, or that somebody rolled back to. Never throws anything
 * but faults of ours.
 */
export async function chooseBundle(place: BundleSource, now: Seconds): Promise<Choice> {
  const store = new AcceptedBundles(place.storeFolder)
  const refused: InterdictError[] = []
  const state = await collectErrors(refused, async () => {
    return { trust: await readTrustedKeys(place.trust), accepted: store.read() }
  })
  if (state === undefined) return { candidates: [], refused, mayResolve: false }
  const { trust, accepted } = state
  const offered = await collectErrors(refused, () =>
    examineOffered(place, store, trust, accepted, now)
  )
  const kept =
    accepted === undefined || offered?.isInForce === true
      ? undefined
      : await collectErrors(refused, () =>
          openStoredBundle(place, store, trust, accepted, accepted.inForce)
        )
  const candidates = [offered?.candidate, kept].flatMap(one => (one === undefined ? [] : [one]))
  return { candidates, refused, mayResolve: refused.some(({ code }) => code === 'BUNDLE_EARLY') }
}

interface Offered {
  /** Undefined: it was rolled back from. */
  readonly candidate: Candidate | undefined
  readonly isInForce: boolean
}

async function examineOffered(
  place: BundleSource,
  store: AcceptedBundles,
  trust: TrustedKeys,
  accepted: AcceptedRecord | undefined,
  now: Seconds
): Promise<Offered> {
  const { path } = place
  const octets = await readBundleFile(path, path)
  const bundle = await decodeBundle(octets, path, trust)
  const { manifest } = bundle
  const standing = compareWithAccepted(bundle, path, accepted, now)
  const isInForce = standing === 'in force'
  if (standing === 'rolled back') return { candidate: undefined, isInForce }
  const files = bundleFiles(place, path, bundle, isInForce ? accepted : undefined)
  const take = isInForce
    ? () => store.restore(octets, manifest)
    : () => store.accept(octets, manifest, accepted, now)
  return { candidate: { files, accept: take }, isInForce }
}

/**
 * What is to become of a bundle. When the newest was made is past, whatever the clock says: to set
 * it back makes no old bundle good again.
 *
 * @throws InterdictError BUNDLE_OLDER, BUNDLE_OTHER, BUNDLE_EARLY, BUNDLE_EXPIRED
 */
function compareWithAccepted(
  { manifest }: Bundle,
  path: string,
  accepted: AcceptedRecord | undefined,
  now: Seconds
): 'newer' | 'in force' | 'rolled back' {
  const { serial, sha256 } = manifest
  const { newest, inForce, kept = [] } = accepted ?? {}
  const known = newest?.serial === serial ? newest : kept.find(one => one.serial === serial)
  if (known?.sha256 === sha256 && serial === inForce) return 'in force'
  if (newest !== undefined && serial < newest.serial)
    throw failure('BUNDLE_OLDER', path, serial, newest.serial)
  if (newest?.serial === serial) {
    if (newest.sha256 === sha256) return 'rolled back'
    throw failure('BUNDLE_OTHER', path, serial, newest.sha256)
  }
  checkValidity(manifest, path, Math.max(now, newest?.created ?? 0))
  return 'newer'
}

/**
 * One of those that were accepted here, if it is still what it was, and the keys that signed it count.
 *
 * @throws InterdictError BUNDLE_STATE, and as `decodeBundle`
 */
export async function openStoredBundle(
  place: BundleSource,
  store: AcceptedBundles,
  trust: TrustedKeys,
  accepted: AcceptedRecord,
  serial: number
): Promise<Candidate> {
  const path = store.pathOf(serial)
  const known = accepted.kept.find(one => one.serial === serial)
  if (known === undefined) throw failure('BUNDLE_NOT_KEPT', serial)
  const bundle = await decodeBundle(await store.octetsOf(serial), path, trust)
  const { manifest } = bundle
  if (manifest.serial !== serial || manifest.sha256 !== known.sha256)
    throw failure('BUNDLE_STATE', path, 'it is another bundle than was accepted')
  const files = bundleFiles(place, path, bundle, accepted)
  return { files, accept: () => Promise.resolve() }
}

function bundleFiles(
  { path: offered, copies }: BundleSource,
  path: string,
  bundle: Bundle,
  accepted: AcceptedRecord | undefined
): BundleFiles {
  const { serial, created, expires } = bundle.manifest
  const { newest, rollback } = accepted ?? {}
  return new BundleFiles(bundle, {
    path: offered,
    prefix: `${path}:`,
    copies,
    facts: {
      serial,
      created,
      expires,
      newest: newest?.serial ?? serial,
      rollback: rollback?.to === serial ? rollback : undefined
    }
  })
}

async function collectErrors<T>(
  refused: InterdictError[],
  act: () => Promise<T>
): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    refused.push(error as InterdictError)
    return undefined
  }
}
