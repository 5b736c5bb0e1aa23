import { failure, InterdictError } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import { AcceptedBundles, type AcceptedRecord } from './accepted-bundles.js'
import { decodeBundle, readBundleFile, type Bundle } from './bundle.js'
import { checkSerial, checkValidity } from './validity.js'
import { BundleFiles } from './bundle-files.js'
import type { TrustedKeys } from './signatures.js'
import { readTrustedKeys, type TrustSettings } from './trusted-keys.js'

/** Where a gateway gets its rules if they come from a bundle. */
export interface BundleSource {
  /** The offered bundle; replacing this file offers another. */
  readonly path: string
  readonly trust: TrustSettings
  /** Folder of accepted bundles. */
  readonly storeFolder: string
  /** Folder with copies of remote lists. */
  readonly copies: string
}

/** A bundle whose rules become active if they can be read. */
export interface Candidate {
  readonly files: BundleFiles
  /** Whether it was accepted before, so that its policy tests have passed. */
  readonly isAccepted: boolean
  /**
   * Records the bundle; call it when its rules are known to be valid, before they become active.
   */
  readonly accept: () => Promise<void>
}

export interface Choice {
  /** The first one with valid rules becomes active. */
  readonly candidates: readonly Candidate[]
  /** Errors of the offered bundle or the stored ones. */
  readonly refused: readonly InterdictError[]
  /** Whether an error may resolve itself over time, without a change to files. */
  readonly mayResolve: boolean
}

/** Paths that a file watcher has to watch. */
export function watchedPaths({ path, trust, storeFolder: kept }: BundleSource): string[] {
  return [path, new AcceptedBundles(kept).record, ...trust.keyFiles]
}

/**
 * Chooses the bundle to activate: the offered one, if it is newer than all accepted bundles;
 * otherwise the one accepted last or rolled back to. Errors in files are returned, not thrown.
 */
export async function chooseBundle(source: BundleSource, now: Seconds): Promise<Choice> {
  const store = new AcceptedBundles(source.storeFolder)
  const refused: InterdictError[] = []
  const state = await collectErrors(refused, async () => {
    return { trust: await readTrustedKeys(source.trust), accepted: store.read() }
  })
  if (state === undefined) return { candidates: [], refused, mayResolve: false }
  const { trust, accepted } = state
  const offered = await collectErrors(refused, () =>
    examineOffered(source, store, trust, accepted, now)
  )
  const kept =
    accepted === undefined || offered?.isInForce === true
      ? undefined
      : await collectErrors(refused, () =>
          openStoredBundle(source, store, trust, accepted, accepted.inForce)
        )
  const candidates = [offered?.candidate, kept].flatMap(one => (one === undefined ? [] : [one]))
  return { candidates, refused, mayResolve: refused.some(({ code }) => code === 'BUNDLE_EARLY') }
}

interface Offered {
  /** Undefined: it was rolled back. */
  readonly candidate: Candidate | undefined
  readonly isInForce: boolean
}

async function examineOffered(
  source: BundleSource,
  store: AcceptedBundles,
  trust: TrustedKeys,
  accepted: AcceptedRecord | undefined,
  now: Seconds
): Promise<Offered> {
  const { path } = source
  const octets = await readBundleFile(path, path)
  const bundle = await decodeBundle(octets, path, trust)
  const { manifest } = bundle
  const relation = compareWithAccepted(bundle, path, accepted, now)
  const isInForce = relation === 'in force'
  if (relation === 'rolled back') return { candidate: undefined, isInForce }
  const files = bundleFiles(source, path, bundle, isInForce ? accepted : undefined)
  const take = isInForce
    ? () => store.restore(octets, manifest)
    : () => store.accept(octets, manifest, accepted, now)
  return { candidate: { files, isAccepted: isInForce, accept: take }, isInForce }
}

/**
 * Compares an offered bundle with the accepted ones. The creation time of the newest bundle is a
 * lower bound for the current time: setting the clock back does not make an old bundle valid again.
 *
 * @throws InterdictError BUNDLE_OLDER, BUNDLE_OTHER, BUNDLE_EARLY, BUNDLE_EXPIRED, BUNDLE_SERIAL
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
  const time = Math.max(now, newest?.created ?? 0)
  checkValidity(manifest, path, time)
  checkSerial(serial, newest?.serial ?? 0, path, time)
  return 'newer'
}

/**
 * Opens a stored bundle, if it is unaltered and its signing keys are still trusted.
 *
 * @throws InterdictError BUNDLE_STATE, and as `decodeBundle`
 */
export async function openStoredBundle(
  source: BundleSource,
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
    throw failure('BUNDLE_STATE', path, 'the stored file is not the accepted bundle')
  const files = bundleFiles(source, path, bundle, accepted)
  return { files, isAccepted: true, accept: () => Promise.resolve() }
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
