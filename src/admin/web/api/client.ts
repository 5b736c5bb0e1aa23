import { EventParser, type ServerEvent } from './events.js'
import { followJob, type ShownJob } from './follow-job.js'
import type { Job } from './types/job-responses.js'

/** Parameters of a query; those that are undefined or empty are left out. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** An error of the API, or that it cannot be reached. */
export class ApiError extends Error {
  /**
   * @param status 0: no response
   * @param code of the problem, as in docs/reference/errors.md; `OFFLINE`: the gateway does not respond; `CANCELLED`: by a button
   */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterSeconds = 0
  ) {
    super(message)
  }
}

export interface ApiClientOptions {
  readonly fetch: typeof fetch
  /** Undefined: the browser sends the cookie of the session, if there is one. */
  readonly token: () => string | undefined
  /** The token or session is not valid any more, or there is none. */
  readonly onUnauthorized: () => void
  readonly onReachable: (isReachable: boolean) => void
  /** Shows a request that has become a job; undefined: it has ended. */
  readonly onJob?: (id: string, shown: ShownJob | undefined) => void
  /** Waits, so that tests need not. */
  readonly wait?: (seconds: number) => Promise<void>
}

export interface Upload {
  readonly type: string
  readonly body: string | Blob
}

const PREFIX = '/api/v1'
/** Many other questions to the log are waiting: retry, waiting at least a second each time. */
const BUSY_TRIES = 60
/** How many responses are kept: a page polls fewer paths. */
const MAX_KEPT = 20
/** What takes longer than two seconds becomes a job. RFC 7240 */
const PREFER = { Prefer: 'respond-async, wait=2' }
/** Proof that a page of the gateway sends the request: see docs/reference/http-api.md. */
const OWN_PAGE = { 'X-Interdict-Request': '1' }

export const queryOf = (query: Query): string => {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const values: readonly (string | number | undefined)[] =
      typeof value === 'object' ? value : [value]
    return values
      .filter(one => one !== undefined && one !== '')
      .map((one): [string, string] => [name, String(one)])
  })
  const text = new URLSearchParams(pairs).toString()
  return text === '' ? '' : `?${text}`
}

type Sent = [
  method: string,
  path: string,
  body?: object | Upload,
  signal?: AbortSignal,
  etag?: string,
  prefer?: Readonly<Record<string, string>>
]

interface Kept {
  readonly etag: string
  readonly data: unknown
}

/**
 * The HTTP API of the gateway that serves this page. What a poll returned is kept in memory, with its entity tag, so
 * that the next one transfers it only if it has changed. The browser stores nothing: responses are `no-store`.
 */
export class ApiClient {
  /** By path, the least recently used first. */
  private readonly kept = new Map<string, Kept>()

  constructor(private readonly options: ApiClientOptions) {}

  /** @throws ApiError */
  async get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    return (await this.read(path + queryOf(query), signal)) as T
  }

  private async read(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    const kept = this.kept.get(path)
    const response = await this.request('GET', path, undefined, signal, kept?.etag)
    const data = response.status === 304 ? kept!.data : await this.resultOf(response, signal)
    const etag = response.headers.get('etag')
    this.kept.delete(path)
    if (etag !== null) this.kept.set(path, { etag, data })
    if (this.kept.size > MAX_KEPT) this.kept.delete(this.kept.keys().next().value!)
    return data
  }

  /** A page or another text. @throws ApiError */
  async text(path: string): Promise<string> {
    return (await this.request('GET', path)).text()
  }

  /** Changes something. @returns undefined: the response has no body */
  async send<T>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object | Upload,
    signal?: AbortSignal
  ): Promise<T | undefined> {
    const response = await this.request(method, path, body, signal)
    return (await this.resultOf(response, signal)) as T | undefined
  }

  private async resultOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
    if (response.status === 204) return undefined
    const body: unknown = await response.json()
    return response.status === 202 ? this.resultOfJob(body as Job, signal) : body
  }

  /** @throws ApiError */
  private async resultOfJob(first: Job, signal: AbortSignal | undefined): Promise<unknown> {
    const { onJob = () => undefined, wait = defaultWait } = this.options
    const read = async (id: string): Promise<Job> =>
      (await (await this.request('GET', `/jobs/${id}`, undefined, signal)).json()) as Job
    const remove = async (id: string): Promise<void> => {
      await this.request('DELETE', `/jobs/${id}`)
    }
    const job = await followJob(first, { read, remove, show: onJob, wait }, signal)
    if (job.state === 'done') return job.result
    const { status, code, detail } = job.problem!
    throw new ApiError(status, job.state === 'cancelled' ? 'CANCELLED' : code, detail)
  }

  /** A file that is sent while it is made, however long that takes. */
  async file(path: string, query: Query): Promise<Blob> {
    const url = path + queryOf(query)
    return (await this.request('GET', url, undefined, undefined, undefined, {})).blob()
  }

  /** A file. */
  async download(path: string, body: Upload): Promise<Blob> {
    return (await this.request('POST', path, body)).blob()
  }

  /**
   * Reads server-sent events until the stream ends. It is read by fetch: an EventSource cannot send a token.
   *
   * @throws ApiError
   */
  async stream(
    path: string,
    query: Query,
    onEvent: (event: ServerEvent) => void,
    signal: AbortSignal
  ): Promise<void> {
    const response = await this.request('GET', path + queryOf(query), undefined, signal)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const parser = new EventParser()
    const decoder = new TextDecoder()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        for (const event of parser.push(decoder.decode(value, { stream: true }))) onEvent(event)
      }
    } catch (error) {
      if (signal.aborted) return
      this.options.onReachable(false)
      throw new ApiError(0, 'OFFLINE', String(error))
    }
  }

  /** One that the gateway is too busy for is sent again: nothing was done. @throws ApiError */
  private async request(...[method, path, body, signal, etag, prefer]: Sent): Promise<Response> {
    const { wait = defaultWait } = this.options
    for (let left = BUSY_TRIES; ; left--) {
      try {
        return await this.once(method, path, body, signal, etag, prefer)
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'API_BUSY' || left === 0) throw error
        await wait(error.retryAfterSeconds || 1)
        if (signal?.aborted === true) throw error
      }
    }
  }

  private async once(
    ...[method, path, body, signal, etag, prefer = PREFER]: Sent
  ): Promise<Response> {
    const { fetch, token, onUnauthorized, onReachable } = this.options
    const given = token()
    const upload = body !== undefined && 'type' in body && 'body' in body ? body : undefined
    const headers = {
      ...prefer,
      ...(given !== undefined && { Authorization: `Bearer ${given}` }),
      ...(method !== 'GET' && OWN_PAGE),
      ...(etag !== undefined && { 'If-None-Match': etag }),
      ...(body !== undefined && { 'Content-Type': upload?.type ?? 'application/json' })
    }
    const init: RequestInit = {
      ...{ method, headers, credentials: 'same-origin', redirect: 'error' },
      ...(body !== undefined && { body: upload?.body ?? JSON.stringify(body) }),
      ...(signal !== undefined && { signal })
    }
    let response: Response
    try {
      response = await fetch(PREFIX + path, init)
    } catch (error) {
      if (signal?.aborted !== true) onReachable(false)
      throw new ApiError(0, signal?.aborted === true ? 'ABORTED' : 'OFFLINE', String(error))
    }
    onReachable(true)
    if (response.ok || (response.status === 304 && etag !== undefined)) return response
    const error = await errorOf(response)
    if (response.status === 401) {
      this.kept.clear()
      onUnauthorized()
    }
    throw error
  }
}

/** What a problem says; a proxy may answer something else. RFC 9457 */
async function errorOf(response: Response): Promise<ApiError> {
  const { status, headers } = response
  const retry = Number(headers.get('retry-after') ?? 0)
  try {
    const { code, detail } = (await response.json()) as { code?: string; detail?: string }
    return new ApiError(status, code ?? 'FAULT', detail ?? `status ${status}`, retry)
  } catch {
    return new ApiError(status, 'FAULT', `status ${status}`, retry)
  }
}

const defaultWait = (seconds: number): Promise<void> =>
  new Promise(done => setTimeout(done, seconds * 1000))
