import { createHash } from 'node:crypto'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFile } from '../../base/files/bounded-file.js'
import type { Clock } from '../../base/time/clock.js'
import { epochSeconds } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { AcceptedBundles } from '../../sources/bundle/accepted-bundles.js'
import { decodeBundle } from '../../sources/bundle/bundle.js'
import { lastSerial, type BundleSource } from '../../sources/bundle/choose-bundle.js'
import { MAX_FILE } from '../../sources/bundle/manifest.js'
import { readTrustedKeys } from '../../sources/bundle/read-trust.js'
import { checkValidity } from '../../sources/bundle/validity.js'
import { checkCurrent } from '../../sources/root/accept-root.js'
import type { Wanted } from './wire.js'

/** Fetches a file of the channel. Rejects with an error that says why it cannot. */
export type FetchFile = (file: Pick<Wanted, 'file' | 'size'>) => Promise<Uint8Array>

/**
 * Replaces the bundle on offer (`rules.bundle`), which the gateway then accepts or rejects as if somebody had
 * copied it there. A bundle without the required signatures never gets that far.
 */
export class BundleOffer {
  constructor(
    private readonly source: BundleSource,
    private readonly clock: Clock
  ) {}

  /**
   * Offers the wanted bundle, unless it is on offer or was accepted.
   *
   * @returns whether the file was replaced
   * @throws InterdictError FLEET_OLDER, FLEET_BUNDLE, FLEET_WRITE, and as `decodeBundle` and `checkValidity`
   */
  async offer(wanted: Wanted, fetch: FetchFile): Promise<boolean> {
    const { path, trust, storeFolder } = this.source
    const { serial, sha256 } = wanted
    const trusted = await readTrustedKeys(trust)
    const accepted = new AcceptedBundles(storeFolder).read()
    const { last, newest, created } = lastSerial(accepted, trusted.root)
    if (serial < last) throw failure('FLEET_OLDER', serial, last)
    if (await this.isOnOffer(sha256)) return false
    const octets = await fetch(wanted).catch((error: unknown) => {
      throw failure('FLEET_BUNDLE', serial, reasonOf(error))
    })
    if (hashOf(octets) !== sha256)
      throw failure('FLEET_BUNDLE', serial, 'the file has another SHA-256 than the channel says')
    const name = `${serial} of the fleet`
    const { manifest } = await decodeBundle(octets, name, trusted)
    if (manifest.serial !== serial)
      throw failure('FLEET_BUNDLE', serial, `the file is bundle ${manifest.serial}`)
    // Accepted before: another signature may have been added, so it is offered again.
    if (serial !== newest?.serial) {
      const now = epochSeconds(this.clock)
      if (trusted.root !== undefined) checkCurrent(trusted.root, now)
      checkValidity(manifest, name, Math.max(now, created))
    }
    try {
      writeFileAtomic(path, octets, { folderMode: 0o755 })
    } catch (error) {
      throw failure('FLEET_WRITE', path, reasonOf(error))
    }
    return true
  }

  private async isOnOffer(sha256: string): Promise<boolean> {
    const octets = await readBoundedFile(this.source.path, MAX_FILE).catch(() => undefined)
    return octets !== undefined && hashOf(octets) === sha256
  }
}

const hashOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')
