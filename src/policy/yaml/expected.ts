import * as z from 'zod'

type RawIssue = z.core.$ZodRawIssue

/**
 * Zod error map of every reading: makes the `message` of an issue name what the schema expected, as
 * in `expected a number, found 'many'`. A schema with an `error` text of its own overrides it.
 */
export function expected(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return expectedType(issue)
    case 'invalid_value':
      return oneOf(issue.values.map(String))
    case 'unrecognized_keys':
      return keysOf(issue).join(', ')
    case 'too_small':
      return `at least ${amount(issue.origin, issue.minimum)}`
    case 'too_big':
      return `at most ${amount(issue.origin, issue.maximum)}`
    case 'invalid_key':
      return 'another key'
    // Schemas that raise one of these have a text of their own.
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_union':
    case 'not_multiple_of':
      return 'another value'
  }
}

/** `one of a, b, c`, or just `a`. */
export function oneOf(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `one of ${values.join(', ')}`
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'a mapping'
}

/** A list for which `hintFor` cannot suggest brackets: its entries are not strings. */
export const LIST_OF_MAPPINGS = 'a list of mappings'

function expectedType(issue: RawIssue & { code: 'invalid_type' }): string {
  if (issue.expected === 'object') return `a mapping with the keys ${keysOf(issue).join(', ')}`
  if (issue.inst instanceof z.ZodArray && issue.inst.element instanceof z.ZodObject)
    return LIST_OF_MAPPINGS
  if (issue.expected !== 'string') return TYPES[issue.expected] ?? issue.expected
  const { input } = issue
  // YAML reads an unquoted `716` or `true` as a number or Boolean.
  return typeof input === 'number' || typeof input === 'boolean'
    ? 'a string (in quotes)'
    : 'a string'
}

function amount(origin: string, count: number | bigint): string {
  if (origin === 'array') return `${count} ${count === 1 ? 'entry' : 'entries'}`
  if (origin === 'string') return `${count} ${count === 1 ? 'character' : 'characters'}`
  return String(count)
}

/** The keys that the mapping which raised an issue accepts. */
function keysOf(issue: RawIssue): readonly string[] {
  return issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : []
}
