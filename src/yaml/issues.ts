import type { z } from 'zod'
import { didYouMean } from './closest.js'
import { oneOf } from './wanted.js'

/** A place in a document: keys and list indices from the top. */
export type Path = readonly (string | number)[]

/** What is wrong at one place: `path: found …, wanted …`. */
export interface Complaint {
  readonly path: Path
  /** Whether the key itself is wrong, rather than what stands behind it. */
  readonly atKey: boolean
  readonly found: string
  readonly wanted: string
}

/** Longest found text that is shown whole. */
const SHOWN = 60

/** Turns zod's issues with `value` into complaints for people, all of them. */
export function complaintsOf(issues: readonly z.core.$ZodIssue[], value: unknown): Complaint[] {
  return issues.flatMap(issue => complaints(issue, issue.path as Path, value))
}

function complaints(issue: z.core.$ZodIssue, path: Path, value: unknown): Complaint[] {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(', ')
    return issue.keys.map(key => ({
      path: [...path, key],
      atKey: true,
      found: show(key),
      wanted: `${oneOf(known).replace(/^one of/, 'one of the keys')}${didYouMean(key, known)}`
    }))
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return unionComplaints(issue.errors, path, value)
  }
  if (issue.code === 'invalid_key') {
    const wanted = issue.issues[0]?.message ?? issue.message
    return [{ path, atKey: true, found: show(path.at(-1)), wanted }]
  }
  return [{ path, atKey: false, found: show(valueAt(value, path)), wanted: issue.message }]
}

/**
 * What each form of a union holds against the value. If only one form has the right kind of value,
 * that form was meant and its complaints are told; else all that would have been right.
 */
function unionComplaints(
  forms: readonly (readonly z.core.$ZodIssue[])[],
  path: Path,
  value: unknown
): Complaint[] {
  const meant = forms.filter(form => !form.some(isWrongKind))
  const [only] = meant
  if (only !== undefined && meant.length === 1) {
    return only.flatMap(issue => complaints(issue, [...path, ...(issue.path as Path)], value))
  }
  const wanted = [...new Set(forms.flatMap(form => form.slice(0, 1).map(issue => issue.message)))]
  return [{ path, atKey: false, found: show(valueAt(value, path)), wanted: wanted.join(', or ') }]
}

function isWrongKind(issue: z.core.$ZodIssue): boolean {
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

/** A value as it is shown behind "found". */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') {
    return JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value)
  }
  return typeof value === 'number' ? `${value}` : JSON.stringify(value)
}
