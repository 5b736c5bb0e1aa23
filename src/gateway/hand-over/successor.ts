import { spawn, type ChildProcess } from 'node:child_process'
import { failure } from '../../base/errors/error.js'
import { packageVersion } from '../../base/package.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ListeningSocket } from '../../wire/sockets/listening-sockets.js'
import type { CookieSecrets } from '../workers/cookie-secrets.js'
import {
  HAND_OVER_PROTOCOL,
  HAND_OVER_VARIABLE,
  writeKey,
  writeSecrets,
  type FromSuccessor,
  type Offer
} from './hand-over.js'

/** How long the new process may take to read its rules, which may include lists of millions of names. */
const SUCCESSOR_TIMEOUT: Milliseconds = 120 * MS_PER_SECOND

/** What the new process inherits. */
export interface Inheritance {
  readonly sockets: readonly ListeningSocket[]
  readonly cookieSecrets: CookieSecrets | undefined
  /** Of TLS session tickets; undefined: no TLS. */
  readonly ticketKey: Uint8Array | undefined
}

/** A process that listens on the inherited sockets. */
export interface Successor {
  readonly pid: number
  readonly version: string
}

/** Starts the new process, with these descriptors after its channel. Injected by tests. */
export type StartSuccessor = (fds: readonly number[]) => ChildProcess

/** The installed program, which may have been replaced since, with the same arguments and environment. */
const startSuccessor: StartSuccessor = fds => {
  const { execPath, execArgv, argv, env } = process
  return spawn(execPath, [...execArgv, ...argv.slice(1)], {
    // The watchdog of the service is for whichever process is the main one.
    env: { ...env, WATCHDOG_PID: undefined, [HAND_OVER_VARIABLE]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...fds]
  })
}

/**
 * Starts a process that replaces this one, and waits until it listens. After an error no such process runs.
 *
 * @param signal kills it
 * @throws InterdictError UPGRADE_FAILED
 */
export async function startReplacement(
  { sockets, cookieSecrets, ticketKey }: Inheritance,
  signal: AbortSignal,
  start: StartSuccessor = startSuccessor,
  timeout = SUCCESSOR_TIMEOUT
): Promise<Successor> {
  let child: ChildProcess
  try {
    child = start(sockets.map(({ fd }) => fd))
  } catch (error) {
    throw failure('UPGRADE_FAILED', reasonOf(error, ''))
  }
  try {
    const offer: Offer = {
      protocol: HAND_OVER_PROTOCOL,
      version: packageVersion(),
      sockets: sockets.map(({ protocol, address, port }) => ({ protocol, address, port })),
      cookieSecrets: writeSecrets(cookieSecrets),
      ticketKey: writeKey(ticketKey)
    }
    if (child.pid !== undefined) child.send(offer)
    return { pid: child.pid!, version: await listening(child, signal, timeout) }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

/** @returns the version of the new process, when it listens */
function listening(
  child: ChildProcess,
  signal: AbortSignal,
  timeout: Milliseconds
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(failure('UPGRADE_FAILED', why))
    }
    const timer = setTimeout(() => {
      fail(`it was not ready within ${timeout / MS_PER_SECOND} s`)
    }, timeout)
    const reasons: string[] = []
    child.on('message', (message: FromSuccessor) => {
      if (message.kind === 'failed') reasons.push(message.reason)
      else {
        clearTimeout(timer)
        resolve(message.version)
      }
    })
    child.on('error', ({ message }) => fail(message))
    // Not `exit`, after which messages may still arrive.
    child.on('close', (code: number | null, killed: string | null) => {
      fail(reasons.join('; ') || `it ended with ${killed ?? `exit code ${code}`}`)
    })
    signal.addEventListener('abort', () => fail('the gateway is stopping'))
  })
}
