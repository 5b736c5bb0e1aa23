import { STATUS_CODES } from 'node:http'
import type { ErrorCode } from '../../base/errors/error.js'

export const PROBLEM_TYPE = 'application/problem+json'

/** What is wrong with one value of a request. */
export interface ProblemIssue {
  /** `body.name`, `query.limit` */
  readonly path: string
  readonly problem: string
}

/** The body of every error response. RFC 9457, with our members `code` and `errors`. */
export interface Problem {
  /** The codes are in docs/reference/errors.md. */
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors?: readonly ProblemIssue[]
}

/** Status codes of our own errors. Others are 422, unless the route says otherwise. */
export const STATUS_OF: Readonly<Partial<Record<ErrorCode, number>>> = {
  API_REQUEST: 400,
  API_LOGIN: 401,
  API_TOKEN: 401,
  API_EXPIRED: 401,
  API_SCOPE: 403,
  API_CSRF: 403,
  API_NOT_FOUND: 404,
  API_METHOD: 405,
  API_SLOW: 408,
  API_TOO_LARGE: 413,
  API_MEDIA_TYPE: 415,
  API_RATE: 429,
  API_LOCKED: 429,
  API_BUSY: 503,
  API_COMMAND: 500,
  API_COMMAND_TIME: 503,
  API_CONTROL_SILENT: 504
}

/** An error without a code of the catalogue has code FAULT, and its details are in the service log only. */
export function problem(
  status: number,
  code: string,
  detail: string,
  errors: readonly ProblemIssue[] = []
): Problem {
  const title = STATUS_CODES[status] ?? 'Error'
  const all = { type: 'about:blank', title, status, code, detail } as const
  return errors.length === 0 ? all : { ...all, errors }
}
