import { setTimeout as sleep } from 'node:timers/promises'
import type { LookupFunction } from 'node:net'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { FleetPullConfig } from '../../gateway/config/fleet-config.js'
import { download, type Validators } from '../../sources/http/download.js'
import { channelFileSchema, readMessage, type Wanted } from './wire.js'
import type { FetchFile } from './bundle-offer.js'

const MAX_CHANNEL: Octets = 1024 * 1024
const CHANNEL_TIMEOUT: Milliseconds = 30_000
const BUNDLE_TIMEOUT: Milliseconds = 600_000
/** Random part of the interval, so that gateways do not all ask at once. */
const JITTER = 0.2

export interface PullEvents {
  wanted(wanted: Wanted, fetch: FetchFile): void
  contact(): void
  dropped(error: InterdictError): void
  failed(error: InterdictError): void
}

/** Asks a web server for `channel.json` at intervals, with the ETag of the last one. */
export class PullChannel {
  private known: Validators = {}
  private wanted: Wanted | undefined
  private readonly closing = new AbortController()

  constructor(
    private readonly pull: FleetPullConfig,
    private readonly ring: string,
    private readonly lookup: LookupFunction,
    private readonly events: PullEvents
  ) {}

  /** @param isNeeded false while NATS is connected */
  async run(isNeeded: () => boolean): Promise<void> {
    const { signal } = this.closing
    while (!signal.aborted) {
      if (isNeeded()) await this.poll()
      const delay = this.pull.interval * (1 - JITTER + JITTER * Math.random())
      await sleep(delay, undefined, { signal }).catch(() => undefined)
    }
  }

  close(): void {
    this.closing.abort()
  }

  private async poll(): Promise<void> {
    const { url } = this.pull
    const { events, ring } = this
    try {
      const { known } = this
      const options = { ...(await this.options(CHANNEL_TIMEOUT)), maxSize: MAX_CHANNEL, known }
      const file = await download(url, options)
      if (file.kind === 'file') {
        const channel = readMessage(file.octets, channelFileSchema, MAX_CHANNEL)
        if (channel === undefined) throw failure('FLEET_MESSAGE', url)
        this.known = file.validators
        this.wanted = channel.rings[ring]
        if (this.wanted === undefined) {
          throw failure('FLEET_PULL', url, `it has no ring ${ring}`)
        }
      }
      events.contact()
      if (this.wanted !== undefined) events.wanted(this.wanted, one => this.fetch(one))
    } catch (error) {
      const known =
        error instanceof InterdictError
          ? (error as InterdictError)
          : failure('FLEET_PULL', url, reasonOf(error, url))
      if (known.code === 'FLEET_MESSAGE') events.dropped(known)
      else events.failed(known)
    }
  }

  /** Rejects with an error that says why it cannot. */
  private async fetch({ file, size }: Pick<Wanted, 'file' | 'size'>): Promise<Uint8Array> {
    const url = new URL(file, this.pull.url).href
    try {
      const options = { ...(await this.options(BUNDLE_TIMEOUT)), maxSize: size }
      const bundle = await download(url, options)
      // Without validators, the server cannot say that it is unchanged.
      return bundle.kind === 'file' ? bundle.octets : new Uint8Array()
    } catch (error) {
      throw new Error(reasonOf(error, url), { cause: error })
    }
  }

  private async options(timeout: Milliseconds) {
    const { caFile, proxy } = this.pull
    const ca =
      caFile === undefined ? undefined : (await readBoundedFile(caFile, MAX_SECRET_FILE)).toString()
    return { lookup: this.lookup, ca, proxy, timeout }
  }
}
