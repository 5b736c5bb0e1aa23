import type { z } from 'zod'
import { quote } from '../../base/errors/messages/format.js'
import { closest, suggest } from './closest.js'
import { hintFor } from './hints.js'
import { oneOf } from './expected.js'

/** A place in a document: keys and list indices from the top. */
export type Path = readonly (string | number)[]

/** Whether a place is that of `outer`, or of a part of it. */
export function isWithin(path: Path, outer: Path): boolean {
  return outer.every((step, i) => path[i] === step)
}

/** `networks.local.bans[0].apps` */
export function showPath(path: Path): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i > 0 ? `.${step}` : step))
    .join('')
}

/** An error at one place of a document. */
export interface DocumentIssue {
  /** Where the error stands, for its line and column. */
  readonly path: Path
  /** Whether the last key of `path` is wrong, rather than its value. */
  readonly atKey: boolean
  /** `expected a number, found 'many'` */
  readonly problem: string
  /** The known key that an unknown one probably stands for. */
  readonly means?: string | undefined
  /** Whether `path` has no value. */
  readonly isMissing?: boolean
}

/** Longest string that is shown in full. */
const MAX_SHOWN = 60

/** Translates the issues that zod found in `value`. */
export function documentIssues(
  issues: readonly z.core.$ZodIssue[],
  value: unknown
): DocumentIssue[] {
  const found = issues.flatMap(issue => translate(issue, issue.path as Path, value))
  // A misspelt key is missing under its right name as well: one error is enough.
  const meant = new Set(
    found.flatMap(({ path, means }) => (means ? [showPath([...path.slice(0, -1), means])] : []))
  )
  return found.filter(({ path, isMissing }) => isMissing !== true || !meant.has(showPath(path)))
}

function translate(issue: z.core.$ZodIssue, path: Path, value: unknown): DocumentIssue[] {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(', ')
    return issue.keys.map(key => {
      const means = closest(key, known)
      const hint = means === undefined ? `; expected ${oneOf(known)}` : suggest(means)
      return {
        path: [...path, key],
        atKey: true,
        problem: `unknown key ${quote(key)}${hint}`,
        means
      }
    })
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return translateUnion(issue.errors, path, value)
  }
  if (issue.code === 'invalid_key') {
    const key = String(path.at(-1))
    const cause = issue.issues[0] ?? issue
    const problem = `invalid key ${quote(key)}; expected ${cause.message}${hintFor(cause, key)}`
    return [{ path, atKey: true, problem }]
  }
  const found = valueAt(value, path)
  const isSentence = issue.code === 'custom' && issue.params?.[SENTENCE] === true
  const problem = isSentence
    ? issue.message
    : mismatch(issue.message, found) + hintFor(issue, found)
  return [{ path, atKey: false, problem, isMissing: found === undefined }]
}

/**
 * Translates the issues of each form of a union. If the value has the type of one form only, that
 * form was meant and its issues are reported; else what each form expected.
 */
function translateUnion(
  forms: readonly (readonly z.core.$ZodIssue[])[],
  path: Path,
  value: unknown
): DocumentIssue[] {
  const meant = forms.filter(form => !form.some(isWrongType))
  const [only] = meant
  if (only !== undefined && meant.length === 1) {
    return only.flatMap(issue => translate(issue, [...path, ...(issue.path as Path)], value))
  }
  const expected = new Set(forms.flatMap(form => form.slice(0, 1).map(issue => issue.message)))
  const found = valueAt(value, path)
  const hints = forms.flatMap(form => form.slice(0, 1).map(issue => hintFor(issue, found)))
  const hint = hints.find(text => text !== '') ?? ''
  const problem = mismatch([...expected].join(', or '), found) + hint
  return [{ path, atKey: false, problem, isMissing: found === undefined }]
}

function isWrongType(issue: z.core.$ZodIssue): boolean {
  return (
    issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
  )
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = at[step as keyof typeof at]
  }
  return at
}

/** `expected a number, found 'many'`; for a value that is undefined, `missing; expected a number`. */
export function mismatch(expected: string, found: unknown): string {
  return found === undefined
    ? `missing; expected ${expected}`
    : `expected ${expected}, found ${show(found)}`
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') {
    return quote(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value)
  }
  return typeof value === 'number' ? `${value}` : JSON.stringify(value)
}

const SENTENCE = 'sentence'

/** For a zod issue whose message is the whole problem rather than what was expected. */
export function sentence(message: string) {
  return { message, params: { [SENTENCE]: true } }
}
