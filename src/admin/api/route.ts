import type { IncomingMessage, ServerResponse } from 'node:http'
import type * as z from 'zod'
import type { ErrorCode } from '../../base/errors/error.js'
import type { TakeOutput } from '../../gateway/processes/commands.js'
import type { RequestName, RequestOf, ResultOf } from '../../gateway/processes/requests.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Principal } from '../tokens/authenticator.js'
import type { Scope } from '../tokens/scopes.js'
import type { ApiServices } from './api-services.js'
import type { Jobs } from './jobs.js'

export type { Scope } from '../tokens/scopes.js'

/** What a handler gets besides the input. */
export interface RouteContext {
  readonly services: ApiServices
  readonly jobs: Jobs
  /** Undefined only if the route's scope is null, and nobody has logged in. */
  readonly principal: Principal | undefined
  /** Aborted when nobody waits for the result any more: the client has disconnected, or the job is cancelled. */
  readonly signal: AbortSignal
  /** `services.command`, for this request. */
  readonly command: <Name extends RequestName>(
    name: Name,
    request: RequestOf<Name>
  ) => Promise<ResultOf<Name>>
  /** True for a request that goes on without its client: its result is kept. */
  readonly isJob: boolean
  /** `services.exported`, for this request. */
  readonly exported: (
    request: RequestOf<'export'>
  ) => (take: TakeOutput) => Promise<ResultOf<'export'>>
  /** `services.report`, for this request. */
  readonly report: (request: RequestOf<'report'>) => Promise<ResultOf<'report'>>
  readonly request: IncomingMessage
  /** For headers, and for routes that send their response themselves. */
  readonly response: ServerResponse
}

/** A file as the body of a request. */
export interface Upload {
  /** Accepted media types. The first is the one to document. */
  readonly types: readonly string[]
  readonly maxSize: Octets
}

type Fields = z.ZodObject
type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/** One operation of the API: everything that serves, checks, documents and tests it. */
export interface RouteOptions<
  P extends Fields | undefined,
  Q extends Fields | undefined,
  B extends z.ZodType | undefined
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api/v1`, with parameters in braces: `/networks/{id}`. */
  readonly path: `/${string}`
  /** The operationId of OpenAPI. */
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Null: without authentication; `any`: whatever scopes the client has. */
  readonly scope: Scope | 'any' | null
  readonly params?: P
  readonly query?: Q
  /** Of a JSON body. */
  readonly body?: B
  /** The body is a file instead, which the handler gets as a Buffer. */
  readonly upload?: Upload
  /** The JSON of a successful response; undefined: none, or `produces` says what. */
  readonly response?: z.ZodType
  /** Default: 200, or 204 without `response`. */
  readonly status?: number
  /** Media types, if not JSON: the handler writes the response to `context.response` itself, unless it is for a job. */
  readonly produces?: string | readonly string[]
  /** Whether it may take long, so that clients may want a job instead; `always`: what is not done in time becomes one. */
  readonly job?: true | 'always'
  /** Status codes of errors that only this route has, by our code. */
  readonly errors?: Readonly<Partial<Record<ErrorCode, number>>>
  /**
   * Set if the response has personal data: each read is recorded, with the number of rows that this function finds in
   * the return value of the handler; null: not known.
   */
  readonly rowsRead?: (result: unknown) => number | null
  /** False: it changes nothing that others see, so the audit trail of changes leaves it out, whatever its method. */
  readonly isChange?: false
  /** Programs call it many times a minute: only refusals are recorded, each once an hour. */
  readonly isFrequent?: true
  /** Returns the response. */
  handler(
    input: {
      readonly params: Parsed<P>
      readonly query: Parsed<Q>
      readonly body: B extends z.ZodType ? z.output<B> : Buffer | undefined
    },
    context: RouteContext
  ): Promise<unknown>
}

/** A route whose input type has been erased. */
export type Route = RouteOptions<Fields | undefined, Fields | undefined, z.ZodType | undefined>

/** Checks a handler against the schemas of its input. */
export function defineRoute<
  P extends Fields | undefined = undefined,
  Q extends Fields | undefined = undefined,
  B extends z.ZodType | undefined = undefined
>(route: RouteOptions<P, Q, B>): Route {
  return route
}

/** The largest JSON body. */
export const MAX_JSON: Octets = 64 * 1024
/** How long handlers wait for the control thread, unless they say otherwise. */
export const CONTROL_TIMEOUT: Milliseconds = 5_000
