import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { MS_PER_SECOND } from '../../base/units.js'
import { download, type DownloadOptions } from './download.js'
import type { MispState } from './list-copies.js'
import { indicatorOf, MISP_TYPES, type MispAttribute } from './misp-attribute.js'

/** Attributes in a response. */
const PAGE_SIZE = 10_000
/** A server that repeats itself would never end. */
const MAX_PAGES = 1000
/** So often everything is requested: MISP does not tell of what was deleted, or has decayed. */
const FULL_INTERVAL: Milliseconds = 86_400_000
/** What was published in the seconds of the last request may not have been in it. */
const OVERLAP: Milliseconds = 60_000

const HEAD = '{"event":"'
const [LF, QUOTE] = [0x0a, 0x22]

/** The copy that is present. */
export interface KnownIndicators extends MispState {
  readonly octets: Uint8Array
}

/**
 * Fetches indicators from MISP as a feed: lines by event. A change in MISP unpublishes the event until it is published
 * again; so what has changed are the events that were published since, each as a whole.
 *
 * @throws InterdictError REMOTE_MISP, and what `download` throws
 */
export async function fetchIndicators(
  url: string,
  options: DownloadOptions,
  known: KnownIndicators | undefined
): Promise<{ readonly octets: Uint8Array; readonly misp: MispState }> {
  const pages = new MispPages(url, options)
  if (known !== undefined) {
    const age = Date.parse(known.since) - Date.parse(known.full)
    if (age >= 0 && age < FULL_INTERVAL) {
      const since = Math.floor((Date.parse(known.since) - OVERLAP) / MS_PER_SECOND)
      // Attributes that do not count any more tell that their event has changed.
      await pages.fetch({ publish_timestamp: since, deleted: [0, 1] })
      const kept = withoutEvents(known.octets, pages.events)
      const octets = joined([...kept, ...pages.lines], url, options.maxSize)
      return { octets, misp: { since: pages.began, full: known.full } }
    }
  }
  await pages.fetch({ to_ids: 1 })
  const octets = joined(pages.lines, url, options.maxSize)
  return { octets, misp: { since: pages.began, full: pages.began } }
}

/** Requests page after page, and collects indicators. */
class MispPages {
  readonly lines: Uint8Array[] = []
  /** Ids of all events of which attributes were received. */
  readonly events = new Set<string>()
  /** When MISP received the first request, by its clock if it says so. */
  began = new Date().toISOString()

  constructor(
    private readonly url: string,
    private readonly options: DownloadOptions
  ) {}

  async fetch(filter: object): Promise<void> {
    for (let page = 1; page <= MAX_PAGES; page++) if (!(await this.fetchPage(filter, page))) return
    throw failure('REMOTE_MISP', this.url, `more than ${MAX_PAGES} pages`)
  }

  /** @returns whether there may be more */
  private async fetchPage(filter: object, page: number): Promise<boolean> {
    const request = {
      ...{ returnFormat: 'json', type: MISP_TYPES, published: 1 },
      ...{ enforceWarninglist: 1, excludeDecayed: 1, includeEventTags: 1 },
      ...{ order: 'Attribute.id asc', page, limit: PAGE_SIZE },
      ...filter
    }
    const body = Buffer.from(JSON.stringify(request))
    const got = await download(this.url, { ...this.options, body })
    if (got.kind === 'unchanged') throw failure('REMOTE_MISP', this.url, 'status 304')
    const { date, 'x-skipped-elements-count': skipped = '0' } = got.headers
    if (page === 1 && date !== undefined && !Number.isNaN(Date.parse(date)))
      this.began = new Date(date).toISOString()
    const attributes = this.read(got.octets)
    this.add(attributes)
    // Attributes on warning lists are left out of a page after it was cut.
    return attributes.length + Number(skipped) > 0
  }

  private read(octets: Uint8Array): readonly MispAttribute[] {
    let value: unknown
    try {
      value = JSON.parse(Buffer.from(octets).toString())
    } catch (error) {
      throw failure('REMOTE_MISP', this.url, reasonOf(error))
    }
    const { response } = (value ?? {}) as { response?: { Attribute?: unknown } }
    const attributes = response?.Attribute
    if (!Array.isArray(attributes) || !attributes.every(isAttribute))
      throw failure('REMOTE_MISP', this.url, 'expected response.Attribute, a list of attributes')
    return attributes
  }

  private add(attributes: readonly MispAttribute[]): void {
    const text = attributes.flatMap(attribute => {
      const { event_id: event } = attribute
      this.events.add(event)
      const indicator = indicatorOf(attribute)
      return indicator === undefined ? [] : `${JSON.stringify({ event, ...indicator })}\n`
    })
    this.lines.push(Buffer.from(text.join('')))
  }
}

function isAttribute(value: unknown): value is MispAttribute {
  if (typeof value !== 'object' || value === null) return false
  const { event_id, type, value: text, timestamp } = value as Record<string, unknown>
  return [event_id, type, text, timestamp].every(one => typeof one === 'string')
}

/** The lines of a copy whose events are not among these, in pieces. */
function withoutEvents(octets: Uint8Array, events: ReadonlySet<string>): readonly Uint8Array[] {
  if (events.size === 0) return [octets]
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length)
  const kept: Uint8Array[] = []
  let from: Octets = 0
  for (let at: Octets = 0; at < text.length;) {
    const end = text.indexOf(LF, at) + 1
    const event = text.toString('latin1', at + HEAD.length, text.indexOf(QUOTE, at + HEAD.length))
    if (events.has(event)) {
      if (at > from) kept.push(text.subarray(from, at))
      from = end
    }
    at = end
  }
  return [...kept, text.subarray(from)]
}

function joined(pieces: readonly Uint8Array[], url: string, maxSize: Octets): Uint8Array {
  const octets = Buffer.concat(pieces)
  if (octets.length > maxSize) throw failure('REMOTE_LARGE', url, maxSize)
  return octets
}
