import * as z from 'zod'

type RawIssue = z.core.$ZodRawIssue

/**
 * What a schema wanted, in words for people: given to zod as the error map of each reading, so that
 * the `message` of every issue is what stands behind "wanted". A schema with an `error` text of its
 * own has said it better, and is left alone.
 */
export function wanted(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWanted(issue)
    case 'invalid_value':
      return oneOf(issue.values.map(String))
    case 'unrecognized_keys':
      return keysOf(issue).join(', ')
    case 'too_small':
      return `at least ${sizeWanted(issue.origin, issue.minimum)}`
    case 'too_big':
      return `at most ${sizeWanted(issue.origin, issue.maximum)}`
    case 'invalid_key':
      return 'another key'
    // A schema that raises one of these says itself what it wanted.
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_union':
    case 'not_multiple_of':
      return 'something else'
  }
}

/** `one of a, b, c`, or just `a`. */
export function oneOf(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `one of ${words.join(', ')}`
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'a mapping'
}

function typeWanted(issue: RawIssue & { code: 'invalid_type' }): string {
  if (issue.expected === 'object') return `a mapping with the keys ${keysOf(issue).join(', ')}`
  if (issue.expected !== 'string') return TYPES[issue.expected] ?? issue.expected
  const { input } = issue
  // `716` or `true` where a text belongs: YAML reads them as something else.
  return typeof input === 'number' || typeof input === 'boolean' ? 'a text (in quotes)' : 'a text'
}

function sizeWanted(origin: string, count: number | bigint): string {
  if (origin === 'array') return `${count} ${count === 1 ? 'entry' : 'entries'}`
  if (origin === 'string') return `${count} ${count === 1 ? 'character' : 'characters'}`
  return String(count)
}

/** The keys that the mapping which raised an issue knows. */
function keysOf(issue: RawIssue): readonly string[] {
  return issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : []
}
