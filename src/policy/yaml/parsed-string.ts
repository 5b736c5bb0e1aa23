import * as z from 'zod'
import { InterdictError } from '../../base/errors/error.js'

/**
 * A schema for a string that is parsed into a value: addresses, durations, names.
 *
 * @param expected for error messages: `a duration such as 5s`
 * @param read returns undefined, or throws an InterdictError, for an invalid string
 * @param hint what to write instead of an invalid string, as `; write x`, or an empty string
 */
export function parsedString<T>(
  expected: string,
  read: (text: string) => T | undefined,
  hint: (text: string) => string = () => ''
): z.ZodType<T> {
  return z.string(expected).transform((text, context) => {
    const value = tryRead(read, text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: expected, params: { hint: hint(text) } })
    return z.NEVER
  })
}

function tryRead<T>(read: (text: string) => T | undefined, text: string): T | undefined {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
