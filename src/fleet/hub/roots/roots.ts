import { sha256Of } from '../../../base/bytes/sha256.js'
import { failure } from '../../../base/errors/error.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import type { Clock } from '../../../base/time/clock.js'
import { epochSeconds } from '../../../base/time/clock.js'
import { decodeHeader } from '../../../sources/bundle/manifest.js'
import type { TrustedKeys } from '../../../sources/bundle/signatures.js'
import { readTrustedKeys } from '../../../sources/bundle/read-trust.js'
import {
  checkCurrent,
  checkOwnThreshold,
  countSigners,
  followRoots
} from '../../../sources/root/accept-root.js'
import { decodeRoots, encodeRoot, newestRoot, type SignedRoot } from '../../../sources/root/root.js'
import type { WantedRoot } from '../../channel/wire.js'
import type { HubConfig } from '../hub-config.js'
import type { HubState, PublishedBundle, StateStore } from '../hub-state.js'

const NAME = 'of the hub'

export interface RootsOptions {
  readonly config: Pick<HubConfig, 'trust'>
  readonly store: StateStore
  readonly log: ServiceLog
  readonly clock: Clock
  /** Sends to the gateways what is in the state. */
  readonly deliver: () => Promise<boolean>
}

/** Roots of trust of the fleet. The hub passes them on and has no key for them: gateways verify each by the one before. */
export class Roots {
  private known: { readonly text: string; readonly newest: SignedRoot | undefined } | undefined

  constructor(private readonly options: RootsOptions) {}

  /** Undefined: none was published. */
  get newest(): SignedRoot | undefined {
    const text = this.options.store.state.roots
    if (this.known?.text !== text)
      this.known = {
        text,
        newest: text === '' ? undefined : newestRoot(Buffer.from(text), NAME)
      }
    return this.known.newest
  }

  /** Keys for bundles of all earlier roots. */
  get earlierKeys(): readonly string[] {
    const text = this.options.store.state.roots
    const all = text === '' ? [] : decodeRoots(Buffer.from(text), NAME)
    return all.slice(0, -1).flatMap(({ root }) => root.roles.bundle.keys)
  }

  /** What bundles must be signed with: by the newest root, or without one by the settings. */
  async trust(): Promise<TrustedKeys> {
    const { newest, options } = this
    if (newest === undefined) return readTrustedKeys(options.config.trust)
    const { roles, ...root } = newest.root
    return { keys: roles.bundle.keys, signatures: roles.bundle.threshold, root }
  }

  /**
   * Publishes a root, to all gateways at once: what is in force is not changed by it.
   *
   * @param file with the root, or with several versions, oldest first
   * @param now although bundles in force are not signed by its keys
   * @throws InterdictError HUB_ROOT, HUB_STATE, ROOT_EXPIRED, and as `decodeRoots` and `checkNext`
   */
  async publish(
    file: Uint8Array,
    by: string,
    now: boolean
  ): Promise<{ readonly version: number; readonly delivered: boolean }> {
    const { store, clock, log } = this.options
    const chain = this.chainWith(decodeRoots(file, 'file'))
    const { root } = chain.at(-1)!
    checkCurrent(root, epochSeconds(clock))
    if (!now) await this.checkBundles(root.roles.bundle)
    const what = `root of trust ${root.version} published${now ? ' at once (--now)' : ''}`
    store.update({ roots: chain.map(encodeRoot).join(''), events: store.event(by, what) })
    log.info({ version: root.version, by, now }, what)
    return { version: root.version, delivered: await this.options.deliver() }
  }

  private chainWith(given: readonly SignedRoot[]): readonly SignedRoot[] {
    const text = this.options.store.state.roots
    const known = text === '' ? given.slice(0, 1) : decodeRoots(Buffer.from(text), NAME)
    if (text === '') checkOwnThreshold(known[0]!, 'file')
    const trusted = known.at(-1)!
    const { newest, error } = followRoots(trusted, given, 'file')
    if (error !== undefined) throw error
    if (newest === undefined && text !== '') {
      const { version } = trusted.root
      throw failure('HUB_ROOT', `its version is not newer than ${version}, which was published`)
    }
    return [...known, ...given.filter(one => one.root.version > trusted.root.version)]
  }

  /** Gateways fall back to an earlier bundle if the one in force is not signed by keys of their root. */
  private async checkBundles(role: SignedRoot['root']['roles']['bundle']): Promise<void> {
    const { store } = this.options
    const { rings, bundles } = store.state
    for (const [ring, { serial }] of Object.entries(rings)) {
      const bundle = bundles.find(one => one.serial === serial)
      if (bundle === undefined) continue
      const { signatures } = decodeHeader(await store.load(bundle), 'the bundle')
      const found = countSigners(
        signatures.map(({ key }) => key),
        role
      )
      if (found < role.threshold)
        throw failure(
          'HUB_ROOT',
          `bundle ${serial} of ring ${ring} has ${found} of the ${role.threshold} signatures that it requires; sign and publish that bundle again first, or use --now if a key was stolen`
        )
    }
  }
}

/** The file of all roots, for the channel; undefined: there is none. */
export function rootFile(state: Pick<HubState, 'roots'>): WantedRoot | undefined {
  const octets = Buffer.from(state.roots)
  if (octets.length === 0) return undefined
  const sha256 = sha256Of(octets)
  const { version } = newestRoot(octets, NAME).root
  return { version, sha256, size: octets.length, file: `${version}-${sha256.slice(0, 16)}.root` }
}

/**
 * The highest serial that was published, of those that count: a root of trust may have reset them since.
 *
 * @param root undefined: there is none
 */
export function newestSerial(
  bundles: readonly Pick<PublishedBundle, 'serial' | 'root'>[],
  root: TrustedKeys['root']
): number {
  const { since, from } = root?.serials ?? { since: 0, from: 1 }
  const counted = bundles.filter(one => one.root >= since).map(({ serial }) => serial)
  return Math.max(from - 1, ...counted)
}

/** True if a bundle was published under a later reset of serials, or has a higher serial. */
export function isLater(
  bundle: Pick<PublishedBundle, 'serial' | 'root'>,
  other: Pick<PublishedBundle, 'serial' | 'root'> | undefined,
  root: TrustedKeys['root']
): boolean {
  if (other === undefined) return true
  const since = root?.serials.since ?? 0
  const [own, its] = [bundle, other].map(one => one.root >= since)
  return own === its ? bundle.serial > other.serial : own === true
}
