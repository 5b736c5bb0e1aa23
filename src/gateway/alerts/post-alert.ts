import type { IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import { failure, InterdictError, type ErrorCode } from '../../base/errors/error.js'
import { packageVersion } from '../../base/package.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Octets } from '../../base/units.js'
import type { AlertHookConfig } from '../config/alert-config.js'
import { HttpClient } from '../../wire/http/http-client.js'
import { contextTrusting } from '../../wire/tls/trusting-context.js'
import { readHookFiles } from './hook-files.js'
import { SIGNATURE_HEADER, signatureOf } from './signature.js'

/** What is read of a response, so that the receiver can end it in order. Nothing of it is used. */
const MAX_RESPONSE: Octets = 16 * 1024

const FILE_CODES: readonly ErrorCode[] = ['ALERT_SECRET', 'ALERT_CA']

export type Hook = Pick<
  AlertHookConfig,
  'name' | 'url' | 'secretFile' | 'caFile' | 'proxy' | 'timeout'
>

export interface AlertMessage {
  /** Identifies the message. */
  readonly delivery: string
  readonly event: string
  /** JSON of an `AlertBody`. */
  readonly body: string
}

/**
 * Posts an alert once. Redirects are not followed: a signed message goes to the receiver of the settings only.
 *
 * @param lookup resolves the host name
 * @returns the HTTP status, from 200 to 299
 * @throws InterdictError ALERT_SEND, ALERT_SECRET, ALERT_CA
 */
export async function postAlert(
  hook: Hook,
  message: AlertMessage,
  lookup: LookupFunction
): Promise<number> {
  const { name, timeout } = hook
  const signal = AbortSignal.timeout(timeout)
  let status: number
  try {
    status = await exchange(hook, message, lookup, signal)
  } catch (error) {
    const isOfFiles =
      error instanceof InterdictError && FILE_CODES.includes(error.code as ErrorCode)
    if (isOfFiles) throw error
    const why = signal.aborted ? `no response within ${timeout} ms` : reasonOf(error)
    throw failure('ALERT_SEND', name, why)
  }
  if (status < 200 || status > 299) throw failure('ALERT_SEND', name, `HTTP status ${status}`)
  return status
}

async function exchange(
  hook: Hook,
  { delivery, event, body }: AlertMessage,
  lookup: LookupFunction,
  signal: AbortSignal
): Promise<number> {
  const { secret, ca } = readHookFiles(hook)
  const headers = {
    'user-agent': `interdict/${packageVersion()}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'interdict-event': event,
    'interdict-delivery': delivery,
    ...(secret && {
      [SIGNATURE_HEADER]: signatureOf(secret, Math.floor(Date.now() / MS_PER_SECOND), body)
    })
  }
  const { outgoing, response } = new HttpClient(hook.proxy).start(hook.url, {
    ...{ method: 'POST', headers, lookup, signal },
    ...(ca && { secureContext: contextTrusting(ca) })
  })
  outgoing.end(body)
  const received = await response
  await new Promise<void>(resolve => discard(received, resolve))
  return received.statusCode ?? 0
}

/** Reads a response to its end, or to the limit. @param done called once; the connection is closed by then */
function discard(response: IncomingMessage, done: () => void): void {
  let length: Octets = 0
  response.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > MAX_RESPONSE) response.destroy()
  })
  // The status has come: how the body ends does not matter.
  response.on('error', () => undefined)
  response.on('close', done)
}
