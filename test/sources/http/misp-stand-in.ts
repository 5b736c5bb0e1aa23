import type { RequestListener } from 'node:http'
import type { MispAttribute } from '../../../src/sources/http/misp-attribute.js'

/** An attribute in the stand-in, with what MISP knows of its event. */
export interface StoredAttribute extends MispAttribute {
  /** Seconds since 1970; undefined: the event is not published. */
  readonly published?: number | undefined
  /** Whether it is on a warning list. */
  readonly isWarned?: boolean
}

/** Filters of `/attributes/restSearch` that are used here. */
interface Search {
  readonly returnFormat?: string
  readonly type?: readonly string[]
  readonly to_ids?: number
  readonly published?: number
  readonly publish_timestamp?: number
  readonly deleted?: number | readonly number[]
  readonly enforceWarninglist?: number
  readonly includeEventTags?: number
  readonly page?: number
  readonly limit?: number
}

/**
 * `POST /attributes/restSearch` as MISP 2.4 answers it, by its OpenAPI description and its source: the key is in the header
 * Authorization; pages are cut before attributes on warning lists are left out; deleted attributes are for keys with
 * permission to synchronize only.
 */
export class MispStandIn {
  attributes: StoredAttribute[] = []
  readonly searches: Search[] = []
  /** Its clock. */
  now = Date.UTC(2026, 11, 1, 12)
  canSync = false

  constructor(private readonly key: string) {}

  readonly listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    const send = (status: number, value: object, headers = {}): void => {
      const date = new Date(this.now).toUTCString()
      response.writeHead(status, { 'content-type': 'application/json', date, ...headers })
      response.end(JSON.stringify(value))
    }
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { authorization, accept } = request.headers
      const [, name, message] = ['', 'Authentication failed.', 'Authentication failed.']
      if (authorization !== this.key)
        return send(403, { name, message, url: '/attributes/restSearch' })
      if (request.method !== 'POST' || accept !== 'application/json')
        return send(405, { name: 'Method Not Allowed', message: 'Method Not Allowed', url: '' })
      const search = JSON.parse(Buffer.concat(chunks).toString()) as Search
      this.searches.push(search)
      const { page, skipped, count } = this.search(search)
      send(
        200,
        { response: { Attribute: page } },
        {
          'x-result-count': count,
          'x-export-module-used': 'json',
          'x-response-format': 'json',
          'x-skipped-elements-count': skipped
        }
      )
    })
  }

  private search(search: Search) {
    const {
      page = 1,
      limit = 1_000_000,
      type,
      to_ids: toIds,
      publish_timestamp: since = 0
    } = search
    const found = this.attributes.filter(
      one =>
        (type === undefined || type.includes(one.type)) &&
        (toIds === undefined || one.to_ids === (toIds === 1)) &&
        (search.published !== 1 || (one.published ?? -1) >= since) &&
        (!one.deleted || (this.canSync && search.deleted !== undefined))
    )
    const cut = found.slice((page - 1) * limit, page * limit)
    const kept = cut.filter(one => search.enforceWarninglist !== 1 || one.isWarned !== true)
    const shown = kept.map(one => {
      const { Tag: tags } = one
      const shown = { ...one, published: undefined, isWarned: undefined }
      return { ...shown, Tag: search.includeEventTags === 1 ? tags : undefined }
    })
    return { page: shown, skipped: cut.length - kept.length, count: found.length }
  }
}
