import * as z from 'zod'
import { InterdictError } from '../base/error.js'

/**
 * A schema for a text that a reader turns into a value: addresses, durations, names.
 *
 * @param wanted what stands behind "wanted" when the text is not one: `a duration such as 5s`
 * @param read gives undefined, or throws an InterdictError, for a text that is not one
 */
export function textAs<T>(wanted: string, read: (text: string) => T | undefined): z.ZodType<T> {
  return z.string(wanted).transform((text, context) => {
    const value = attempt(read, text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: wanted })
    return z.NEVER
  })
}

function attempt<T>(read: (text: string) => T | undefined, text: string): T | undefined {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
