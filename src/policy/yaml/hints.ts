import type { z } from 'zod'
import { didYouMean, suggest } from './closest.js'
import { LIST_OF_MAPPINGS } from './expected.js'

/** Words for Booleans in YAML 1.1 and elsewhere; in YAML 1.2 they are strings. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...{ yes: true, on: true, y: true, enabled: true },
  ...{ no: false, off: false, n: false, disabled: false }
}
/** Text that means the same without quotes, in a flow list as well. */
const PLAIN = /^[A-Za-z0-9=][\w./=-]*$/

/**
 * What to write instead of a value, if that is evident: the end of an error message, such as
 * `; write [tiktok]`; otherwise an empty string.
 */
export function hintFor(issue: z.core.$ZodIssue, found: unknown): string {
  if (typeof found !== 'string') return ''
  if (issue.code === 'custom') {
    const hint: unknown = issue.params?.hint
    return typeof hint === 'string' ? hint : ''
  }
  if (issue.code === 'invalid_value') return didYouMean(found, issue.values.map(String))
  if (issue.code === 'invalid_type') {
    return issue.message === LIST_OF_MAPPINGS ? '' : hintForType(issue.expected, found)
  }
  const isPattern = issue.code === 'invalid_format' && issue.format === 'regex'
  return isPattern ? hintForPattern(issue.pattern, found) : ''
}

function hintForType(expected: string, found: string): string {
  if (expected === 'array') return `; write [${PLAIN.test(found) ? found : singleQuoted(found)}]`
  if (expected === 'boolean') {
    const meant = BOOLEANS[found.toLowerCase()]
    return meant === undefined ? '' : `; write ${meant}`
  }
  const isNumber = expected === 'number' || expected === 'int'
  return isNumber && /^\d+$/.test(found) ? `; write ${found} without quotes` : ''
}

/** The value in another case, or with hyphens instead of other separators, if the pattern accepts that. */
function hintForPattern(pattern: string | undefined, found: string): string {
  const [, source] = /^\/(.*)\/$/s.exec(pattern ?? '') ?? []
  if (source === undefined) return ''
  const words = found.trim().replaceAll(/[\s_.]+/g, '-')
  const guess = [words.toLowerCase(), words.toUpperCase()].find(it => new RegExp(source).test(it))
  return guess === undefined ? '' : suggest(guess)
}

function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
