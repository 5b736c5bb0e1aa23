import type { z } from 'zod'
import { expected } from './expected.js'
import { documentIssues, type DocumentIssue, type Path } from './issues.js'

/** What remains of a document with errors, for checks of everything else in the same round. */
export interface Salvaged<T> {
  readonly value: T
  /** Where another value, or none, takes the place of one with an error. */
  readonly broken: readonly Path[]
}

/** Tried in turn until the schema accepts one: a word, an address, a mapping, nothing. */
const STAND_INS: readonly (() => unknown)[] = [
  () => 'stand-in',
  () => '::',
  () => ({}),
  () => undefined
]
const MAX_ROUNDS = 40

/**
 * Replaces the values of a document that a schema rejects. Each keeps its place, so that positions of all others
 * stay right.
 *
 * @param document changed in place
 * @param found what the schema rejects
 * @returns undefined: nothing can be made of it
 */
export function salvage<S extends z.ZodType>(
  schema: S,
  document: unknown,
  found: readonly DocumentIssue[]
): Salvaged<z.output<S>> | undefined {
  const part = entriesWithIssues(document, found)
  const tried = new Map<string, number>()
  const broken: Path[] = []
  const replace = (path: Path, atKey: boolean): boolean => {
    if (path.length === 0) return false
    const key = JSON.stringify(path)
    const attempt = tried.get(key) ?? 0
    tried.set(key, attempt + 1)
    // The items behind a removed one would get other indices.
    const standIns = typeof path.at(-1) === 'number' ? STAND_INS.slice(0, -1) : STAND_INS
    const standIn = atKey ? () => undefined : standIns[attempt]
    if (standIn === undefined) return replace(path.slice(0, -1), false)
    broken.push(path)
    const value = standIn()
    for (const root of [part, document]) put(root, path, value)
    return true
  }
  let issues = found
  for (let round = 0; issues.length > 0; round++) {
    const places = new Map(issues.map(({ path, atKey }) => [JSON.stringify(path), { path, atKey }]))
    const isReplaced = [...places.values()].every(({ path, atKey }) => replace(path, atKey))
    if (round === MAX_ROUNDS || !isReplaced) return undefined
    const { error } = schema.safeParse(part, { error: expected })
    issues = error === undefined ? [] : documentIssues(error.issues, part)
  }
  const { data } = schema.safeParse(document, { error: expected })
  return data === undefined ? undefined : { value: data, broken }
}

/** A document without the entries of its sections that have no issue: there may be 100,000 of them. */
function entriesWithIssues(document: unknown, issues: readonly DocumentIssue[]): unknown {
  if (!isMapping(document)) return document
  const keys = new Set(issues.map(({ path }) => JSON.stringify(path.slice(0, 2))))
  const sections = Object.entries(document).map(([section, entries]) => {
    if (!isMapping(entries) || Array.isArray(entries)) return [section, entries]
    const kept = Object.entries(entries).filter(([id]) => keys.has(JSON.stringify([section, id])))
    return [section, Object.fromEntries(kept)]
  })
  return Object.fromEntries(sections)
}

/** @param value undefined: nothing */
function put(root: unknown, path: Path, value: unknown): void {
  let parent = root
  for (const step of path.slice(0, -1)) {
    if (!isMapping(parent)) return
    parent = parent[step]
  }
  if (!isMapping(parent)) return
  const last = path.at(-1)!
  if (value === undefined) Reflect.deleteProperty(parent, last)
  else parent[last] = value
}

function isMapping(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null
}
