import { failure, InterdictError, type ErrorCode } from '../base/errors/error.js'
import type { SerializedError } from '../base/errors/serialized-error.js'
import { escapeControls } from '../base/log/terminal-line.js'
import type { Io } from './io.js'

/** Exit codes, the same for every command. */
export const EXIT = {
  success: 0,
  /** Errors in files, differences found, no answer from a server, a port in use. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2
} as const

/** The command line is wrong. */
class UsageError extends Error {}

/** Input that a command cannot work with, with every error in it. */
export class InputError extends Error {
  constructor(readonly errors: readonly SerializedError[]) {
    super('invalid input')
  }
}

/** Ends the command: its command line is wrong. */
export function usageError(message: string): never {
  throw new UsageError(message)
}

/** Ends the command: what it reads has these errors. */
export function rejectInput(errors: readonly SerializedError[]): never {
  throw new InputError(errors)
}

/** The messages of an error that we expect. Any other is thrown. */
export function failureOf(error: unknown): readonly string[] {
  if (error instanceof InputError) return error.errors.map(({ message }) => message)
  if (error instanceof InterdictError) return [error.message]
  throw error
}

/** The error that the gateway gets of a request: of several, the first. Any that we do not expect is printed. */
export function sentError(error: unknown, { stderr }: Pick<Io, 'stderr'>): InterdictError {
  if (error instanceof InterdictError) return error as InterdictError
  if (error instanceof UsageError) return failure('API_REQUEST', error.message)
  if (error instanceof InputError) return firstOf(error.errors)
  stderr.write(`${stackOf(error)}\n`)
  return failure('API_COMMAND', error instanceof Error ? error.message : String(error))
}

function firstOf([first, ...others]: readonly SerializedError[]): InterdictError {
  const { code, message } = first!
  const position = first instanceof InterdictError ? first.position : undefined
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return new InterdictError(code as ErrorCode, `${message}${more}`, position && { position })
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)

/** DuckDB describes an SQL error in several lines; every other error message has one. */
const MULTILINE = 'ARCHIVE_SQL'

/**
 * Prints why a command failed: one line for each error we expect, the stack of any other.
 *
 * @returns the exit code
 */
export function reportError(
  error: unknown,
  { stderr }: { readonly stderr: Pick<Io['stderr'], 'write'> }
): number {
  if (error instanceof UsageError) {
    stderr.write(`error: ${error.message}\n`)
    return EXIT.usage
  }
  if (error instanceof InputError) {
    const { errors } = error
    for (const { code, message } of errors) stderr.write(`${escapeControls(message)} (${code})\n`)
    if (errors.length > 1) stderr.write(`${errors.length} errors\n`)
  } else if (error instanceof InterdictError) {
    const lines =
      error.code === MULTILINE ? error.message.replaceAll('\t', '  ').split('\n') : [error.message]
    stderr.write(`${lines.map(escapeControls).join('\n')} (${error.code})\n`)
  } else {
    stderr.write(`${stackOf(error)}\n`)
  }
  return EXIT.failure
}
