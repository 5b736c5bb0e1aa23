import { InterdictError, type ErrorCode } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { problem, STATUS_OF, type Problem, type ProblemIssue } from './problem.js'

/** A limit: the client may retry after some time. */
export class RetryLater extends Error {
  constructor(
    readonly reason: InterdictError,
    readonly wait: Milliseconds
  ) {
    super(reason.message)
  }
}

/** Some values of a request are invalid. */
export class InvalidInput extends Error {
  constructor(readonly issues: readonly ProblemIssue[]) {
    super('invalid input')
  }
}

/** A problem, with the headers that belong to it. */
export interface FoundProblem {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>
  /** Whether it is a bug in Interdict, whose details the client does not see. */
  readonly isFault: boolean
}

/** Status codes of what fastify itself refuses, and of what it throws for a body. */
const FRAMEWORK: Readonly<Record<number, ErrorCode>> = {
  400: 'API_REQUEST',
  408: 'API_SLOW',
  413: 'API_TOO_LARGE',
  414: 'API_TOO_LARGE',
  415: 'API_MEDIA_TYPE'
}

/** @param own status codes of the route, by error code */
export function problemOf(
  error: unknown,
  own: Readonly<Partial<Record<string, number>>> = {}
): FoundProblem {
  if (error instanceof RetryLater) {
    const { reason, wait } = error
    const headers = { 'retry-after': String(Math.ceil(wait / MS_PER_SECOND)) }
    return { ...problemOf(reason, own), headers }
  }
  if (error instanceof InvalidInput) {
    const { issues } = error
    const [first] = issues
    const detail = `${first!.path}: ${first!.problem}`
    return found(problem(400, 'API_REQUEST', detail, issues))
  }
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    const status = own[code] ?? STATUS_OF[code] ?? 422
    return found(problem(status, code, message), challenge(code, message))
  }
  const { statusCode = 500, message } = error as { statusCode?: number; message: string }
  const code = FRAMEWORK[statusCode]
  if (code !== undefined) return found(problem(statusCode, code, message))
  const detail = 'internal error; details are in the service log'
  return { ...found(problem(500, 'FAULT', detail)), isFault: true }
}

function found(problem: Problem, headers: FoundProblem['headers'] = {}): FoundProblem {
  return { problem, headers, isFault: false }
}

/** The WWW-Authenticate header for a client without a sufficient token. RFC 6750 §3. */
function challenge(code: ErrorCode, message: string): Readonly<Record<string, string>> {
  const realm = 'Bearer realm="interdict"'
  if (code === 'API_LOGIN') return { 'www-authenticate': realm }
  const description = `error_description="${message}"`
  if (code === 'API_TOKEN' || code === 'API_EXPIRED')
    return { 'www-authenticate': `${realm}, error="invalid_token", ${description}` }
  if (code === 'API_SCOPE')
    return { 'www-authenticate': `${realm}, error="insufficient_scope", ${description}` }
  return {}
}
