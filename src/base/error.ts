import { LISTS } from './messages/lists.js'
import { OPERATION } from './messages/operation.js'
import { RECORDS } from './messages/records.js'
import { RULES } from './messages/rules.js'
import { TRAFFIC } from './messages/traffic.js'
import { showPosition, type Position } from './position.js'

/**
 * Every failure that we raise on purpose, by its stable code, grouped by the room that raises it; no
 * code is in two groups.
 *
 * A code is public: operators grep logs for it and `docs/reference/errors.md` explains it. Never reword one
 * and never reuse a retired one; add a new one instead. The message may be improved freely, so no
 * test and no caller matches on it.
 */
const MESSAGES = { ...TRAFFIC, ...RULES, ...LISTS, ...RECORDS, ...OPERATION } as const

export type ErrorCode = keyof typeof MESSAGES
/** What the message of a code needs to know. */
export type ErrorDetail<C extends ErrorCode> = Parameters<(typeof MESSAGES)[C]>
export const ERROR_CODES = Object.keys(MESSAGES) as readonly ErrorCode[]

/** A failure with a code. Branch on `code`; show `message`; log both. */
export class InterdictError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'InterdictError'
  /** Where in a rule or settings file it is, if it is about one. */
  readonly position: Position | undefined

  constructor(
    readonly code: C,
    message: string,
    options: { cause?: unknown; position?: Position } = {}
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.position = options.position
  }
}

/** Builds the error for `code`; the arguments are those its message needs. */
export function failure<C extends ErrorCode>(
  code: C,
  ...detail: Parameters<(typeof MESSAGES)[C]>
): InterdictError<C> {
  return new InterdictError(code, messageOf(code, detail))
}

/** As `failure`, for an error in a file that an operator edits: message is `file:line:column: …`. */
export function failureAt<C extends ErrorCode>(
  position: Position,
  code: C,
  ...detail: Parameters<(typeof MESSAGES)[C]>
): InterdictError<C> {
  return new InterdictError(code, `${showPosition(position)}: ${messageOf(code, detail)}`, {
    position
  })
}

function messageOf<C extends ErrorCode>(code: C, detail: Parameters<(typeof MESSAGES)[C]>): string {
  const message = MESSAGES[code] as (...detail: readonly unknown[]) => string
  return message(...detail)
}
