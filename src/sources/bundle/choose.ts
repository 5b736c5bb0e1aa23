import { failure, InterdictError } from '../../base/error.js'
import type { Seconds } from '../../base/units.js'
import { AcceptedBundles, type Accepted } from './accepted.js'
import { decodeBundle, readBundleFile, type Bundle } from './bundle.js'
import { checkDate } from './date.js'
import { BundleFiles } from './files.js'
import type { Trust } from './sign.js'
import { readTrust, type TrustPlaces } from './trust.js'

/** Where a gateway's rules come from, if they come from a bundle. */
export interface BundlePlace {
  /** The bundle that is offered: whoever has it replaced offers another. */
  readonly path: string
  readonly trust: TrustPlaces
  /** Where accepted ones are kept. */
  readonly kept: string
  /** Where copies of lists are that are fetched. */
  readonly copies: string
}

/** Rules that may be in force, if they can be read. */
export interface Candidate {
  readonly files: BundleFiles
  /** Remembers it; to be called when its rules are known to be good, before they are in force. */
  readonly take: () => Promise<void>
}

export interface Choice {
  /** The first whose rules are good is in force. */
  readonly candidates: readonly Candidate[]
  /** What is wrong with the bundle that is offered, or with what is kept. */
  readonly refused: readonly InterdictError[]
  /** Whether it may pass with the files as they are: the clock goes on. */
  readonly passing: boolean
}

/** What is read or looked for: what a watcher watches. */
export function watchedFor({ path, trust, kept }: BundlePlace): string[] {
  return [path, new AcceptedBundles(kept).record, ...trust.keyFiles]
}

/**
 * Which bundle is to be in force: the one that is offered, if it is newer than all that were accepted
 * here; else the one that was accepted last, or that somebody rolled back to. Never throws anything
 * but faults of ours.
 */
export async function chooseBundle(place: BundlePlace, now: Seconds): Promise<Choice> {
  const store = new AcceptedBundles(place.kept)
  const refused: InterdictError[] = []
  const state = await tried(refused, async () => {
    return { trust: await readTrust(place.trust), accepted: store.read() }
  })
  if (state === undefined) return { candidates: [], refused, passing: false }
  const { trust, accepted } = state
  const offered = await tried(refused, () => lookAt(place, store, trust, accepted, now))
  const kept =
    accepted === undefined || offered?.isInForce === true
      ? undefined
      : await tried(refused, () => keptBundle(place, store, trust, accepted, accepted.inForce))
  const candidates = [offered?.candidate, kept].flatMap(one => (one === undefined ? [] : [one]))
  return { candidates, refused, passing: refused.some(({ code }) => code === 'BUNDLE_EARLY') }
}

interface Offered {
  /** Undefined: it was rolled back from. */
  readonly candidate: Candidate | undefined
  readonly isInForce: boolean
}

async function lookAt(
  place: BundlePlace,
  store: AcceptedBundles,
  trust: Trust,
  accepted: Accepted | undefined,
  now: Seconds
): Promise<Offered> {
  const { path } = place
  const octets = await readBundleFile(path, path)
  const bundle = await decodeBundle(octets, path, trust)
  const { manifest } = bundle
  const standing = judge(bundle, path, accepted, now)
  const isInForce = standing === 'in force'
  if (standing === 'rolled back') return { candidate: undefined, isInForce }
  const files = filesOf(place, path, bundle, isInForce ? accepted : undefined)
  const take = isInForce
    ? () => store.restore(octets, manifest)
    : () => store.take(octets, manifest, accepted, now)
  return { candidate: { files, take }, isInForce }
}

/**
 * What is to become of a bundle. When the newest was made is past, whatever the clock says: to set
 * it back makes no old bundle good again.
 *
 * @throws InterdictError BUNDLE_OLDER, BUNDLE_OTHER, BUNDLE_EARLY, BUNDLE_EXPIRED
 */
function judge(
  { manifest }: Bundle,
  path: string,
  accepted: Accepted | undefined,
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
  checkDate(manifest, path, Math.max(now, newest?.created ?? 0))
  return 'newer'
}

/**
 * One of those that were accepted here, if it is still what it was, and the keys that signed it count.
 *
 * @throws InterdictError BUNDLE_STATE, and as `decodeBundle`
 */
export async function keptBundle(
  place: BundlePlace,
  store: AcceptedBundles,
  trust: Trust,
  accepted: Accepted,
  serial: number
): Promise<Candidate> {
  const path = store.pathOf(serial)
  const known = accepted.kept.find(one => one.serial === serial)
  if (known === undefined) throw failure('BUNDLE_NOT_KEPT', serial)
  const bundle = await decodeBundle(await store.octetsOf(serial), path, trust)
  const { manifest } = bundle
  if (manifest.serial !== serial || manifest.sha256 !== known.sha256)
    throw failure('BUNDLE_STATE', path, 'it is another bundle than was accepted')
  const files = filesOf(place, path, bundle, accepted)
  return { files, take: () => Promise.resolve() }
}

function filesOf(
  { path: offered, copies }: BundlePlace,
  path: string,
  bundle: Bundle,
  accepted: Accepted | undefined
): BundleFiles {
  const { serial, created, expires } = bundle.manifest
  const { newest, rollback } = accepted ?? {}
  return new BundleFiles(bundle, {
    path: offered,
    front: `${path}:`,
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

async function tried<T>(refused: InterdictError[], act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    refused.push(error as InterdictError)
    return undefined
  }
}
