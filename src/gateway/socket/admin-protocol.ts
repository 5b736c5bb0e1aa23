import type { FetchRequest } from '../egress/denied-export.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Octets, Seconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { PushedBindings } from '../bindings/binding-messages.js'
import type { WantedPause } from '../reload/rule-pauses.js'
import { readName } from '../../wire/dns/name/name.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'

/*
 * The protocol of the admin socket: one line of JSON as the request, one as the reply, then the
 * connection is closed. See docs/reference/admin-socket.md; an incompatible change needs a new version.
 */

const PROTOCOL_VERSION = 1
/** A name is at most 1,009 characters long, all of them escaped (RFC 1035 §5.1). */
export const MAX_REQUEST_SIZE: Octets = 4096
/** Characters of the reason of a pause. */
export const MAX_REASON = 200
/** 64 workers with 64 upstreams take a tenth of that. */
export const MAX_REPLY_SIZE: Octets = 4 * 1024 * 1024

export type AdminRequest =
  | FlushRequest
  | StatusRequest
  | UpgradeRequest
  | ConfirmRequest
  | RulesInForceRequest
  | ApplyRequest
  | PauseRequest
  | RotateRequest

/** Drops cache entries. */
export interface FlushRequest {
  readonly do: 'flush'
  /** In presentation format (RFC 1035 §5.1). */
  readonly name: string
  /** Whether to flush the names below it, too. */
  readonly subtree: boolean
}

/** Rotates the query log file. */
export interface RotateRequest {
  readonly do: 'rotate'
}

export interface RotateResult {
  /** False: the file is empty. */
  readonly rotated: boolean
}

/** Asks for the gateway's `Status`. */
export interface StatusRequest {
  readonly do: 'status'
}

/** Accepts a local list that shrank. */
export interface ConfirmRequest {
  readonly do: 'confirm'
  /** Its id. */
  readonly list: string
}

/** Replaces the gateway by a process of the installed version. */
export interface UpgradeRequest {
  readonly do: 'upgrade'
}

/** Puts saved rules in force, where they wait for that. */
export interface ApplyRequest {
  readonly do: 'apply'
  /** As they were planned; undefined: as they are. */
  readonly sha256: string | undefined
  /** As in `OperateRequest`; over the HTTP API only. */
  readonly by?: string | undefined
}

export interface ApplyResult {
  readonly sha256: string | null
  /** Why they are not in force. */
  readonly errors: readonly SerializedError[]
}

/** Asks for the rules in force, with all names: octets follow the reply line. See `packRulesInForce`. */
export interface RulesInForceRequest {
  readonly do: 'rules-in-force'
}

/** Pauses a block rule, or ends its pause. */
export interface PauseRequest extends WantedPause {
  readonly do: 'pause'
}

export interface PauseResult {
  readonly rule: string
  /** When it applies again, in Unix time. */
  readonly until: Seconds
}

/** Reloads the rules; over the HTTP API only. */
export interface OperateRequest {
  readonly do: 'reload'
  /** Who has requested it, for the history of rules. */
  readonly by?: string | undefined
}

/** Passes JSON lines on to a feed of bindings; over the HTTP API only. */
export interface BindingsRequest extends PushedBindings {
  readonly do: 'bindings'
}

/** Asks for denied addresses; over the HTTP API only. */
export interface DeniedRequest extends FetchRequest {
  readonly do: 'denied'
}

/** Asks for the active rules. Only of the HTTP thread: the reply is not JSON. */
export interface RulesRequest {
  readonly do: 'rules'
  /** The generation that the thread has. */
  readonly known: number | undefined
}

export interface RulesReply {
  readonly snapshot: Snapshot
  /** See `packRules`. */
  readonly packedRules: Uint8Array
}

/** Requests to the control thread, of clients of the socket and of the HTTP thread. */
export type ControlRequest =
  AdminRequest | RulesRequest | OperateRequest | BindingsRequest | DeniedRequest

export type AdminReply<Result> =
  { readonly ok: true; readonly result: Result } | ({ readonly ok: false } & SerializedError)

export interface FlushResult {
  /** Cache entries dropped in all workers. */
  readonly dropped: number
  /** Numbers of workers that did not reply in time. */
  readonly silent: readonly number[]
}

/** Two processes: the one that was replaced, and the one that answers now. */
export interface UpgradeResult {
  readonly from: { readonly pid: number; readonly version: string }
  readonly to: { readonly pid: number; readonly version: string }
}

export function writeRequest(request: AdminRequest): string {
  return `${JSON.stringify({ version: PROTOCOL_VERSION, ...request })}\n`
}

/**
 * Parses a request line, without its line end.
 *
 * @throws InterdictError ADMIN_REQUEST, NAME_INVALID
 */
export function readRequest(line: string): AdminRequest {
  const { version, ...request } = parseObject(line)
  if (version !== PROTOCOL_VERSION)
    throw failure('ADMIN_REQUEST', `expected "version":${PROTOCOL_VERSION}`)
  switch (request.do) {
    case 'flush':
      return readFlush(request)
    case 'apply':
      return readApply(request)
    case 'pause':
      return readPause(request)
    case 'status':
    case 'upgrade':
    case 'rotate':
    case 'rules-in-force':
      return { do: request.do }
    case 'confirm':
      if (typeof request.list !== 'string') throw failure('ADMIN_REQUEST', 'expected a list')
      return { do: 'confirm', list: request.list }
    default:
      throw failure(
        'ADMIN_REQUEST',
        'expected "do" to be "flush", "status", "confirm", "apply", "pause", "rotate", "upgrade" or "rules-in-force"'
      )
  }
}

function readApply({ sha256 }: Record<string, unknown>): ApplyRequest {
  if (sha256 === undefined) return { do: 'apply', sha256 }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    throw failure('ADMIN_REQUEST', 'expected a SHA-256 of 64 hexadecimal digits')
  return { do: 'apply', sha256 }
}

function readPause({ rule, seconds, by, reason = '' }: Record<string, unknown>): PauseRequest {
  if (typeof rule !== 'string') throw failure('ADMIN_REQUEST', 'expected the id of a rule')
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds) || seconds < 0)
    throw failure('ADMIN_REQUEST', 'expected "seconds" to be a whole number')
  if (typeof by !== 'string' || typeof reason !== 'string' || reason.length > MAX_REASON)
    throw failure('ADMIN_REQUEST', `expected "by" and "reason", at most ${MAX_REASON} characters`)
  return { do: 'pause', rule, seconds, by, reason }
}

function readFlush({ name, subtree = false }: Record<string, unknown>): FlushRequest {
  if (typeof name !== 'string') throw failure('ADMIN_REQUEST', 'expected a name to flush')
  if (typeof subtree !== 'boolean')
    throw failure('ADMIN_REQUEST', 'expected "subtree" to be true or false')
  readName(name)
  return { do: 'flush', name, subtree }
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw failure('ADMIN_REQUEST', 'not valid JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw failure('ADMIN_REQUEST', 'not a JSON object')
  return value as Record<string, unknown>
}

/** @param error whatever was thrown while the request was parsed or run */
export function errorReply(error: unknown): AdminReply<never> {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { ok: false, code, message }
  }
  return { ok: false, code: 'FAULT', message: 'internal error; details are in the service log' }
}
