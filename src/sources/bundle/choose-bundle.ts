import { existsSync } from 'node:fs'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Seconds } from '../../base/units.js'
import { AcceptedBundles, type AcceptedRecord } from './accepted-bundles.js'
import { decodeBundle, readBundleFile, type Bundle } from './bundle.js'
import { checkSerial, checkValidity } from './validity.js'
import { acceptedRoot } from '../root/root-place.js'
import { acceptRoots, readRootFile } from '../root/root-store.js'
import { checkCurrent } from '../root/accept-root.js'
import { BundleFiles } from './bundle-files.js'
import type { TrustedKeys } from './signatures.js'
import { readTrustedKeys } from './read-trust.js'
import type { TrustSettings } from './trusted-keys.js'

/** Where a gateway gets its rules if they come from a bundle. */
export interface BundleSource {
  /** The offered bundle; replacing this file offers another. */
  readonly path: string
  readonly trust: TrustSettings
  /** Folder of accepted bundles. */
  readonly storeFolder: string
  /** Folder with copies of remote lists. */
  readonly copies: string
  /** The ASN database; undefined: none. */
  readonly asnDatabase?: string | undefined
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

/** Path of roots of trust that are offered beside a bundle. */
export const offeredRoots = (bundle: string): string => `${bundle}.root`

/** Paths that a file watcher has to watch. */
export function watchedPaths({ path, trust, storeFolder: kept }: BundleSource): string[] {
  const { root } = trust
  const roots = root === undefined ? [] : [root.file, acceptedRoot(root), offeredRoots(path)]
  return [path, new AcceptedBundles(kept).record, ...trust.keyFiles, ...roots]
}

/**
 * Accepts the roots of trust beside the bundle, for gateways without a fleet. Only a gateway that runs calls it.
 *
 * @returns why they are not accepted
 */
export async function acceptOfferedRoots({
  path,
  trust: { root }
}: BundleSource): Promise<readonly InterdictError[]> {
  const refused: InterdictError[] = []
  const offered = offeredRoots(path)
  if (root !== undefined && existsSync(offered))
    await collectErrors(refused, async () => {
      await acceptRoots(root, await readRootFile(offered), offered)
    })
  return refused
}

/**
 * Chooses the bundle to activate: the offered one, if it is newer than all accepted bundles;
 * otherwise the one accepted last or rolled back to. Errors in files are returned, not thrown.
 */
export async function chooseBundle(source: BundleSource, now: Seconds): Promise<Choice> {
  const store = new AcceptedBundles(source.storeFolder)
  const refused: InterdictError[] = []
  const trust = await collectErrors(refused, () => readTrustedKeys(source.trust))
  const accepted = await collectErrors(refused, () => Promise.resolve(store.read()))
  const isKnown = refused.every(({ code }) => code !== 'BUNDLE_STATE')
  const offered =
    trust !== undefined && isKnown
      ? await collectErrors(refused, () => examineOffered(source, store, trust, accepted, now))
      : undefined
  // With a newer bundle, it is no news that a root of trust has revoked the keys of the one before.
  const isReplaced = offered?.candidate !== undefined && source.trust.root !== undefined
  const kept =
    accepted === undefined || offered?.isInForce === true
      ? undefined
      : await keptBundle(source, store, trust, accepted, isReplaced ? [] : refused)
  const candidates = [offered?.candidate, kept].flatMap(one => (one === undefined ? [] : [one]))
  return { candidates, refused, mayResolve: refused.some(({ code }) => code === 'BUNDLE_EARLY') }
}

/**
 * The stored bundle to go on with. If a root of trust has revoked the keys of the active one, that is the newest one that
 * trusted keys have signed. If there is none, the active one remains: a gateway without rules serves nobody.
 */
async function keptBundle(
  source: BundleSource,
  store: AcceptedBundles,
  trust: TrustedKeys | undefined,
  accepted: AcceptedRecord,
  refused: InterdictError[]
): Promise<Candidate | undefined> {
  const { inForce, kept } = accepted
  const open = (serial: number): Promise<Candidate | undefined> =>
    trust === undefined
      ? Promise.resolve(undefined)
      : collectErrors(refused, () => openStoredBundle(source, store, trust, accepted, serial))
  const active = await open(inForce)
  if (active !== undefined || source.trust.root === undefined) return active
  const ignored: InterdictError[] = []
  if (trust !== undefined)
    for (const { serial } of kept.filter(one => one.serial < inForce)) {
      const other = await collectErrors(ignored, () =>
        openStoredBundle(source, store, trust, accepted, serial)
      )
      if (other !== undefined) return other
    }
  const last = await collectErrors(refused, () =>
    openStoredBundle(source, store, undefined, accepted, inForce)
  )
  const version = trust?.root?.version
  if (last !== undefined && version !== undefined)
    refused.push(failure('BUNDLE_REVOKED', inForce, version))
  return last
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
  const relation = compareWithAccepted(bundle, path, accepted, trust.root, now)
  const isInForce = relation === 'in force'
  if (relation === 'rolled back') return { candidate: undefined, isInForce }
  const files = bundleFiles(source, path, bundle, trust, isInForce ? accepted : undefined)
  const take = isInForce
    ? () => store.restore(octets, manifest)
    : () => store.accept(octets, manifest, accepted, now, trust.root?.version)
  return { candidate: { files, isAccepted: isInForce, accept: take }, isInForce }
}

/**
 * Compares an offered bundle with the accepted ones. The creation time of the newest bundle is a
 * lower bound for the current time: setting the clock back does not make an old bundle valid again.
 *
 * @throws InterdictError BUNDLE_OLDER, BUNDLE_OTHER, BUNDLE_EARLY, BUNDLE_EXPIRED, BUNDLE_SERIAL, ROOT_EXPIRED
 */
function compareWithAccepted(
  { manifest }: Bundle,
  path: string,
  accepted: AcceptedRecord | undefined,
  root: TrustedKeys['root'],
  now: Seconds
): 'newer' | 'in force' | 'rolled back' {
  const { serial, sha256 } = manifest
  const { inForce, kept = [] } = accepted ?? {}
  const known = kept.find(one => one.serial === serial)
  if (known?.sha256 === sha256 && serial === inForce) return 'in force'
  const { newest, last, created } = lastSerial(accepted, root)
  if (serial < last) throw failure('BUNDLE_OLDER', path, serial, last)
  if (newest?.serial === serial) {
    if (newest.sha256 === sha256) return 'rolled back'
    throw failure('BUNDLE_OTHER', path, serial, newest.sha256)
  }
  if (root !== undefined) checkCurrent(root, now)
  const time = Math.max(now, created)
  checkValidity(manifest, path, time)
  checkSerial(serial, last, path, time)
  return 'newer'
}

/** What a new bundle has to be at least. */
export interface LastSerial {
  readonly newest: AcceptedRecord['newest'] | undefined
  /** The lowest serial that is still possible; 0: any. */
  readonly last: number
  /** Lower bound of the time. */
  readonly created: Seconds
}

/**
 * The highest accepted serial, unless a root of trust has reset it since. Otherwise one bundle with the highest serial of all,
 * signed with a stolen key, would lock out all later ones (TUF §5.3.11, fast-forward attack).
 */
export function lastSerial(
  accepted: AcceptedRecord | undefined,
  root: TrustedKeys['root']
): LastSerial {
  const { newest } = accepted ?? {}
  const { since, from } = root?.serials ?? { since: 0, from: 0 }
  if (newest === undefined || newest.root < since)
    return { newest: undefined, last: since === 0 ? 0 : from, created: 0 }
  return { newest, last: newest.serial, created: newest.created }
}

/**
 * Opens a stored bundle, if it is unaltered and its signing keys are still trusted.
 *
 * @param trust undefined: whoever has signed it
 * @throws InterdictError BUNDLE_STATE, and as `decodeBundle`
 */
export async function openStoredBundle(
  source: BundleSource,
  store: AcceptedBundles,
  trust: TrustedKeys | undefined,
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
  const files = bundleFiles(source, path, bundle, trust, accepted)
  return { files, isAccepted: true, accept: () => Promise.resolve() }
}

function bundleFiles(
  { path: offered, copies, asnDatabase }: BundleSource,
  path: string,
  bundle: Bundle,
  trust: TrustedKeys | undefined,
  accepted: AcceptedRecord | undefined
): BundleFiles {
  const { serial, created, expires } = bundle.manifest
  const { root } = trust ?? {}
  const { newest, rollback } = accepted ?? {}
  return new BundleFiles(bundle, {
    path: offered,
    prefix: `${path}:`,
    copies,
    asnDatabase,
    facts: {
      serial,
      created,
      expires,
      newest: newest?.serial ?? serial,
      root: root && { version: root.version, expires: root.expires },
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
