import type { LookupFunction } from 'node:net'
import type { InterdictError } from '../../base/errors/error.js'
import { testMessage } from './alert-body.js'
import { postAlert, type Hook } from './post-alert.js'

/** What became of a test alert. */
export interface TestResult {
  readonly hook: string
  /** HTTP status; null: not accepted. */
  readonly status: number | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Sends an alert with the event `test` to each hook, once. @param lookup resolves their host names */
export function testHooks(
  hooks: readonly Hook[],
  gateway: string,
  lookup: LookupFunction
): Promise<TestResult[]> {
  const message = testMessage(gateway)
  return Promise.all(
    hooks.map(async (hook): Promise<TestResult> => {
      const { name } = hook
      try {
        return { hook: name, status: await postAlert(hook, message, lookup), error: null }
      } catch (error) {
        const { code, message } = error as InterdictError
        return { hook: name, status: null, error: { code, message } }
      }
    })
  )
}
