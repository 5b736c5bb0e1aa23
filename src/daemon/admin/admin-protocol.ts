import { failure, InterdictError } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import { readName } from '../../dns/name/name.js'
import type { SerializedError } from '../threads/serialized-error.js'

/*
 * What is said through the admin socket: one line of JSON in, one line of JSON out, and it is
 * closed. docs/reference/admin-socket.md is about this; a change that is not an addition takes another VERSION.
 */

export const PROTOCOL_VERSION = 1
/** A name is at most 1,009 characters long, all of them escaped (RFC 1035 §5.1). */
export const MAX_REQUEST_SIZE: Octets = 4096
/** 64 workers with 64 upstreams take a tenth of that. */
export const MAX_REPLY_SIZE: Octets = 4 * 1024 * 1024

export type AdminRequest = FlushRequest | StatusRequest

/** Drop what is held of these names. */
export interface FlushRequest {
  readonly do: 'flush'
  /** As people write it. */
  readonly name: string
  /** With all that are below it. */
  readonly subtree: boolean
}

/** Say how you are: see `Status`. */
export interface StatusRequest {
  readonly do: 'status'
}

export type AdminReply<Result> =
  { readonly ok: true; readonly result: Result } | ({ readonly ok: false } & SerializedError)

export interface FlushResult {
  /** Entries of all workers together. */
  readonly dropped: number
  /** Numbers of workers that did not say in time that they are done. */
  readonly silent: readonly number[]
}

export function writeRequest(request: AdminRequest): string {
  return `${JSON.stringify({ version: PROTOCOL_VERSION, ...request })}\n`
}

/**
 * Reads the line that a client sent, without its end.
 *
 * @throws InterdictError ADMIN_REQUEST, NAME_INVALID
 */
export function readRequest(line: string): AdminRequest {
  const { version, ...request } = parseObject(line)
  if (version !== PROTOCOL_VERSION)
    throw failure('ADMIN_REQUEST', `wanted "version":${PROTOCOL_VERSION}`)
  switch (request.do) {
    case 'flush':
      return readFlush(request)
    case 'status':
      return { do: 'status' }
    default:
      throw failure('ADMIN_REQUEST', 'wanted a "do" of "flush", "status"')
  }
}

function readFlush({ name, subtree = false }: Record<string, unknown>): FlushRequest {
  if (typeof name !== 'string') throw failure('ADMIN_REQUEST', 'wanted a name to flush')
  if (typeof subtree !== 'boolean')
    throw failure('ADMIN_REQUEST', 'wanted a subtree of true, false')
  readName(name)
  return { do: 'flush', name, subtree }
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw failure('ADMIN_REQUEST', 'it is no JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw failure('ADMIN_REQUEST', 'it is no JSON object')
  return value as Record<string, unknown>
}

/** @param error anything that was thrown while a request was read or done */
export function errorReply(error: unknown): AdminReply<never> {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { ok: false, code, message }
  }
  return { ok: false, code: 'FAULT', message: 'a fault of ours: see the service log' }
}
