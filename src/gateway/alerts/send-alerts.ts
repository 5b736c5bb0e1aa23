import type { LookupFunction } from 'node:net'
import { postAlert } from './post-alert.js'
import type { AlertInit, FromAlert } from './alert-messages.js'
import { serializeError } from '../../base/errors/serialized-error.js'

/** Sends alerts to one hook, in order, up to the first failure. Never throws. */
export async function sendAlerts(
  { hook, messages }: Pick<AlertInit, 'hook' | 'messages'>,
  lookup: LookupFunction,
  post: (message: FromAlert) => void
): Promise<void> {
  for (const message of messages) {
    const { delivery } = message
    try {
      await postAlert(hook, message, lookup)
      post({ kind: 'sent', delivery })
    } catch (error) {
      post({ kind: 'failed', delivery, error: serializeError(error) })
      return
    }
  }
}
