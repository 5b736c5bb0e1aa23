import { InterdictError } from '../../base/error.js'
import type { Trouble } from './messages.js'

/** Any error as it travels between threads. Errors without a code of ours are faults of ours. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
  return {
    code: 'FAULT',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}
