import { CATALOGUE } from './messages/catalogue.js'
import { FLEET } from './messages/fleet.js'
import { HISTORY } from './messages/history.js'
import { LISTS } from './messages/lists.js'
import { MANDATES } from './messages/mandates.js'
import { ONBOARDING } from './messages/onboarding.js'
import { OPERATION } from './messages/operation.js'
import { RECORDS } from './messages/records.js'
import { ROOTS } from './messages/roots.js'
import { RULES } from './messages/rules.js'
import { TRAFFIC } from './messages/traffic.js'
import { showPosition, type Position } from './position.js'

/**
 * The message of every error code, grouped by the rooms that raise them.
 *
 * Codes are public: operators search logs for them, and `docs/reference/errors.md` explains them.
 * Never rename a code or reuse a retired one; add a new one instead. Messages may change at any
 * time, so no caller matches on them.
 */
const MESSAGES = {
  ...TRAFFIC,
  ...RULES,
  ...ROOTS,
  ...LISTS,
  ...RECORDS,
  ...ONBOARDING,
  ...OPERATION,
  ...FLEET,
  ...HISTORY,
  ...MANDATES,
  ...CATALOGUE
} as const

export type ErrorCode = keyof typeof MESSAGES
/** The parameters of the message of a code. */
export type ErrorDetail<C extends ErrorCode> = Parameters<(typeof MESSAGES)[C]>
export const ERROR_CODES = Object.keys(MESSAGES) as readonly ErrorCode[]

/** An error with a stable code. Branch on `code`, show `message`, log both. */
export class InterdictError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'InterdictError'
  /** Its position in a rule or settings file, if it is about one. */
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

/** Creates the error for `code`, with the parameters of its message. */
export function failure<C extends ErrorCode>(
  code: C,
  ...detail: Parameters<(typeof MESSAGES)[C]>
): InterdictError<C> {
  return new InterdictError(code, messageOf(code, detail))
}

/** As `failure`, for an error in a file: the message begins with `file:line:column: `. */
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
