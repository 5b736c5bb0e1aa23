import { InterdictError } from './error.js'

/** An error that can be sent between threads: the code and message of an `InterdictError`. */
export type SerializedError = { readonly code: string; readonly message: string }

/** Converts any error; one without an `InterdictError` code is a bug and gets the code FAULT. */
export function serializeError(error: unknown): SerializedError {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
  return {
    code: 'FAULT',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}
