import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { checkOwnThreshold, followRoots } from './accept-root.js'
import { acceptedRoot, type RootPlace } from './root-place.js'
import { decodeRoots, encodeRoot, MAX_ROOTS, newestRoot, type SignedRoot } from './root.js'

/**
 * Reads the trusted root: the accepted one, or that of the settings if it is newer.
 *
 * @throws InterdictError ROOT_UNREADABLE, ROOT_BROKEN, ROOT_SIGNATURE, ROOT_UNSIGNED, ROOT_STATE
 */
export async function readRoot(place: RootPlace): Promise<SignedRoot> {
  const accepted = await readAccepted(place)
  try {
    const given = await readGivenRoot(place.file)
    const isNewer = accepted === undefined || given.root.version > accepted.root.version
    return isNewer ? given : accepted
  } catch (error) {
    // The file is where the gateway started from.
    if (accepted !== undefined && error instanceof InterdictError) return accepted
    throw error
  }
}

/**
 * Reads a root that is trusted because of where it is.
 *
 * @throws InterdictError ROOT_UNREADABLE, ROOT_BROKEN, ROOT_SIGNATURE, ROOT_UNSIGNED
 */
export async function readGivenRoot(file: string): Promise<SignedRoot> {
  const given = newestRoot(await readRootFile(file), file)
  checkOwnThreshold(given, file)
  return given
}

/** @throws InterdictError ROOT_UNREADABLE */
export async function readRootFile(file: string): Promise<Uint8Array> {
  try {
    return await readBoundedFile(file, MAX_ROOTS)
  } catch (error) {
    throw failure('ROOT_UNREADABLE', file, reasonOf(error))
  }
}

/**
 * Accepts the roots of a file that follow the trusted one, as far as they do.
 *
 * @param name of the file, in messages
 * @returns the newest one; undefined: none is newer
 * @throws InterdictError as `readRoot`, ROOT_VERSION; those before the offending root are accepted
 */
export async function acceptRoots(
  place: RootPlace,
  file: Uint8Array,
  name: string
): Promise<SignedRoot | undefined> {
  const trusted = await readRoot(place)
  const { newest, error } = followRoots(trusted, decodeRoots(file, name), name)
  if (newest !== undefined) writeAccepted(place, newest)
  if (error !== undefined) throw error
  return newest
}

/** Undefined: none was accepted yet. A damaged one is not ignored: the root before it may trust revoked keys. */
async function readAccepted(place: RootPlace): Promise<SignedRoot | undefined> {
  const path = acceptedRoot(place)
  try {
    const accepted = newestRoot(await readBoundedFile(path, MAX_ROOTS), path)
    checkOwnThreshold(accepted, path)
    return accepted
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure('ROOT_STATE', path, reasonOf(error))
  }
}

function writeAccepted(place: RootPlace, signed: SignedRoot): void {
  const path = acceptedRoot(place)
  try {
    writeFileAtomic(path, encodeRoot(signed), { mode: 0o600, folderMode: 0o700 })
  } catch (error) {
    throw failure('ROOT_STATE', path, reasonOf(error))
  }
}
