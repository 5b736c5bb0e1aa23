import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { constants } from 'node:os'
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
  type FromShell,
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
  /** Of the rules in force. */
  readonly rulesSha256: string
}

/** A process that listens on the inherited sockets. */
export interface Successor {
  readonly pid: number
  readonly version: string
}

/** A process that was started, to replace this one. */
export interface Started {
  /** Has a channel to the new process. */
  readonly child: ChildProcess
  /** True if the child is a shell, which has started the new process. */
  readonly isShell: boolean
}

/** Starts the new process, with these descriptors after its channel. Injected by tests. */
export type StartSuccessor = (fds: readonly number[]) => Started

/**
 * Starts its arguments as a process, sends the process number, and ends with the exit code of that process, which
 * SIGTERM kills. Node restores the signal handling that a shell changes for a background process.
 */
const SHELL = `
trap 'kill -KILL $!' TERM
"$@" &
echo "{\\"kind\\":\\"started\\",\\"pid\\":$!}" >&3
exec 3>&-
wait $!
exit $?
`

/** The installed program, which may have been replaced since, with the same arguments and environment. */
const startSuccessor: StartSuccessor = fds => {
  const { execPath, execArgv, argv, env } = process
  const words = [...execArgv, ...argv.slice(1)]
  const options: SpawnOptions = {
    // The watchdog of the service is for whichever process is the main one.
    env: { ...env, WATCHDOG_PID: undefined, [HAND_OVER_VARIABLE]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...fds]
  }
  const isShell = (env.NOTIFY_SOCKET ?? '') !== ''
  const child = isShell
    ? spawn('/bin/sh', ['-c', SHELL, 'sh', execPath, ...words], options)
    : spawn(execPath, words, options)
  return { child, isShell }
}

/**
 * Starts a process that replaces this one, and waits until it listens. After an error no such process runs.
 *
 * @param signal kills it
 * @throws InterdictError UPGRADE_FAILED
 */
export async function startReplacement(
  { sockets, cookieSecrets, ticketKey, rulesSha256 }: Inheritance,
  signal: AbortSignal,
  start: StartSuccessor = startSuccessor,
  timeout = SUCCESSOR_TIMEOUT
): Promise<Successor> {
  let started: Started
  try {
    started = start(sockets.map(({ fd }) => fd))
  } catch (error) {
    throw failure('UPGRADE_FAILED', reasonOf(error, ''))
  }
  const { child, isShell } = started
  try {
    const offer: Offer = {
      protocol: HAND_OVER_PROTOCOL,
      version: packageVersion(),
      sockets: sockets.map(({ protocol, address, port }) => ({ protocol, address, port })),
      cookieSecrets: writeSecrets(cookieSecrets),
      ticketKey: writeKey(ticketKey),
      rulesSha256
    }
    if (child.pid !== undefined) child.send(offer)
    return await listening(started, signal, timeout)
  } catch (error) {
    child.kill(isShell ? 'SIGTERM' : 'SIGKILL')
    // A process that the shell does not know of yet ends by itself when the channel closes.
    if (child.connected) child.disconnect()
    throw error
  }
}

/** @returns the new process, when it listens and is no longer below a shell */
function listening(
  { child, isShell }: Started,
  signal: AbortSignal,
  timeout: Milliseconds
): Promise<Successor> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(failure('UPGRADE_FAILED', why))
    }
    const timer = setTimeout(() => {
      fail(`it was not ready within ${timeout / MS_PER_SECOND} s`)
    }, timeout)
    let pid = isShell ? undefined : child.pid
    let version: string | undefined
    const reasons: string[] = []
    child.on('message', (message: FromShell | FromSuccessor) => {
      if (message.kind === 'failed') reasons.push(message.reason)
      else if (message.kind === 'started') pid = message.pid
      else version = message.version
      if (pid === undefined || version === undefined) return
      clearTimeout(timer)
      const successor = { pid, version }
      if (!isShell) return resolve(successor)
      child.once('exit', () => resolve(successor))
      child.kill('SIGKILL')
    })
    child.on('error', ({ message }) => fail(message))
    // Not `exit`, after which messages may still arrive.
    child.on('close', (code: number | null, killed: string | null) => {
      fail(reasons.join('; ') || `it ended with ${killed ?? describeExit(code)}`)
    })
    signal.addEventListener('abort', () => fail('the gateway is stopping'))
  })
}

/** The end of the process that a shell waited for: it adds 128 to the number of a signal. */
function describeExit(code: number | null): string {
  const signal = Object.entries(constants.signals).find(([, number]) => code === 128 + number)
  return signal?.[0] ?? `exit code ${code}`
}
