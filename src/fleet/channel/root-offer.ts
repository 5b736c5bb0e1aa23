import { sha256Of } from '../../base/bytes/sha256.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { readTrustedKeys } from '../../sources/bundle/read-trust.js'
import type { TrustSettings } from '../../sources/bundle/trusted-keys.js'
import { acceptRoots, readRoot } from '../../sources/root/root-store.js'
import type { PublicKey } from '../../base/files/ed25519.js'
import type { FetchFile } from './bundle-offer.js'
import type { ReportedTrust, WantedRoot } from './wire.js'

const MAX_MESSAGE = 500

/** Accepts newer roots of trust from the channel. They are verified by the root that this gateway has, whoever sent them. */
export class RootOffer {
  private refused: ReportedTrust['refused'] = null

  constructor(private readonly trust: TrustSettings) {}

  /**
   * Follows the fleet to its newest root, if that is newer than the one here.
   *
   * @returns its version; undefined: nothing has changed
   * @throws InterdictError FLEET_ROOT, and as `acceptRoots`
   */
  async update(wanted: WantedRoot | undefined, fetch: FetchFile): Promise<number | undefined> {
    const { root: place } = this.trust
    if (wanted === undefined || place === undefined) return undefined
    try {
      const { root } = await readRoot(place)
      const found =
        wanted.version > root.version
          ? await acceptRoots(place, await fetchRoots(wanted, fetch), 'of the fleet')
          : undefined
      this.refused = null
      return found?.root.version
    } catch (error) {
      this.refused = refusalOf(error)
      throw error
    }
  }

  /** Keys with which the hub may countersign; none without a root. Never throws. */
  async hubKeys(): Promise<readonly PublicKey[]> {
    const { root: place } = this.trust
    if (place === undefined) return []
    return readRoot(place).then(
      ({ root }) => root.roles.hub.keys,
      () => []
    )
  }

  /** What bundles are trusted by now. Never throws. */
  async current(): Promise<ReportedTrust> {
    try {
      const { keys, signatures, root } = await readTrustedKeys(this.trust)
      return { root: root?.version ?? null, keys: [...keys], signatures, refused: this.refused }
    } catch (error) {
      const { signatures } = this.trust
      return { root: null, keys: [], signatures, refused: refusalOf(error) }
    }
  }
}

async function fetchRoots(wanted: WantedRoot, fetch: FetchFile): Promise<Uint8Array> {
  const { version, sha256 } = wanted
  const octets = await fetch(wanted).catch((error: unknown) => {
    throw failure('FLEET_ROOT', version, reasonOf(error))
  })
  if (sha256Of(octets) !== sha256)
    throw failure('FLEET_ROOT', version, 'the file has another SHA-256 than the channel says')
  return octets
}

function refusalOf(error: unknown): ReportedTrust['refused'] {
  if (!(error instanceof InterdictError)) throw error
  const { code, message } = error as InterdictError
  return { code, message: message.slice(0, MAX_MESSAGE) }
}
