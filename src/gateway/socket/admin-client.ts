import { connect } from 'node:net'
import { failure, InterdictError, type ErrorCode } from '../../base/errors/error.js'
import { fittingSocketPath, type FittingPath } from '../../base/files/socket-path.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  MAX_REPLY_SIZE,
  writeRequest,
  type AdminReply,
  type AdminRequest
} from './admin-protocol.js'
import type { RulesInForceFacts } from '../status/rules-in-force.js'

/**
 * Sends a request to the gateway that listens at this path.
 *
 * @throws InterdictError ADMIN_ABSENT, ADMIN_PERMISSION, ADMIN_TIMEOUT, ADMIN_REPLY
 */
export async function sendAdminRequest<Result>(
  path: string,
  request: AdminRequest,
  timeout: Milliseconds
): Promise<AdminReply<Result>> {
  const line = await exchange(path, writeRequest(request), timeout)
  const reply = parse(line) as Partial<AdminReply<Result>> | undefined
  if (reply?.ok === true || isErrorReply(reply)) return reply as AdminReply<Result>
  throw failure('ADMIN_REPLY', path, 'not a valid reply')
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) ?? undefined
  } catch {
    return undefined
  }
}

function isErrorReply(
  reply: { ok?: boolean; code?: unknown; message?: unknown } | undefined
): reply is { ok: false; code: string; message: string } {
  return reply?.ok === false && typeof reply.code === 'string' && typeof reply.message === 'string'
}

/**
 * Sends a request to the gateway that listens at the first of these paths where one does.
 *
 * @throws as `sendAdminRequest`; ADMIN_ABSENT for the first path
 */
export async function sendToFirst<Result>(
  paths: readonly string[],
  request: AdminRequest,
  timeout: Milliseconds
): Promise<AdminReply<Result>> {
  return fromFirst(paths, path => sendAdminRequest<Result>(path, request, timeout))
}

/**
 * Sends a request to the first of these sockets on which a gateway listens and which this user may use.
 *
 * @throws what `ask` throws; ADMIN_PERMISSION for the last path that fails for this reason; ADMIN_ABSENT for the first path
 */
export async function fromFirst<Result>(
  paths: readonly string[],
  ask: (path: string) => Promise<Result>
): Promise<Result> {
  const absent: InterdictError[] = []
  let forbidden: InterdictError | undefined
  for (const path of paths) {
    try {
      return await ask(path)
    } catch (error) {
      const failed = error as InterdictError
      if (failed.code === 'ADMIN_ABSENT') absent.push(failed)
      // Which socket it is: a folder that may not be entered need not have one.
      else if (failed.code === 'ADMIN_PERMISSION') forbidden = failed
      else throw failed
    }
  }
  throw forbidden ?? absent[0]!
}

/**
 * Asks the gateway that listens at the first of these paths for the rules in force.
 *
 * @throws as `sendToFirst`
 */
export async function fetchRulesInForce(
  paths: readonly string[],
  timeout: Milliseconds
): Promise<{ readonly facts: RulesInForceFacts; readonly parts: readonly Uint8Array[] }> {
  const request = writeRequest({ do: 'rules-in-force' })
  const { path, octets } = await fromFirst(paths, async path => {
    return { path, octets: await receive(path, request, timeout, MAX_RULES) }
  })
  const end = octets.indexOf(0x0a)
  const reply = parse(octets.toString('utf8', 0, end)) as
    Partial<AdminReply<RulesInForceFacts>> | undefined
  if (isErrorReply(reply)) throw new InterdictError(reply.code as ErrorCode, reply.message)
  const { result: facts } = (reply ?? {}) as { result?: RulesInForceFacts }
  let at = end + 1
  const parts = (facts?.sizes ?? []).map(size => octets.subarray(at, (at += size)))
  if (facts === undefined || at !== octets.length)
    throw failure('ADMIN_REPLY', path, 'the reply is truncated')
  return { facts, parts }
}

/** Sends a text, and returns the line received before the other side closes. */
async function exchange(path: string, text: string, timeout: Milliseconds): Promise<string> {
  const reply = (await receive(path, text, timeout, MAX_REPLY_SIZE)).toString()
  if (!reply.endsWith('\n')) throw failure('ADMIN_REPLY', path, 'the reply is truncated')
  return reply
}

/** Sends a text, and returns everything received until the other side closes. */
function receive(
  path: string,
  text: string,
  timeout: Milliseconds,
  maxSize: Octets
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const fitting = fit(path)
    const socket = connect(fitting.path, () => socket.write(text))
    socket.once('close', fitting.release)
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      socket.destroy()
      settle()
    }
    const fail = (error: InterdictError): void => end(() => reject(error))
    const timer = setTimeout(() => fail(failure('ADMIN_TIMEOUT', path, timeout)), timeout)
    socket.on('error', error => fail(connectionError(path, error)))
    socket.on('data', chunk => {
      chunks.push(chunk)
      length += chunk.length
      if (length > maxSize) fail(failure('ADMIN_REPLY', path, 'the reply is too large'))
    })
    socket.on('end', () => end(() => resolve(Buffer.concat(chunks))))
  })
}

/** @throws InterdictError ADMIN_ABSENT, ADMIN_PERMISSION */
function fit(path: string): FittingPath {
  try {
    return fittingSocketPath(path)
  } catch (error) {
    throw connectionError(path, error as NodeJS.ErrnoException)
  }
}

/** A hundred million names. */
const MAX_RULES: Octets = 8 * 1024 ** 3

const ABSENT: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  ECONNREFUSED: 'no process listens on it'
}

function connectionError(
  path: string,
  { code = '', message }: NodeJS.ErrnoException
): InterdictError {
  const absent = ABSENT[code]
  if (absent !== undefined) return failure('ADMIN_ABSENT', path, absent)
  if (code === 'EACCES' || code === 'EPERM') return failure('ADMIN_PERMISSION', path)
  return failure('ADMIN_REPLY', path, message)
}
